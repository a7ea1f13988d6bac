//! The command `mcp`.

use rollout_trace::Limits;
use rollout_trace_mcp::{Library, serve};

use crate::{
    args::McpArgs,
    failure::{Failure, Verdict},
    sessions,
};

pub(crate) fn run(args: &McpArgs) -> Result<Verdict, Failure> {
    let hint = "give the folder that the agent writes to, or set CODEX_ROLLOUT_TRACE_ROOT to it";
    let roots = args.roots.iter().map(|root| sessions::bundle_path(root, Limits::default()));
    let library = Library::open(roots.collect::<Result<Vec<_>, _>>()?).map_err(|error| Failure::new(error, hint))?;
    let hint = "the program speaks the Model Context Protocol on stdin and stdout, and is started by an agent";
    serve(library).map_err(|error| Failure::new(format!("cannot serve: {error}"), hint))?;
    Ok(Verdict::Clean)
}
