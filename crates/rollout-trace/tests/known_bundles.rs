//! What holds of the answers about the bundles of the suites, damaged or not.

mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rollout_trace::{Bundle, Limits, bundle::unpack};
use support::{
    all::check,
    loss::{LOG, found, found_by_loss},
};
use tempfile::TempDir;

fn suites() -> PathBuf {
    env::var_os("SUITES").expect("SUITES names the folder of the suites").into()
}

/// Returns the known bundles with their names, each in a folder that may be damaged.
fn bundles() -> Vec<(String, TempDir)> {
    let suites = suites();
    let conformance = env::var_os("CONFORMANCE").map_or_else(|| suites.join("../conformance"), PathBuf::from);
    let mut found = Vec::new();
    for root in [conformance, suites.join("schema-3")] {
        for case in folders(&root).iter().flat_map(|family| folders(family)) {
            let folder = tempfile::tempdir().expect("there is room for temporary files");
            if case.join("bundle").is_dir() {
                copy(&case.join("bundle"), folder.path());
                found.push((case.display().to_string(), folder));
            }
        }
    }
    for archive in fs::read_dir(suites.join("questions/bundles")).expect("the suites are there").flatten() {
        let name = archive.file_name().to_string_lossy().into_owned();
        found.push((name, unpacked(&archive.path())));
    }
    assert!(found.len() > 30);
    found
}

fn unpacked(archive: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    unpack(archive, folder.path().join("b"), &Limits::default()).expect("the archive is whole");
    let inner = folder.path().join("b");
    let plain = tempfile::tempdir().expect("there is room for temporary files");
    let bundle = Bundle::open(&inner).expect("the bundle opens");
    let layout = rollout_trace::schema::PayloadLayout::Files;
    rollout_trace::bundle::convert(&bundle, plain.path().join("bundle"), layout).expect("it is not of schema 3");
    let target = tempfile::tempdir().expect("there is room for temporary files");
    copy(&plain.path().join("bundle"), target.path());
    target
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).expect("the suites are there").flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Copies a bundle, which may be read-only.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder can be written");
    for entry in fs::read_dir(from).expect("the bundle is there").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => fs::write(target, fs::read(entry.path()).expect("it is readable")).expect("there is room"),
        }
    }
}

#[test]
#[ignore = "needs the suites, which .ci/questions --forms has"]
fn answers_about_known_bundles() {
    for (name, folder) in bundles() {
        println!("{name}");
        check(folder.path());
    }
}

#[test]
#[ignore = "needs the suites, which .ci/questions --forms has"]
fn answers_about_known_bundles_that_are_damaged() {
    for (name, folder) in bundles() {
        println!("{name}");
        let log = fs::read(folder.path().join(LOG)).expect("the log is there");
        let lines: Vec<_> = log.split_inclusive(|byte| *byte == b'\n').collect();
        let step = lines.len().div_ceil(12).max(1);
        for number in (0..lines.len()).step_by(step) {
            fs::write(folder.path().join(LOG), [&lines[..number], &lines[number + 1..]].concat().concat())
                .expect("there is room");
            check(folder.path());
            let mut torn = lines[..number].concat();
            torn.extend(&lines[number][..lines[number].len() / 2]);
            fs::write(folder.path().join(LOG), &torn).expect("there is room");
            check(folder.path());
        }
    }
}

#[test]
#[ignore = "needs the suites, which .ci/questions --forms has"]
fn loss_in_the_healthy_rollout_adds_no_finding() {
    let folder = unpacked(&suites().join("questions/bundles/healthy.tar.zst"));
    assert!(found(folder.path()).is_empty());
    assert_eq!(found_by_loss(folder.path()), [] as [String; 0]);
}
