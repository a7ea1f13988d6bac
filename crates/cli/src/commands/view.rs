//! The command `view`.

use std::{
    io::{BufWriter, Write},
    path::Path,
};

use rollout_trace::{
    Bundle, Limits,
    answers::Rollout,
    bundle::{Existing, StagedFile, holds_bundle},
};
use rollout_trace_viewer::{FileError, FileOptions, LeftOut, Library, Options, Server, open_browser, write_file};

use super::question::not_selected;
use crate::{
    args::ViewArgs,
    failure::{Failure, Verdict},
    output::Output,
    progress, sessions,
};

pub(crate) fn run(mut args: ViewArgs, output: &mut Output) -> Result<Verdict, Failure> {
    args.path = sessions::bundle_path(&args.path, Limits::default())?;
    // In a trace root, it depends on the rollout what a selector means.
    if let Some(at) = args.at.as_ref().filter(|_| holds_bundle(&args.path) || args.path.is_file()) {
        check_selector(&args.path, at)?;
    }
    match &args.output {
        Some(target) => write(&args, target, output),
        None => serve(args, output),
    }
}

/// Checks that a selector means one thing of the bundle.
fn check_selector(path: &Path, selector: &str) -> Result<(), Failure> {
    let bundle = Bundle::open(path)?;
    let (graph, facts) = progress::reduce_for_answers(&bundle);
    let mut payloads = bundle.payloads();
    let rollout = Rollout::new(&graph, &facts, &mut payloads, bundle.limits());
    rollout.select(selector).map(drop).map_err(|error| not_selected(&rollout, selector, &error))
}

fn serve(args: ViewArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let hint = "give a bundle, or a folder with bundles";
    let library = Library::open([&args.path]).map_err(|error| Failure::new(error, hint))?;
    if library.books().map_err(|error| Failure::new(error, "check its permissions"))?.is_empty() {
        return Err(Failure::new(format!("no trace bundle in {}", args.path.display()), hint));
    }
    let server =
        Server::bind(library, Options { port: args.port, at: args.at, follow: args.follow }).map_err(|error| {
            Failure::new(format!("cannot serve on port {} of 127.0.0.1: {error}", args.port), "choose another --port")
        })?;
    output.line(server.link())?;
    output.flush()?;
    if !args.no_open && !server.link_to_open().is_some_and(|link| open_browser(&link)) {
        output.say("no browser could be opened: open the link above");
    }
    output.say("the page is served until this program is stopped with Ctrl-C");
    server.run().map_err(|error| Failure::new(format!("cannot serve: {error}"), "start the program again"))?;
    Ok(Verdict::Clean)
}

fn write(args: &ViewArgs, target: &Path, output: &mut Output) -> Result<Verdict, Failure> {
    let options = FileOptions { payloads: args.with_payloads, at: args.at.clone() };
    let failure = |error| match error {
        FileError::Open(error) => error.into(),
        FileError::Write(error) => {
            let hint = "a file that was there is unchanged; check the folder and its permissions";
            Failure::io("cannot write", target, &error, hint)
        }
        other => Failure::new(other, "choose another file"),
    };
    if target == Path::new("-") {
        let mut page = Vec::new();
        write_file(&args.path, &options, &mut page).map_err(failure)?;
        output.own_words(|stdout| stdout.write_all(&page))?;
        return Ok(Verdict::Clean);
    }
    let left_out = staged(args, &options, target).map_err(failure)?;
    output.line(target.display().to_string())?;
    if !left_out.is_empty() {
        output.say("the file lacks these, and says so in their places:");
    }
    for LeftOut { what, command } in left_out {
        output.say(format!("  {what}: {command}"));
    }
    Ok(Verdict::Clean)
}

/// Writes a temporary file next to the target, and renames it when it is complete.
fn staged(args: &ViewArgs, options: &FileOptions, target: &Path) -> Result<Vec<LeftOut>, FileError> {
    let mut staged = StagedFile::beside(target)?;
    let mut writer = BufWriter::with_capacity(1 << 20, staged.as_file_mut());
    let left_out = write_file(&args.path, options, &mut writer)?;
    writer.flush()?;
    drop(writer);
    staged.as_file_mut().sync_all()?;
    staged.publish(Existing::Replace)?;
    Ok(left_out)
}
