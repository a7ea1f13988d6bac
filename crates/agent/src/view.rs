//! The page of the demo's rollout.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use rollout_trace::find_bundles;
use rollout_trace_viewer::{Library, Options, Server, open_browser};

use crate::failure::Failure;

/// How often the folder is looked at until the recording has begun.
const PERIOD: Duration = Duration::from_millis(50);

/// A page that shows a rollout while it is recorded.
///
/// It is served by this program and not by `rollout-trace`, which need not be installed.
pub(crate) struct Viewing(mpsc::Receiver<Result<String, Failure>>);

impl Viewing {
    /// Serves the first rollout that is recorded below a trace root, once it has begun. Its page is opened in a browser, or
    /// only its link is returned.
    pub(crate) fn start(root: PathBuf, open: bool) -> Self {
        let (sender, links) = mpsc::channel();
        thread::spawn(move || {
            let bundle = loop {
                match find_bundles(&root).unwrap_or_default().into_iter().next() {
                    Some(found) => break found.path,
                    None => thread::sleep(PERIOD),
                }
            };
            // A receiver that is gone belongs to a demo that has failed.
            match serve(&bundle) {
                Ok(server) => {
                    let _ = sender.send(Ok(server.link()));
                    drop(sender);
                    if open {
                        server.link_to_open().map(|link| open_browser(&link));
                    }
                    // A page that cannot be reached says so itself.
                    let _ = server.run();
                }
                Err(failure) => _ = sender.send(Err(failure)),
            }
        });
        Self(links)
    }

    /// Returns the link to the page once, when it is there.
    pub(crate) fn link(&self) -> Option<Result<String, Failure>> {
        self.0.try_recv().ok()
    }

    /// Returns the link to the page, unless it was returned before.
    pub(crate) fn last_link(&self) -> Option<Result<String, Failure>> {
        // The recording has begun, so that the link comes or came. The sender of one that came is gone.
        self.0.recv().ok()
    }
}

fn serve(bundle: &Path) -> Result<Server, Failure> {
    let failed = |error| Failure::io("cannot serve the page of", bundle, &error, "use `rollout-trace view` afterwards");
    let library = Library::open([bundle]).map_err(failed)?;
    Server::bind(library, Options { follow: true, ..Options::default() }).map_err(failed)
}
