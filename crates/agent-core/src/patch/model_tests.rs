//! Patches compared with a model that knows nothing of how they are applied: a folder is a map, and a file is lines with
//! one line end.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::{Arc, Barrier, Mutex},
    thread,
};

use proptest::prelude::*;

use super::*;

/// What is at a path.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    File { text: String, mode: u32 },
    Link(String),
}

type Tree = BTreeMap<String, Entry>;

fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            let entry = match metadata.is_symlink() {
                true => Entry::Link(fs::read_link(&path).unwrap().to_str().unwrap().to_owned()),
                false => Entry::File {
                    text: fs::read_to_string(&path).unwrap(),
                    mode: metadata.permissions().mode() & 0o7777,
                },
            };
            tree.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), entry);
        }
    }
    tree
}

fn make(root: &Path, tree: &Tree) {
    for (path, entry) in tree {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match entry {
            Entry::File { text, mode } => {
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Entry::Link(target) => symlink(target, &path).unwrap(),
        }
    }
}

/// One section of a patch.
#[derive(Clone, Debug)]
enum Change {
    Add(usize, Vec<String>),
    Delete(usize),
    /// Replaces the first line of a file, and adds a line to its end.
    Update(usize, Option<usize>, String),
}

/// The paths that changes name. Those below `out` lead out of the folder.
const PATHS: [&str; 9] = ["a", "b", "d/c", "d/e/f", "link", "dead", "away", "out/secret", "out/new"];

fn change() -> impl Strategy<Value = Change> {
    let path = 0..PATHS.len();
    let line = "[a-z]{1,3}";
    prop_oneof![
        (path.clone(), prop::collection::vec(line, 0..3)).prop_map(|(path, lines)| Change::Add(path, lines)),
        path.clone().prop_map(Change::Delete),
        (path.clone(), prop::option::of(path), line).prop_map(|(path, to, line)| Change::Update(path, to, line)),
    ]
}

/// Returns the lines of a text, its line end, and whether the last line has one.
fn lines(text: &str) -> (Vec<String>, &'static str, bool) {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let has_end = text.is_empty() || text.ends_with(end);
    let lines = text.strip_suffix(end).unwrap_or(text).split(end).map(str::to_owned);
    (if text.is_empty() { Vec::new() } else { lines.collect() }, end, has_end)
}

/// Makes a change in the model. Returns the section of the patch, or `None` if the change must be refused.
fn model(tree: &mut Tree, gone: &mut BTreeMap<String, u32>, usual_mode: u32, change: &Change) -> (String, Option<()>) {
    let leads_out = |path: &str| path.starts_with("out/");
    // Where the content of a path is.
    let real = |tree: &Tree, path: &str| match tree.get(path) {
        Some(Entry::Link(target)) => tree.contains_key(target).then(|| target.clone()),
        Some(Entry::File { .. }) => Some(path.to_owned()),
        None => None,
    };
    match change {
        Change::Add(path, added) => {
            let path = PATHS[*path];
            let body: String = added.iter().map(|line| format!("+{line}\n")).collect();
            let section = format!("*** Add File: {path}\n{body}");
            if leads_out(path) || tree.contains_key(path) {
                return (section, None);
            }
            let mode = gone.get(path).copied().unwrap_or(usual_mode);
            let text = added.iter().map(|line| format!("{line}\n")).collect();
            tree.insert(path.to_owned(), Entry::File { text, mode });
            (section, Some(()))
        }
        Change::Delete(path) => {
            let path = PATHS[*path];
            let section = format!("*** Delete File: {path}\n");
            if leads_out(path) {
                return (section, None);
            }
            if let Some(Entry::File { mode, .. }) = real(tree, path).and_then(|real| tree.get(&real)) {
                gone.insert(path.to_owned(), *mode);
            }
            (section, tree.remove(path).map(drop))
        }
        Change::Update(path, to, line) => {
            let path = PATHS[*path];
            let to = to.map(|to| PATHS[to]).filter(|to| *to != path);
            let real = if leads_out(path) { None } else { real(tree, path) };
            let old = real.as_ref().and_then(|real| tree.get(real));
            let (text, mode) = match old {
                Some(Entry::File { text, mode }) => (text.clone(), *mode),
                _ => (String::new(), 0),
            };
            let (mut new, end, has_end) = lines(&text);
            let first = new.first().cloned();
            let replaced: String = first.iter().map(|first| format!("-{first}\n+{line}\n")).collect();
            let move_to: String = to.iter().map(|to| format!("*** Move to: {to}\n")).collect();
            let section = format!("*** Update File: {path}\n{move_to}@@\n{replaced}@@\n+{line}\n");
            let section = if replaced.is_empty() { section.replacen("@@\n", "", 1) } else { section };
            let Some(real) = real else { return (section, None) };
            if to.is_some_and(|to| leads_out(to) || tree.contains_key(to)) {
                return (section, None);
            }
            if let Some(first) = new.first_mut() {
                first.clone_from(line);
            }
            new.push(line.clone());
            let text = new.join(end) + if has_end { end } else { "" };
            if to.is_some() {
                tree.remove(path);
                gone.insert(path.to_owned(), mode);
            }
            tree.insert(to.map_or(real, str::to_owned), Entry::File { text, mode });
            (section, Some(()))
        }
    }
}

fn file() -> impl Strategy<Value = Entry> {
    let line = prop_oneof!["[a-z]{1,3}", "[ \t“–é\u{A0}]{0,2}[a-z]{1,2}"];
    let mode = prop::sample::select(vec![0o600, 0o644, 0o755, 0o640, 0o700, 0o664]);
    (prop::collection::vec(line, 0..5), any::<(bool, bool)>(), mode).prop_map(|(lines, (returns, has_end), mode)| {
        let end = if returns { "\r\n" } else { "\n" };
        let last = if has_end && !lines.is_empty() { end } else { "" };
        Entry::File { text: lines.join(end) + last, mode }
    })
}

proptest! {
    #[test]
    fn a_patch_does_what_the_model_does(
        files in prop::collection::btree_map(prop::sample::select(vec!["a", "b", "d/c", "target"]), file(), 0..4),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (work, outside) = (folder.path().join("work"), folder.path().join("outside"));
        fs::create_dir_all(&work).unwrap();
        let secret = Entry::File { text: "secret\n".to_owned(), mode: 0o640 };
        make(&outside, &Tree::from([("secret".to_owned(), secret)]));
        let outside_before = tree(&outside);
        let links = [("link", "target"), ("dead", "nowhere"), ("away", "../outside/secret"), ("out", "../outside")];
        let links = links.map(|(name, target)| (name.to_owned(), Entry::Link(target.to_owned())));
        let before: Tree = files.into_iter().map(|(path, file)| (path.to_owned(), file)).chain(links).collect();
        make(&work, &before);
        fs::write(folder.path().join("usual"), "").unwrap();
        let usual_mode = fs::metadata(folder.path().join("usual")).unwrap().permissions().mode() & 0o7777;

        let (mut expected, mut gone) = (before.clone(), BTreeMap::new());
        let sections: Vec<_> =
            changes.iter().map(|change| model(&mut expected, &mut gone, usual_mode, change)).collect();
        let applies = sections.iter().all(|(_, applies)| applies.is_some());
        let body: String = sections.into_iter().map(|(section, _)| section).collect();
        let text = format!("*** Begin Patch\n{body}*** End Patch\n");
        let result = Patch::parse(&text).unwrap().prepare(&work).and_then(PreparedPatch::write);
        prop_assert_eq!(result.is_ok(), applies, "{}\n{:?}", text, result);
        prop_assert_eq!(tree(&work), if applies { expected } else { before }, "{}", text);
        prop_assert_eq!(tree(&outside), outside_before);
    }
}

/// One section of a patch that does not depend on what else is in a file.
#[derive(Clone, Debug)]
enum Edit {
    Add(&'static str),
    Delete(&'static str),
    /// Replaces one line of a file, and may move the file.
    Replace(&'static str, Option<&'static str>, usize),
}

/// The names of files. `link` leads to `target`.
const NAMES: [&str; 5] = ["a", "b", "d/c", "target", "link"];

fn edit() -> impl Strategy<Value = Edit> {
    let name = || prop::sample::select(NAMES.to_vec());
    prop_oneof![
        1 => name().prop_map(Edit::Add),
        1 => name().prop_map(Edit::Delete),
        6 => (name(), prop::option::weighted(0.3, name()), 0..4_usize).prop_map(|(name, to, line)| Edit::Replace(name, to, line)),
    ]
}

/// Returns the section of a patch for an edit. `mark` is a text that no other edit writes.
fn section(edit: &Edit, mark: &str) -> String {
    match edit {
        Edit::Add(name) => format!("*** Add File: {name}\n+{mark}\n"),
        Edit::Delete(name) => format!("*** Delete File: {name}\n"),
        Edit::Replace(name, to, line) => {
            let to = to.map(|to| format!("*** Move to: {to}\n")).unwrap_or_default();
            format!("*** Update File: {name}\n{to}@@\n-line {line}\n+{mark}\n")
        }
    }
}

/// Makes the edits of one patch in a model, or returns `None` if the patch must be refused.
fn edited(before: &Tree, usual_mode: u32, edits: &[Edit], mark: &str) -> Option<Tree> {
    let (mut tree, mut gone) = (before.clone(), BTreeMap::new());
    for edit in edits {
        let real = |tree: &Tree, name: &str| match tree.get(name)? {
            Entry::Link(target) => tree.contains_key(target).then(|| target.clone()),
            Entry::File { .. } => Some(name.to_owned()),
        };
        match edit {
            Edit::Add(name) => {
                let mode = gone.get(*name).copied().unwrap_or(usual_mode);
                let file = Entry::File { text: format!("{mark}\n"), mode };
                if tree.insert((*name).to_owned(), file).is_some() {
                    return None;
                }
            }
            Edit::Delete(name) => {
                if let Some(Entry::File { mode, .. }) = real(&tree, name).and_then(|real| tree.get(&real)) {
                    gone.insert(*name, *mode);
                }
                tree.remove(*name)?;
            }
            Edit::Replace(name, to, line) => {
                let real = real(&tree, name)?;
                let Entry::File { text, mode } = tree.get(&real)?.clone() else { return None };
                let (mut lines, end, has_end) = lines(&text);
                let wanted = format!("line {line}");
                let place = lines.iter().position(|line| *line == wanted)?;
                mark.clone_into(&mut lines[place]);
                let text = lines.join(end) + if has_end { end } else { "" };
                let to = to.filter(|to| to != name);
                if to.is_some_and(|to| tree.contains_key(to)) {
                    return None;
                }
                if to.is_some() {
                    tree.remove(*name);
                    gone.insert(*name, mode);
                }
                tree.insert(to.map_or(real, str::to_owned), Entry::File { text, mode });
            }
        }
    }
    Some(tree)
}

fn numbered_file() -> impl Strategy<Value = Entry> {
    let mode = prop::sample::select(vec![0o600, 0o644, 0o755, 0o640]);
    (any::<(bool, bool)>(), mode).prop_map(|((returns, has_end), mode)| {
        let end = if returns { "\r\n" } else { "\n" };
        let lines: Vec<_> = (0..4).map(|line| format!("line {line}")).collect();
        Entry::File { text: lines.join(end) + if has_end { end } else { "" }, mode }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn patches_at_the_same_time_are_applied_one_after_another(
        files in prop::collection::btree_map(prop::sample::select(vec!["a", "b", "d/c", "target"]), numbered_file(), 2..5),
        patches in prop::collection::vec(prop::collection::vec(edit(), 1..3), 2..9),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        fs::write(folder.path().join("usual"), "outside").unwrap();
        let usual_mode = fs::metadata(folder.path().join("usual")).unwrap().permissions().mode() & 0o7777;
        let link = ("link".to_owned(), Entry::Link("target".to_owned()));
        let before: Tree = files.into_iter().map(|(path, file)| (path.to_owned(), file)).chain([link]).collect();
        make(&work, &before);

        let (serial, barrier) = (Patches::default(), Barrier::new(patches.len()));
        let order = Mutex::new(Vec::new());
        let applied: Vec<bool> = thread::scope(|scope| {
            let threads: Vec<_> = patches.iter().enumerate().map(|(number, edits)| {
                let (serial, barrier, order, work) = (&serial, &barrier, &order, &work);
                scope.spawn(move || {
                    let sections: String = edits.iter().map(|edit| section(edit, &format!("patch {number}"))).collect();
                    let patch = Patch::parse(&format!("*** Begin Patch\n{sections}*** End Patch\n")).unwrap();
                    barrier.wait();
                    let result = serial.apply(&patch, work, |_| {
                        order.lock().unwrap().push(number);
                        // Were another patch not to wait, it would be applied now.
                        thread::yield_now();
                    });
                    result.is_ok()
                })
            }).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });

        // The files are as if the patches had been applied in this order, and those that were refused had to be at some point.
        let after = |tree: &Tree, number: usize| edited(tree, usual_mode, &patches[number], &format!("patch {number}"));
        let mut states = vec![before];
        for number in order.into_inner().unwrap() {
            prop_assert!(applied[number], "{number} was prepared and not applied: {patches:?}");
            let next = after(&states[states.len() - 1], number);
            prop_assert!(next.is_some(), "{number} should have been refused: {patches:?}");
            states.extend(next);
        }
        prop_assert_eq!(&tree(&work), &states[states.len() - 1], "{:?}", patches);
        for number in (0..patches.len()).filter(|number| !applied[*number]) {
            prop_assert!(states.iter().any(|tree| after(tree, number).is_none()), "{number} was refused: {patches:?}");
        }
        let outside: Tree = tree(folder.path()).into_iter().filter(|(path, _)| !path.starts_with("work/")).collect();
        let usual = Entry::File { text: "outside".to_owned(), mode: usual_mode };
        prop_assert_eq!(outside, Tree::from([("usual".to_owned(), usual)]));
    }
}

#[test]
fn patches_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let count = 24;
    let start: String = (0..count).map(|line| format!("line{line}\n")).collect();
    for path in ["f", "g"] {
        fs::write(folder.path().join(path), &start).unwrap();
    }
    symlink("f", folder.path().join("link")).unwrap();
    let (patches, barrier) = (Arc::new(Patches::default()), Arc::new(Barrier::new(count)));
    let threads: Vec<_> = (0..count)
        .map(|line| {
            let (patches, barrier) = (Arc::clone(&patches), Arc::clone(&barrier));
            let folder = folder.path().to_owned();
            thread::spawn(move || {
                // Two names of one file, an update of another one, and a new file that only one may add.
                let name = if line % 2 == 0 { "f" } else { "link" };
                let edit = format!("@@\n-line{line}\n+done{line}\n");
                let edits =
                    format!("*** Begin Patch\n*** Update File: {name}\n{edit}*** Update File: g\n{edit}*** End Patch");
                let add = format!("*** Begin Patch\n*** Add File: new\n+{line}\n*** End Patch");
                barrier.wait();
                let apply = |text: &str| patches.apply(&Patch::parse(text).unwrap(), &folder, |_| ());
                apply(&edits).unwrap();
                apply(&add).is_ok().then_some(line)
            })
        })
        .collect();
    let added: Vec<usize> = threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
    for path in ["f", "g"] {
        assert_eq!(fs::read_to_string(folder.path().join(path)).unwrap(), start.replace("line", "done"));
    }
    assert_eq!(added.len(), 1);
    assert_eq!(fs::read_to_string(folder.path().join("new")).unwrap(), format!("{}\n", added[0]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing of ours is left");
}
