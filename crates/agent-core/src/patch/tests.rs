//! Tests of patches on real folders.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use insta::assert_snapshot;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// Draws a folder: each file's name and content.
fn drawn(folder: &Path) -> String {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.push(format!("{name}: {:?}\n", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files.concat()
}

fn apply(folder: &Path, patch: &str) -> Result<PatchSummary, PatchError> {
    Patch::parse(patch)?.prepare(folder)?.write()
}

/// Applies the body of a patch to one file, and returns its new content or the error.
fn edited(content: &str, body: &str) -> String {
    let folder = folder(&[("f", content)]);
    let before = drawn(folder.path());
    match apply(folder.path(), &format!("*** Begin Patch\n*** Update File: f\n{body}\n*** End Patch")) {
        Ok(_) => fs::read_to_string(folder.path().join("f")).unwrap(),
        Err(error) => {
            assert_eq!(drawn(folder.path()), before);
            error.to_string()
        }
    }
}

const EVERYTHING: &str = "\
*** Begin Patch
*** Add File: new/deep/notes.txt
+one
+
+three
*** Update File: src/old.rs
*** Move to: lib/new.rs
@@ fn two() {
     a();
-    b();
+    c();
+    d();
*** Delete File: gone.txt

*** Update File: plain.txt
-x
+y
*** End Patch
";

#[test]
fn one_patch_with_all_kinds_of_changes() {
    let source = "fn one() {\n    a();\n    b();\n}\n\nfn two() {\n    a();\n    b();\n}\n";
    let folder = folder(&[("src/old.rs", source), ("gone.txt", "bye\n"), ("plain.txt", "x"), ("other", "stays")]);
    let prepared = Patch::parse(EVERYTHING).unwrap().prepare(folder.path()).unwrap();
    assert_eq!(prepared.changes()[2].old, "bye\n");
    assert!(folder.path().join("gone.txt").exists(), "nothing is written yet");
    assert_snapshot!(prepared.write().unwrap(), @r"
    A new/deep/notes.txt
    M src/old.rs -> lib/new.rs
    D gone.txt
    M plain.txt
    ");
    assert_snapshot!(drawn(folder.path()), @r#"
    lib/new.rs: "fn one() {\n    a();\n    b();\n}\n\nfn two() {\n    a();\n    c();\n    d();\n}\n"
    new/deep/notes.txt: "one\n\nthree\n"
    other: "stays"
    plain.txt: "y"
    "#);
}

#[test]
fn a_patch_in_a_here_document() {
    let plain = Patch::parse(&format!("\n{EVERYTHING}")).unwrap();
    for (first, last) in [("apply_patch <<'EOF'", "EOF"), ("apply_patch <<\"PATCH\"", "PATCH\n\n"), ("<<EOF", "EOF\n")]
    {
        assert_eq!(Patch::parse(&format!("{first}\n{EVERYTHING}{last}")).unwrap(), plain);
    }
    let unended = Patch::parse(&format!("apply_patch <<'EOF'\n{EVERYTHING}")).unwrap_err();
    assert_snapshot!(unended, @"line 20 of the patch: expected the end of the here-document, found the end of the patch");
}

#[test]
fn carriage_returns_in_a_patch_are_ignored() {
    assert_eq!(Patch::parse(&EVERYTHING.replace('\n', "\r\n")).unwrap(), Patch::parse(EVERYTHING).unwrap());
}

#[test]
fn syntax_errors_name_their_line() {
    let mut said = String::new();
    for text in [
        "",
        "hello",
        "*** Begin Patch",
        "*** Begin Patch\nnonsense\n*** End Patch",
        "*** Begin Patch\n*** End Patch",
        "*** Begin Patch\n*** Delete File: f\n*** End Patch\nmore",
        "*** Begin Patch\n*** Add File: f\nno plus\n*** End Patch",
        "*** Begin Patch\n*** Update File: f\n*** End Patch",
        "*** Begin Patch\n*** Update File: f\n@@ heading\n*** End Patch",
        "*** Begin Patch\n*** Update File: f\n@@\n-old\n+new\nno sign\n*** End Patch",
        "*** Begin Patch\n*** Update File: f\n@@no blank\n+new\n*** End Patch",
        "*** Begin Patch\n*** Delete File: f\nwhy\n*** End Patch",
        "*** Begin Patch\n*** Delete File: \n*** End Patch",
        "*** Begin Patch\n*** Delete File: /etc/passwd\n*** End Patch",
        "*** Begin Patch\n*** Delete File: a/../../b\n*** End Patch",
        "*** Begin Patch\n*** Update File: f\n*** Move to: ../g\n*** End Patch",
        "*** Begin Patch\n*** Copy File: f\n*** End Patch",
    ] {
        said.push_str(&format!("{}\n", Patch::parse(text).unwrap_err()));
    }
    assert_snapshot!(said, @r#"
    line 2 of the patch: expected `*** Begin Patch`, found the end of the patch
    line 1 of the patch: expected `*** Begin Patch`, found `hello`
    line 2 of the patch: expected `*** End Patch`, found the end of the patch
    line 2 of the patch: expected `*** Add File: path`, `*** Update File: path` or `*** Delete File: path`, found `nonsense`
    line 2 of the patch: expected `*** Add File: path`, `*** Update File: path` or `*** Delete File: path`, found `*** End Patch`
    line 4 of the patch: expected nothing after `*** End Patch`, found `more`
    line 3 of the patch: expected `+` before each line of the new file, found `no plus`
    line 3 of the patch: expected a change to the file: `@@`, or lines that begin with ` `, `-` or `+`, found `*** End Patch`
    line 4 of the patch: expected a line that begins with ` ` (unchanged), `-` (removed) or `+` (added), found `*** End Patch`
    line 6 of the patch: expected a line that begins with ` ` (unchanged), `-` (removed) or `+` (added), found `no sign`
    line 3 of the patch: expected a line that begins with ` ` (unchanged), `-` (removed) or `+` (added), found `@@no blank`
    line 3 of the patch: expected `*** Add File: path`, `*** Update File: path`, `*** Delete File: path` or `*** End Patch`, found `why`
    line 2 of the patch: "" is not below the working directory; name files relative to it, without `..`
    line 2 of the patch: "/etc/passwd" is not below the working directory; name files relative to it, without `..`
    line 2 of the patch: "a/../../b" is not below the working directory; name files relative to it, without `..`
    line 3 of the patch: "../g" is not below the working directory; name files relative to it, without `..`
    line 2 of the patch: expected `*** Add File: path`, `*** Update File: path` or `*** Delete File: path`, found `*** Copy File: f`
    "#);
}

#[test]
fn blanks_may_differ() {
    assert_eq!(edited("\tfoo();  \n\tbar();\n", "@@\n foo();\n-bar();\n+\tbaz();"), "\tfoo();  \n\tbaz();\n");
    // An exact match is preferred over a near match.
    assert_eq!(edited("  x\nx\n", "-x\n+y"), "  x\ny\n");
    assert_eq!(edited(" x\nx \n", "-x\n+y"), " x\ny\n");
}

#[test]
fn headings_narrow_the_search() {
    let file = "class A\n  def f\n    pass\n  def g\n    pass\nclass B\n  def f\n    pass\n  def g\n    pass\n";
    let one = edited(file, "@@ class B\n@@   def g\n-    pass\n+    go");
    assert_eq!(one, file[..file.len() - 9].to_owned() + "    go\n");
    // A heading that is repeated as context, and a heading with the line numbers of a unified diff.
    assert_eq!(edited(file, "@@ class B\n class B\n-  def f\n+  def h"), file.replace("B\n  def f", "B\n  def h"));
    assert_eq!(edited(file, "@@ -70,3 +70,4 @@ class Z\n class B\n+  new"), file.replace("B\n", "B\n  new\n"));
    assert_eq!(edited(file, "@@ class B\n+  new"), file.replace("B\n", "B\n  new\n"));
    assert_snapshot!(edited(file, "@@ class C\n-    pass"), @"f: the heading of the hunk at line 3 of the patch is not in the file: class C");
    assert_snapshot!(edited(file, "@@ class B\n-    fail\n+    pass\n   def g"), @r"
    f: these lines of the hunk at line 3 of the patch are not in the file after its line 6:
        fail
      def g
    ");
}

#[test]
fn hunks_follow_each_other() {
    assert_eq!(edited("x\ny\nx\ny\n", "@@\n-x\n+1\n@@\n-x\n+2"), "1\ny\n2\ny\n");
    assert_snapshot!(edited("x\ny\n", "@@\n-y\n@@\n-x"), @r"
    f: these lines of the hunk at line 5 of the patch are not in the file after its line 2:
    x
    ");
}

#[test]
fn the_end_of_a_file() {
    assert_eq!(edited("x\ny\nx\n", "-x\n+z\n*** End of File"), "x\ny\nz\n");
    assert_snapshot!(edited("x\ny\n", "-x\n+z\n*** End of File"), @r"
    f: these lines of the hunk at line 3 of the patch are not at the end of the file:
    x
    ");
    assert_eq!(edited("x\n", "@@\n+y"), "x\ny\n");
    assert_eq!(edited("", "+y"), "y\n");
    assert_eq!(edited("x\n", "-x"), "");
    // A final newline is neither added nor lost.
    assert_eq!(edited("x\ny", " x\n-y\n+z"), "x\nz");
    assert_eq!(edited("x\n\n", "-x\n+y"), "y\n\n");
}

#[test]
fn empty_lines_of_a_hunk() {
    assert_eq!(edited("a\n\nb\n", "@@\n a\n\n-b\n+c"), "a\n\nc\n");
    // An empty line that only separates the hunk from the next one.
    assert_eq!(edited("a\nb\n", "@@\n-a\n+c\n\n@@\n-b\n"), "c\n");
}

#[test]
fn line_ends_are_kept() {
    assert_eq!(edited("a\r\nb\r\nc\r\n", " a\n-b\n+x\n c"), "a\r\nx\r\nc\r\n");
}

#[test]
fn a_patch_that_does_not_apply_changes_nothing() {
    let files = [("a", "1\n"), ("b", "2\n"), ("folder/c", "3\n")];
    let folder = folder(&files);
    fs::write(folder.path().join("bytes"), b"\xff\xfe").unwrap();
    std::os::unix::fs::symlink("/etc", folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink("missing", folder.path().join("dangling")).unwrap();
    let mut said = String::new();
    for section in [
        "*** Add File: b\n+x",
        "*** Update File: missing\n-x",
        "*** Delete File: missing",
        "*** Delete File: folder",
        "*** Update File: bytes\n-x",
        "*** Update File: b\n*** Move to: folder/c",
        "*** Update File: out/passwd\n-x",
        "*** Add File: out/new\n+x",
        "*** Add File: dangling\n+x",
        "*** Add File: b/below\n+x",
        "*** Delete File: b\n*** Update File: b\n-2",
    ] {
        let patch = format!("*** Begin Patch\n*** Update File: a\n-1\n+changed\n{section}\n*** End Patch");
        said.push_str(&format!("{}\n", apply(folder.path(), &patch).unwrap_err()));
    }
    assert_snapshot!(said, @r"
    b: the file already exists; update it, or delete it first
    missing: the file does not exist
    missing: the file does not exist
    folder: not a regular file
    bytes: the file is not UTF-8 text
    folder/c: the file already exists; update it, or delete it first
    out/passwd: a symbolic link leads out of the working directory
    out/new: a symbolic link leads out of the working directory
    dangling: the file cannot be read
    b/below: the file cannot be read
    b: the file does not exist
    ");
    for (path, content) in files {
        assert_eq!(fs::read_to_string(folder.path().join(path)).unwrap(), content);
    }
}

#[test]
fn later_sections_see_the_changes_of_earlier_ones() {
    let folder = folder(&[("a", "1\n2\n")]);
    let patch = "*** Begin Patch\n*** Update File: a\n-1\n+one\n*** Update File: ./a\n*** Move to: b\n one\n-2\n+two\n*** Add File: a\n+new\n*** Update File: b\n+three\n*** End Patch";
    assert_snapshot!(apply(folder.path(), patch).unwrap(), @r"
    M a
    M a -> b
    A a
    M b
    ");
    assert_snapshot!(drawn(folder.path()), @r#"
    a: "new\n"
    b: "one\ntwo\nthree\n"
    "#);
}

#[test]
fn permissions_and_links_are_kept() {
    let folder = folder(&[("run", "#!/bin/sh\n"), ("real/target", "x\n")]);
    fs::set_permissions(folder.path().join("run"), fs::Permissions::from_mode(0o751)).unwrap();
    std::os::unix::fs::symlink("real/target", folder.path().join("link")).unwrap();
    let patch = "*** Begin Patch\n*** Update File: run\n+exit\n*** Update File: link\n-x\n+y\n*** Add File: made\n+z\n*** End Patch";
    apply(folder.path(), patch).unwrap();
    let mode = |path| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("run"), 0o751);
    fs::write(folder.path().join("usual"), "").unwrap();
    assert_eq!(mode("made"), mode("usual"));
    assert!(folder.path().join("link").is_symlink());
    assert_eq!(fs::read_to_string(folder.path().join("real/target")).unwrap(), "y\n");

    fs::write(folder.path().join("usual"), b"not text: \xff").unwrap();
    apply(folder.path(), "*** Begin Patch\n*** Delete File: link\n*** Delete File: usual\n*** End Patch").unwrap();
    assert!(!folder.path().join("link").is_symlink() && folder.path().join("real/target").exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing of ours is left");
}

/// A line of a file and its edit.
#[derive(Clone, Debug)]
enum Step {
    Keep(String),
    Remove(String),
    Add(String),
    /// Begins a new hunk.
    Cut,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let line = prop_oneof!["[ab]?", "[ \t]{0,2}[xy+@*-]{0,3}[ \t]{0,2}", "[^\n\r]*"];
    let step = (0..7, line).prop_map(|(kind, line)| match kind {
        0..3 => Step::Keep(line),
        3 => Step::Remove(line),
        4 | 5 => Step::Add(line),
        _ => Step::Cut,
    });
    prop::collection::vec(step, 0..30)
}

proptest! {
    #[test]
    fn a_patch_of_an_edit_makes_the_edit(steps in steps(), newline: bool) {
        let (mut old, mut new, mut hunks) = (Vec::new(), Vec::new(), vec![(String::new(), false)]);
        for step in steps {
            let (hunk, anchored) = hunks.last_mut().unwrap();
            match step {
                Step::Keep(line) => {
                    *hunk += &format!(" {line}\n");
                    *anchored = true;
                    old.push(line.clone());
                    new.push(line);
                }
                Step::Remove(line) => {
                    *hunk += &format!("-{line}\n");
                    *anchored = true;
                    old.push(line);
                }
                Step::Add(line) => {
                    *hunk += &format!("+{line}\n");
                    new.push(line);
                }
                // Each hunk needs a line of the file to be found by, and begins where the previous one ends.
                Step::Cut if *anchored => hunks.push((String::new(), false)),
                Step::Cut => {}
            }
        }
        let text = |lines: &[String]| {
            let mut text = lines.join("\n");
            if newline && !lines.is_empty() {
                text.push('\n');
            }
            text
        };
        // Without a final newline, an empty last line does not exist.
        let ends_in_text = |lines: &[String]| lines.last().is_some_and(|line| !line.is_empty());
        prop_assume!(newline || (ends_in_text(&old) && ends_in_text(&new)));
        let body: String = hunks.iter().filter(|(hunk, _)| !hunk.is_empty()).map(|(hunk, _)| format!("@@\n{hunk}")).collect();
        prop_assume!(!body.is_empty());
        let patch = Patch::parse(&format!("*** Begin Patch\n*** Update File: f\n{body}*** End Patch\n")).unwrap();
        let document::Action::Update { hunks, .. } = &patch.sections[0].action else { panic!("{patch:?}") };
        prop_assert_eq!(edit::edit(Path::new("f"), &text(&old), hunks).unwrap(), text(&new));
    }

    #[test]
    fn no_text_causes_a_panic(text: String, file: String) {
        if let Ok(patch) = Patch::parse(&text) {
            let folder = folder(&[("f", &file)]);
            let _ = patch.prepare(folder.path());
        }
    }

    #[test]
    fn no_damaged_patch_causes_a_panic(
        lines in prop::collection::vec(
            prop_oneof![
                Just("*** Begin Patch".to_owned()), Just("*** End Patch".to_owned()), Just("*** Update File: f".to_owned()),
                Just("*** Add File: g".to_owned()), Just("*** Delete File: f".to_owned()), Just("*** Move to: h".to_owned()),
                Just("*** End of File".to_owned()), Just("apply_patch <<'EOF'".to_owned()), Just("EOF".to_owned()),
                "@@ ?[ab]?", "[-+ ][ab]?", "[ab]?", ".*",
            ],
            0..20,
        ),
        file in "([ab ]?\n?){0,8}",
    ) {
        let bare = lines.join("\n");
        for text in [format!("*** Begin Patch\n{bare}\n*** End Patch"), format!("*** Begin Patch\n*** Update File: f\n{bare}\n*** End Patch"), bare] {
            if let Ok(patch) = Patch::parse(&text) {
                let folder = folder(&[("f", &file)]);
                if let Ok(prepared) = patch.prepare(folder.path()) {
                    prepared.write().unwrap();
                }
            }
        }
    }
}
