//! Which bundles can be named, and when they are read again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
};

use rollout_trace::{
    Bundle, Edition, FindError, Library, Shelf,
    bundle::{PayloadLayout, convert, pack},
};
use tempfile::TempDir;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sample-bundle");

/// A trace root with two forms of the sample bundle.
fn root() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("traces");
    fs::create_dir(&root).unwrap();
    let sample = Bundle::open(SAMPLE).unwrap();
    convert(&sample, root.join("one"), PayloadLayout::Packed).unwrap();
    pack(&sample, root.join("two.rollout-trace.tar.zst")).unwrap();
    (folder, root)
}

#[test]
fn words_mean_bundles_of_the_library_only() {
    let (_folder, root) = root();
    let library = Library::open([&root]).unwrap();
    assert_eq!((library.only(), library.books().unwrap().len()), (None, 2));
    let means = |word: &str| match library.find(word) {
        Ok(book) => book.name,
        Err(error) => format!("error: {error}"),
    };
    assert_eq!(means("one"), "one");
    assert_eq!(means(root.join("one").to_str().unwrap()), "one");
    assert_eq!(means("two.rollout-trace.tar.zst"), "two.rollout-trace.tar.zst");
    assert_eq!(means("thread-ro"), "error: several rollouts are meant by \"thread-ro\"");
    for word in ["", ".", "..", "../traces/one", "one/", "one/../one", SAMPLE, "/", "no"] {
        assert!(matches!(library.find(word), Err(FindError::Nothing { .. })), "{word}");
    }
    let newest = library.books().unwrap().swap_remove(0);
    assert_eq!(library.find("latest").unwrap(), newest);
    // The bundle of that name is one that a person or program has made.
    fs::rename(root.join("one"), root.join("latest")).unwrap();
    assert_eq!(means("latest"), "latest");
}

#[test]
fn a_library_of_one_bundle() {
    let (_folder, root) = root();
    let folder = root.join("one");
    let archive = root.join("two.rollout-trace.tar.zst");
    for (given, is) in [
        (folder.clone(), &folder),
        (folder.join("trace.jsonl"), &folder),
        (folder.join("payloads.pack"), &folder),
        (archive.clone(), &archive),
    ] {
        let library = Library::open([&given]).unwrap();
        assert_eq!(library.only(), Some(is.as_path()));
        let books = library.books().unwrap();
        assert_eq!((books.len(), &books[0].path, books[0].is_archive), (1, is, *is == archive));
        assert_eq!(books[0].rollout_id.as_ref().unwrap().as_str(), "thread-root");
        assert!(books[0].started_at_unix_ms > 0);
        assert_eq!(library.find("thread-root").unwrap(), books[0]);
    }
    // A bundle that is given twice is one.
    let library = Library::open([&root, &folder]).unwrap();
    assert_eq!((library.only(), library.books().unwrap().len()), (None, 2));
}

#[test]
fn what_is_not_there_is_said_with_its_path() {
    let (_folder, root) = root();
    let error = Library::open([root.join("nowhere")]).unwrap_err();
    assert!(error.to_string().starts_with("cannot open ") && error.to_string().contains("nowhere"), "{error}");
    assert!(Library::open(Vec::<PathBuf>::new()).is_err());
    let empty = root.join("empty");
    fs::create_dir(&empty).unwrap();
    let library = Library::open([&empty]).unwrap();
    assert!(matches!(library.find("latest"), Err(FindError::Empty)));
    fs::remove_dir(&empty).unwrap();
    assert!(library.books().unwrap_err().to_string().contains("empty"));
}

/// Answers with the length of the event log as it was when the bundle was read; panics if that is asked for.
fn keep(path: &Path, jobs: &mpsc::Receiver<Option<mpsc::Sender<u64>>>) {
    let length = fs::metadata(path.join("trace.jsonl")).map_or(0, |metadata| metadata.len());
    for job in jobs {
        job.expect("a job without a sender is a panic").send(length).unwrap();
    }
}

#[test]
fn a_bundle_is_read_again_if_the_current_edition_is_wanted_and_it_has_changed() {
    let (_folder, root) = root();
    let path = root.join("one");
    let shelf = Shelf::new(keep);
    let ask = |path: &Path, edition| {
        let (job, answer) = mpsc::channel();
        shelf.send(path, edition, Some(job)).unwrap();
        answer.recv().unwrap()
    };
    let before = ask(&path, Edition::Kept);
    let log = path.join("trace.jsonl");
    fs::write(&log, fs::read_to_string(&log).unwrap() + "\n").unwrap();
    assert_eq!(ask(&path, Edition::Kept), before);
    assert_eq!(ask(&path, Edition::Current), before + 1);
    assert_eq!(ask(&path, Edition::Kept), before + 1);
    fs::write(&log, "").unwrap();
    shelf.forget(&path);
    assert_eq!(ask(&path, Edition::Kept), 0);
    // After a panic it is read again, too.
    fs::write(&log, "\n").unwrap();
    shelf.send(&path, Edition::Kept, None).unwrap();
    let after_panic = (0..).find_map(|_| {
        let (job, answer) = mpsc::channel();
        shelf.send(&path, Edition::Kept, Some(job)).unwrap();
        // A job that waits for an OS thread that panics is lost, and its sender shows it.
        answer.recv().ok()
    });
    assert_eq!(after_panic, Some(1));
    // Of many bundles, those that were asked last are kept.
    let bundle = |number: u32| root.join(format!("bundle-{number}"));
    for number in 0..5 {
        assert_eq!(ask(&bundle(number), Edition::Kept), 0);
    }
    for (number, length) in [(4, 0), (0, 1)] {
        fs::create_dir(bundle(number)).unwrap();
        fs::write(bundle(number).join("trace.jsonl"), "\n").unwrap();
        assert_eq!(ask(&bundle(number), Edition::Kept), length);
    }
}
