//! The command `schema`.

use rollout_trace::answers;

use crate::{
    args::{SchemaArgs, Schemas},
    failure::{Failure, Verdict},
    output::Output,
};

pub(crate) fn run(args: &SchemaArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let schema = match args.of {
        Schemas::State => answers::state_schema(),
        Schemas::Answers => answers::json_schema(),
    };
    output.own_words(|stdout| writeln!(stdout, "{schema:#}"))?;
    Ok(Verdict::Clean)
}
