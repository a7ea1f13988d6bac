//! Both payload layouts mean the same, and neither loses anything on the way to the other.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::{Bundle, Loss, PayloadLayout, convert};

/// All files of a folder.
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

/// Converts a bundle of files there and back again.
fn check(name: &str, bundle: &Path) {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (packed, back) = (folder.path().join("packed"), folder.path().join("back"));
    let converted = convert(&Bundle::open(bundle).expect("the bundle opens"), &packed, PayloadLayout::Packed);
    assert_eq!(converted.expect("there is room").losses, Vec::<Loss>::new(), "{name}");
    let converted = convert(&Bundle::open(&packed).expect("the pack opens"), &back, PayloadLayout::Files);
    assert_eq!(converted.expect("there is room").losses, Vec::<Loss>::new(), "{name}");
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
fn recorded_and_unit_bundles() {
    let Some(root) = support::conformance() else { return };
    for family in fs::read_dir(&root).expect("the cases are there").flatten().filter(|entry| entry.path().is_dir()) {
        for case in fs::read_dir(family.path()).expect("the cases are there").flatten() {
            check(&case.path().display().to_string(), &case.path().join("bundle"));
        }
    }
}
