//! The command `convert`.

use rollout_trace::{Bundle, Limits, bundle::convert};

use crate::{
    args::ConvertArgs,
    failure::{Failure, Verdict},
    output::Output,
    summary::report_losses,
};

pub(crate) fn run(args: &ConvertArgs, limits: Limits, output: &mut Output) -> Result<Verdict, Failure> {
    Failure::if_stdout(&args.output)?;
    let bundle = Bundle::open_with(&args.bundle, limits)?;
    let converted = convert(&bundle, &args.output, args.layout.into())?;
    output.line(args.output.display())?;
    Ok(report_losses(&bundle, &converted.losses, output))
}
