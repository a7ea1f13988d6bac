//! The command `pack`.

use std::path::Path;

use rollout_trace::bundle::{ARCHIVE_SUFFIX, pack};

use crate::{
    args::PackArgs,
    failure::{Failure, Verdict},
    output::Output,
    summary::report_losses,
};

pub(crate) fn run(args: &PackArgs, output: &mut Output) -> Result<Verdict, Failure> {
    if args.output.as_deref() == Some(Path::new("-")) {
        return Err(Failure::new("an archive cannot be written to stdout", "use -o FILE; ./- names a file `-`"));
    }
    let bundle = args.reading.open(&args.bundle)?;
    let name = format!("{}{ARCHIVE_SUFFIX}", bundle.name());
    // The paths . and .. have no file name.
    let default = match bundle.path().file_name() {
        Some(_) => bundle.path().with_file_name(&name),
        None => bundle.path().join("..").join(&name),
    };
    let target = args.output.clone().unwrap_or(default);
    let packed = pack(&bundle, &target)?;
    output.line(target.display())?;
    Ok(report_losses(&bundle, &packed.losses, output))
}
