//! Reduces the traces of whole rollouts, each from a scenario file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{collections::BTreeMap, fs, path::Path, sync::Mutex, thread};

use support::{Recorded, normal::Behavior, record, unrecorded};

/// The number of scenarios played at one time, since scenarios mostly wait.
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

/// Plays a scenario with and without recording, which must not change its behavior.
fn twice(path: &Path) -> Recorded {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let recorded = record(&name, &text);
    let unrecorded = unrecorded(&name, &text);
    Behavior::of(&recorded.played).assert_same(&Behavior::of(&unrecorded), &name);
    recorded
}
