//! The command `import`.

use rollout_trace::import::{Session, find_sessions, write_bundle};

use crate::{
    args::ImportArgs,
    failure::{Failure, Verdict},
    output::Output,
    sessions,
};

pub(crate) fn run(args: &ImportArgs, output: &mut Output) -> Result<Verdict, Failure> {
    Failure::if_stdout(&args.output)?;
    let found = match sessions::session_of(&args.path) {
        Some(found) if args.session.is_none() => found,
        _ if args.path.is_dir() || !find_sessions(&args.path).is_empty() => {
            sessions::choose_one(&args.path, args.session.as_deref(), args.latest)?
        }
        _ => {
            // The error says what is wrong with the file.
            Session::open(&args.path, args.limits.into())?;
            return Err(Failure::new("--session chooses among the sessions of a folder", "leave it out for a file"));
        }
    };
    let session = Session::open(&found.path, args.limits.into())?;
    let manifest = write_bundle(session, &args.output)?;
    output.line(args.output.display())?;
    let Some(evidence) = manifest.evidence else { return Ok(Verdict::Clean) };
    for (code, count) in &evidence.losses {
        output.say(format_args!("{code}: {count}"));
    }
    Ok(Verdict::Clean)
}
