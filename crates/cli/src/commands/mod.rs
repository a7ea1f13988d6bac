//! The commands, one per file.

mod check;
mod completions;
mod convert;
mod export;
mod export_tables;
mod fleet;
mod follow;
mod import;
mod list;
mod man;
mod mcp;
mod pack;
mod payload;
mod question;
mod record;
mod reduce;
mod schema;
mod show;
mod sql;
mod unpack;
mod view;

use crate::{
    args::{Cli, Command},
    failure::{Failure, Verdict},
    output::Output,
    signals::remove_unfinished_on_signals,
};

/// Runs the command.
pub(crate) fn run(cli: Cli, output: &mut Output) -> Result<Verdict, Failure> {
    // The other commands write no files.
    let writes = match &cli.command {
        Command::List(_)
        | Command::Reduce(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Convert(_)
        | Command::Pack(_)
        | Command::Unpack(_) => true,
        Command::View(args) => args.output.is_some(),
        _ => false,
    };
    if writes {
        remove_unfinished_on_signals();
    }
    match cli.command {
        Command::Reduce(args) => reduce::run(&args, output),
        Command::List(args) => list::run(&args, args.limits.into(), output),
        Command::Check(args) => check::run(&args, output),
        Command::Show(args) => show::run(&args, output),
        Command::Why(args) => question::why(&args, output),
        Command::Context(args) => question::context(&args, output),
        Command::Time(args) => question::time(&args, output),
        Command::CriticalPath(args) => question::critical_path(&args, output),
        Command::Blame(args) => question::blame(&args, output),
        Command::Unseen(args) => question::unseen(&args, output),
        Command::Diff(args) => question::diff(&args, output),
        Command::Verdict(args) => question::verdict(&args, output),
        Command::Findings(args) => question::findings(&args, output),
        Command::Stats(args) => question::stats(&args, output),
        Command::Grep(args) => question::grep(&args, output),
        Command::Sql(args) => sql::run(&args, output),
        Command::Payload(args) => payload::run(&args, output),
        Command::View(args) => view::run(args, output),
        Command::Record(args) => record::run(&args, output),
        Command::Mcp(args) => mcp::run(&args),
        Command::Import(args) => import::run(&args, output),
        Command::Export(args) => export::run(&args, output),
        Command::Convert(args) => convert::run(&args, output),
        Command::Pack(args) => pack::run(&args, output),
        Command::Unpack(args) => unpack::run(&args, args.limits.into(), output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => man::run(&args, output),
    }
}
