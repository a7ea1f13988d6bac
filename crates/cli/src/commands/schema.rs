//! The command `schema`.

use rollout_trace::model::json_schema;

use crate::{
    failure::{Failure, Verdict},
    output::Output,
};

pub(crate) fn run(output: &mut Output) -> Result<Verdict, Failure> {
    output.own_words(|stdout| writeln!(stdout, "{:#}", json_schema()))?;
    Ok(Verdict::Clean)
}
