//! Whole rollouts, each from a file, as the reducer sees them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{collections::BTreeMap, fs, path::Path, sync::Mutex, thread};

use support::{Recorded, normal::Behaviour, record, unrecorded};

/// Scenarios mostly wait, so a few are played at a time.
const AT_A_TIME: usize = 4;

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let waiting = Mutex::new(files);
    let recorded = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(path) = waiting.lock().unwrap().pop() else { return };
                    let played = twice(&path);
                    recorded.lock().unwrap().insert(path, played);
                }
            });
        }
    });
    let recorded = recorded.into_inner().unwrap();
    insta::glob!("scenarios/*.toml", |path| {
        insta::with_settings!({ filters => support::chance(), omit_expression => true }, {
            insta::assert_snapshot!(recorded[path].drawing());
        });
    });
}

/// Plays a scenario with and without being recorded, which must make no difference.
fn twice(path: &Path) -> Recorded {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let recorded = record(&name, &text);
    let unrecorded = unrecorded(&name, &text);
    Behaviour::of(&recorded.played).assert_same(&Behaviour::of(&unrecorded), &name);
    recorded
}
