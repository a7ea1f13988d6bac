//! The command `schema`.

use rollout_trace::model::json_schema;

use crate::{
    failure::{Failure, Verdict},
    output::Output,
};

pub(crate) fn run(output: &mut Output) -> Result<Verdict, Failure> {
    output.line(format_args!("{:#}", json_schema()))?;
    Ok(Verdict::Clean)
}
