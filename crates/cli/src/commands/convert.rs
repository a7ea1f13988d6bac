//! The command `convert`.

use rollout_trace::bundle::convert;

use crate::{
    args::ConvertArgs,
    failure::{Failure, Verdict},
    output::Output,
    summary::report_losses,
};

pub(crate) fn run(args: &ConvertArgs, output: &mut Output) -> Result<Verdict, Failure> {
    Failure::if_stdout(&args.output)?;
    let bundle = args.reading.open(&args.bundle)?;
    let converted = convert(&bundle, &args.output, args.layout.into())?;
    output.line(args.output.display())?;
    Ok(report_losses(&bundle, &converted.losses, output))
}
