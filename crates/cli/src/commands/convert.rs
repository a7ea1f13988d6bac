//! The command `convert`.

use rollout_trace::{bundle::convert, convert_to_schema_3};

use crate::{
    args::{ConvertArgs, SchemaArg},
    failure::{Failure, Verdict},
    output::Output,
    summary::report_losses,
};

pub(crate) fn run(args: &ConvertArgs, output: &mut Output) -> Result<Verdict, Failure> {
    Failure::if_stdout(&args.output)?;
    let bundle = args.reading.open(&args.bundle)?;
    let converted = match (args.schema, args.layout) {
        (Some(SchemaArg::V3), _) => convert_to_schema_3(&bundle, &args.output)?,
        (None, layout) => convert(&bundle, &args.output, layout.expect("required without a schema").into())?,
    };
    output.line(args.output.display())?;
    Ok(report_losses(&bundle, &converted.losses, output))
}
