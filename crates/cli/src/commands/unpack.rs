//! The command `unpack`.

use rollout_trace::{
    Limits,
    bundle::{ARCHIVE_SUFFIX, unpack},
};

use crate::{
    args::UnpackArgs,
    failure::{Failure, Verdict},
    output::Output,
};

pub(crate) fn run(args: &UnpackArgs, limits: Limits, output: &mut Output) -> Result<Verdict, Failure> {
    if args.file.is_dir() {
        let what = format!("{} is a folder, not an archive", args.file.display());
        return Err(Failure::new(
            what,
            "name a .tar.zst file; the other commands read the folder of a bundle as it is",
        ));
    }
    let target = match &args.output {
        Some(folder) => folder.clone(),
        None => {
            let name = args.file.file_name().unwrap_or_default().to_string_lossy();
            let name = name.strip_suffix(ARCHIVE_SUFFIX).filter(|name| !name.is_empty()).ok_or_else(|| {
                let what = format!("the name of {} does not end with {ARCHIVE_SUFFIX}", args.file.display());
                Failure::new(what, "name the bundle's folder with -o DIR")
            })?;
            args.file.with_file_name(name)
        }
    };
    Failure::if_stdout(&target)?;
    let problems = unpack(&args.file, &target, &limits)?;
    output.line(target.display())?;
    for problem in &problems {
        output.say(problem);
    }
    Ok(if problems.is_empty() { Verdict::Clean } else { Verdict::Damaged })
}
