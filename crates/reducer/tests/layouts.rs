//! Both payload layouts reduce to the same graph, and converting between them loses nothing.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::{Bundle, Loss, PayloadLayout, convert, pack};
use support::reduce_bundle;

/// Returns all files of a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(root, &path, found);
            } else {
                let relative = path.strip_prefix(root).expect("it lies in the root").to_owned();
                found.insert(relative, fs::read(&path).expect("the file is readable"));
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

/// Converts a bundle of files to the packed layout and back.
fn check(name: &str, bundle: &Path) {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (packed, back) = (folder.path().join("packed"), folder.path().join("back"));
    let converted = convert(&Bundle::open(bundle).expect("the bundle opens"), &packed, PayloadLayout::Packed);
    let losses = converted.expect("there is room").losses;
    // A payload that is missing is missing in every layout.
    assert!(losses.iter().all(|loss| !bundle.join(&loss.path).exists()), "{name}: {losses:?}");
    let converted = convert(&Bundle::open(&packed).expect("the pack opens"), &back, PayloadLayout::Files);
    let paths = |losses: &[Loss]| losses.iter().map(|loss| loss.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&converted.expect("there is room").losses), paths(&losses), "{name}");
    let (before, after) = (files(bundle), files(&back));
    assert!(before.keys().eq(after.keys()), "{name}");
    assert!(before == after, "{name}");
    assert!(files(&packed).keys().all(|path| !path.starts_with("payloads")), "{name}");

    let again = folder.path().join("again");
    convert(&Bundle::open(&packed).expect("the pack opens"), &again, PayloadLayout::Packed).expect("there is room");
    let graph = support::reduce(bundle);
    assert!(graph == support::reduce(&packed), "{name}");
    assert!(graph == support::reduce(&again), "{name}");
}

#[test]
fn scenarios() {
    for (name, text) in support::scenarios() {
        check(&name, support::scenario(&text).path());
    }
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn recorded_and_unit_bundles() {
    let root = support::conformance();
    for family in fs::read_dir(&root).expect("the cases are there").flatten().filter(|entry| entry.path().is_dir()) {
        for case in fs::read_dir(family.path()).expect("the cases are there").flatten() {
            check(&case.path().display().to_string(), &case.path().join("bundle"));
        }
    }
}

#[test]
fn damaged_packs() {
    for name in ["compaction", "agents", "incremental"] {
        let (_, text) = support::scenarios().into_iter().find(|(found, _)| found == name).expect("the scenario exists");
        let files = support::scenario(&text);
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let packed = folder.path().join("packed");
        convert(&Bundle::open(files.path()).expect("the bundle opens"), &packed, PayloadLayout::Packed)
            .expect("there is room");
        let path = packed.join("payloads.pack");
        let sound = fs::read(&path).expect("the pack is there");
        let graph = reduce_bundle(&Bundle::open(&packed).expect("the pack opens"));
        for at in (0..sound.len()).step_by(3) {
            let mut flipped = sound.clone();
            flipped[at] ^= 1 << (at % 8);
            for (what, damaged) in [("flipped", &flipped[..]), ("cut", &sound[..at])] {
                fs::write(&path, damaged).expect("there is room");
                let damaged = reduce_bundle(&Bundle::open(&packed).expect("the pack opens"));
                assert_eq!(damaged.check_links(), Vec::<String>::new(), "{name}: {what} at {at}");
                let is_reported = support::complaints(&damaged).iter().any(|code| code.starts_with("payload_"));
                assert!(is_reported, "{name}: {what} at {at} is not reported");
                assert_eq!(damaged.raw_payloads, graph.raw_payloads, "{name}: {what} at {at}");
            }
        }
    }
}

/// Unpacks an archive as any other program does.
fn extract(archive: &Path, folder: &Path) {
    let file = fs::File::open(archive).expect("the archive is there");
    tar::Archive::new(zstd::Decoder::new(file).expect("the archive is compressed with zstd"))
        .unpack(folder)
        .expect("the archive is a tar archive");
}

#[test]
fn archives_that_another_program_unpacks() {
    for (name, text) in support::scenarios().into_iter().step_by(4) {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let (packed, archive) = (folder.path().join("packed"), folder.path().join("archive.tar.zst"));
        let files = support::scenario(&text);
        convert(&Bundle::open(files.path()).expect("the bundle opens"), &packed, PayloadLayout::Packed)
            .expect("there is room");
        pack(&Bundle::open(&packed).expect("the pack opens"), &archive).expect("there is room");
        extract(&archive, &folder.path().join("extracted"));
        let extracted = folder.path().join("extracted/packed");
        let pack = |bundle: &Path| fs::read(bundle.join("payloads.pack")).expect("the pack is there");
        assert_ne!(pack(&extracted), pack(&packed), "{name}: the form of archives");
        assert!(support::reduce(&extracted) == support::reduce(&packed), "{name}");
    }
}
