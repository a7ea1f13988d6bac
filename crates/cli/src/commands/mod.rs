//! One file for each command.

mod check;
mod completions;
mod convert;
mod list;
mod man;
mod pack;
mod payload;
mod reduce;
mod schema;
mod show;
mod unpack;

use rollout_trace_bundle::Limits;

use crate::{
    args::{Cli, Command},
    failure::{Failure, Verdict},
    output::Output,
};

/// Does what was typed.
pub(crate) fn run(cli: Cli, output: &mut Output) -> Result<Verdict, Failure> {
    let limits = Limits::from(cli.limits);
    match cli.command {
        Command::Reduce(args) => reduce::run(&args, limits, output),
        Command::List(args) => list::run(&args, limits, output),
        Command::Check(args) => check::run(&args, limits, output),
        Command::Show(args) => show::run(&args, limits, output),
        Command::Payload(args) => payload::run(&args, limits, output),
        Command::Convert(args) => convert::run(&args, limits, output),
        Command::Pack(args) => pack::run(&args, limits, output),
        Command::Unpack(args) => unpack::run(&args, limits, output),
        Command::Schema => schema::run(output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => man::run(&args, output),
    }
}
