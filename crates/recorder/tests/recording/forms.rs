//! Every form of a bundle that the recorder has ever written can still be read.
//!
//! `tests/forms` holds one session in each form, named for its payload layout; the golden of schema 3 belongs to the tests
//! of the feature `schema-3`. A golden is never changed. If the
//! recorder writes a form that has no golden yet, this command writes the missing ones:
//!
//! ```sh
//! cargo test -p rollout-trace-recorder --test recording forms::write_missing_goldens -- --ignored
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use rollout_trace::{Bundle, Drawing, Severity, bundle, reduce_bundle};
use rollout_trace_recorder::{SessionSource, ThreadTraceContext};
use tempfile::TempDir;

use crate::{
    support::{LAYOUTS, ROOT_THREAD, metadata, options},
    traced_agent::run_session,
};

const FORMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms");

/// The forms that must never be removed.
const KNOWN: [&str; 5] = ["files", "packed-1", "packed-1.tar.zst", "packed-2", "packed-2.tar.zst"];

/// Records the session of the goldens in today's form of each layout.
fn record(root: &Path) -> Vec<PathBuf> {
    let bundles = LAYOUTS.map(|layout| {
        let source = metadata(ROOT_THREAD, "/root", SessionSource::Program("golden".into()));
        let trace = ThreadTraceContext::start_root(&root.join(format!("{layout:?}")), source, options(layout))
            .expect("the folder is writable");
        run_session(&trace);
        trace.bundle_folder().expect("tracing is on")
    });
    bundles.into()
}

/// Returns the name of a bundle's golden.
fn name(bundle: &Bundle) -> String {
    bundle.manifest().and_then(|manifest| manifest.payload_layout.clone()).unwrap_or_else(|| "files".to_owned())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is writable");
    for entry in from.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let target = to.join(entry.file_name().expect("an entry has a name"));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, target).expect("the folder is writable");
        }
    }
}

/// Draws a bundle, and checks that nothing in it is damaged.
fn draw(path: &Path) -> String {
    let bundle = Bundle::open(path).expect("the bundle opens");
    assert_eq!(bundle.problems(), [], "{}", path.display());
    let graph = reduce_bundle(&bundle);
    let complaints = graph.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note);
    assert_eq!(complaints.collect::<Vec<_>>(), [] as [&rollout_trace::Diagnostic; 0], "{}", path.display());
    Drawing::new(&graph).to_string()
}

#[test]
fn every_form_is_read() {
    let root = TempDir::new().expect("a folder");
    let drawing = draw(&Path::new(FORMS).join("files"));
    insta::assert_snapshot!("session", drawing);
    for form in KNOWN {
        assert_eq!(draw(&Path::new(FORMS).join(form)), drawing, "{form}");
    }
    for recorded in record(root.path()) {
        assert_eq!(draw(&recorded), drawing, "{}", recorded.display());
    }
}

#[test]
#[ignore = "writes the goldens that are missing"]
fn write_missing_goldens() {
    let root = TempDir::new().expect("a folder");
    for recorded in record(root.path()) {
        let opened = Bundle::open(&recorded).expect("the bundle opens");
        let name = name(&opened);
        let (folder, archive) =
            (Path::new(FORMS).join(&name), Path::new(FORMS).join(format!("{name}{}", bundle::ARCHIVE_SUFFIX)));
        if !folder.exists() {
            copy(&recorded, &folder);
        }
        if name != "files" && !archive.exists() {
            bundle::pack(&opened, &archive).expect("the archive is written");
        }
    }
}
