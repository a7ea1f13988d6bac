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
    // Without a line end at the end of the file.
    assert_eq!(edited("a\r\nb", " a\n-b\n+B"), "a\r\nB");
    assert_eq!(edited("a\r\nb", " b\n+c"), "a\r\nb\r\nc");
    assert_eq!(edited("a\r\nb", "@@\n+c\n+d"), "a\r\nb\r\nc\r\nd");
    assert_eq!(edited("a\r\nb\r\nc", " b\n-c"), "a\r\nb");
    assert_eq!(edited("a\r\nb", "+x\n a"), "x\r\na\r\nb");
    assert_eq!(edited("a", " a\n+b"), "a\nb");
    // Each line of a file with different line ends keeps its own, and a new one ends like the line above it.
    assert_eq!(edited("a\r\nb\nc\r\nd\n", " a\n+x\n b\n+y\n-c\n+C"), "a\r\nx\r\nb\ny\nC\r\nd\n");
    // A patch with carriage returns changes a file without, and the other way round.
    assert_eq!(edited("a\nb\n", " a\r\n-b\r\n+B\r"), "a\nB\n");
    assert_eq!(edited("a\nb", "-b\r\n+B\r"), "a\nB");
    assert_eq!(edited("a\r\nb", "-b\r\n+B\r"), "a\r\nB");
    // A patch that only adds carriage returns does so on purpose.
    assert_eq!(edited("a\nb\n", "-a\n+a\r"), "a\r\nb\n");
    // A carriage return that ends no line is text.
    assert_eq!(edited("a\rb\nc\n", "-c\n+C"), "a\rb\nC\n");
}

#[test]
fn a_byte_order_mark_stays() {
    assert_eq!(edited("\u{FEFF}a\nb\n", "-a\n+x"), "\u{FEFF}x\nb\n");
    assert_eq!(edited("\u{FEFF}a\nb\n", "-\u{FEFF}a\n+\u{FEFF}x"), "\u{FEFF}x\nb\n");
    assert_eq!(edited("\u{FEFF}a\nb\n", "+x\n a"), "\u{FEFF}x\na\nb\n");
    assert_eq!(edited("\u{FEFF}a\r\nb", " a\n-b\n+c"), "\u{FEFF}a\r\nc");
    assert_eq!(edited("\u{FEFF}", "+x"), "\u{FEFF}x\n");
    assert_eq!(edited("\u{FEFF}a\n", "-a"), "\u{FEFF}");
}

#[test]
fn characters_that_look_alike() {
    // The context keeps the file's own.
    assert_eq!(edited("a\u{A0}b\nold\n", " a b\n-old\n+new"), "a\u{A0}b\nnew\n");
    assert_eq!(edited("x = “hi” – y\nold\n", " x = \"hi\" - y\n-old\n+new"), "x = “hi” – y\nnew\n");
    assert_eq!(edited("cafe\u{301}\nold\n", " café\n-old\n+new"), "cafe\u{301}\nnew\n");
    assert_eq!(edited("don’t wait…\n", "-don't wait...\n+go"), "go\n");
    // The file may be the plain one, and headings may look alike too.
    assert_eq!(edited("say \"hi\"\nold\n", " say “hi”\n-old\n+new"), "say \"hi\"\nnew\n");
    assert_eq!(edited("x\n« a\u{202F}»\nx\n", "@@ « a »\n-x\n+y"), "x\n« a\u{202F}»\ny\n");
    // Exactly the same characters are preferred.
    assert_eq!(edited("‘a’\n'a'\n", "-'a'\n+b"), "‘a’\nb\n");
    assert_snapshot!(edited("а\n", "-a\n+b"), @r"
    f: these lines of the hunk at line 3 of the patch are not in the file:
    a
    ");
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
    dangling: the file already exists; update it, or delete it first
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

#[test]
fn a_moved_file_keeps_its_permissions() {
    let mode = |folder: &Path, path: &str| fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o7777;
    for before in [0o755, 0o600, 0o640, 0o700, 0o444, 0o4711] {
        let folder = folder(&[("run", "old\n"), ("real/x", "old\n")]);
        for file in ["run", "real/x"] {
            fs::set_permissions(folder.path().join(file), fs::Permissions::from_mode(before)).unwrap();
        }
        std::os::unix::fs::symlink("real/x", folder.path().join("link")).unwrap();
        // A file is moved into a new folder, moved on, and replaced by another one in its old place; a link is moved.
        let patch = "*** Begin Patch\n*** Update File: run\n*** Move to: tools/run\n-old\n+new\n*** Update File: tools/run\n*** Move to: bin/run\n*** Add File: run\n+other\n*** Update File: link\n*** Move to: copy\n*** End Patch";
        apply(folder.path(), patch).unwrap();
        for path in ["bin/run", "real/x", "copy"] {
            assert_eq!(mode(folder.path(), path), before, "{path}");
        }
        // New content does not run with the rights of the old one's owner.
        assert_eq!(mode(folder.path(), "run"), before & 0o777);
        assert!(!folder.path().join("link").is_symlink() && !folder.path().join("tools/run").exists());
        // A file that is deleted and written anew in one patch.
        apply(folder.path(), "*** Begin Patch\n*** Delete File: copy\n*** Add File: copy\n+x\n*** End Patch").unwrap();
        assert_eq!(mode(folder.path(), "copy"), before & 0o777);
    }
}

#[test]
fn links_that_lead_nowhere() {
    let outside = folder(&[("secret", "x\n")]);
    let folder = folder(&[("f", "1\n")]);
    let link = |name: &str, target: &Path| std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    link("dead", Path::new("nowhere"));
    link("self", Path::new("self"));
    link("far", Path::new("/nowhere/at/all"));
    link("out", &outside.path().join("secret"));
    link("outdir", outside.path());
    let mut said = String::new();
    for section in [
        "*** Add File: dead\n+x",
        "*** Add File: self\n+x",
        "*** Add File: far\n+x",
        "*** Update File: f\n*** Move to: dead",
        "*** Update File: dead\n-x",
        "*** Add File: dead/below\n+x",
        "*** Add File: out\n+x",
        "*** Update File: out\n-x",
        "*** Delete File: outdir/secret",
    ] {
        let error = apply(folder.path(), &format!("*** Begin Patch\n{section}\n*** End Patch")).unwrap_err();
        said.push_str(&format!("{error}\n"));
    }
    assert_snapshot!(said, @r#"
    dead: the file already exists; update it, or delete it first
    self: the file already exists; update it, or delete it first
    far: the file already exists; update it, or delete it first
    dead: the file already exists; update it, or delete it first
    dead: a symbolic link leads to nothing; delete the link first, or create what it leads to
    dead/below: a symbolic link leads to nothing; delete the link first, or create what it leads to
    out: the file already exists; update it, or delete it first
    out: a symbolic link leads out of the working directory
    outdir/secret: a symbolic link leads out of the working directory
    "#);
    let delete = ["dead", "self", "far", "out", "outdir"].map(|name| format!("*** Delete File: {name}\n")).concat();
    let again = "*** Add File: dead\n+x\n";
    assert_snapshot!(apply(folder.path(), &format!("*** Begin Patch\n{delete}{again}*** End Patch")).unwrap(), @r#"
    D dead
    D self
    D far
    D out
    D outdir
    A dead
    "#);
    assert_eq!(drawn(folder.path()), "dead: \"x\\n\"\nf: \"1\\n\"\n");
    assert_eq!(drawn(outside.path()), "secret: \"x\\n\"\n");
}

#[test]
fn a_link_leads_to_what_an_earlier_section_makes() {
    let folder = folder(&[("f", "1\n")]);
    let link = |name: &str, target: &str| std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    link("first", "made/new");
    link("second", "first");
    link("moved", "g");
    let patch = "*** Begin Patch\n*** Add File: made/new\n+1\n*** Update File: second\n-1\n+2\n*** Update File: f\n\
                 *** Move to: g\n-1\n+3\n*** Delete File: moved\n*** End Patch";
    assert_snapshot!(apply(folder.path(), patch).unwrap(), @r"
    A made/new
    M second
    M f -> g
    D moved
    ");
    assert_eq!(std::fs::read_to_string(folder.path().join("made/new")).unwrap(), "2\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("g")).unwrap(), "3\n");
    assert!(folder.path().join("second").is_symlink() && !folder.path().join("moved").is_symlink());
}

#[test]
fn a_file_that_has_changed_since_is_not_overwritten() {
    let prepare = |body: &str| {
        let folder = folder(&[("a", "1\n"), ("b", "2\n"), ("d/e", "3\n")]);
        let patch = Patch::parse(&format!("*** Begin Patch\n*** Update File: a\n-1\n+one\n{body}\n*** End Patch"));
        let prepared = patch.unwrap().prepare(folder.path()).unwrap();
        (folder, prepared)
    };
    type Meddle = fn(&Path);
    let cases: [(&str, Meddle); 7] = [
        ("*** Update File: b\n-2\n+two", |folder| fs::write(folder.join("b"), "2\n3\n").unwrap()),
        ("*** Update File: b\n-2\n+two", |folder| fs::remove_file(folder.join("b")).unwrap()),
        ("*** Delete File: b", |folder| fs::write(folder.join("b"), "other").unwrap()),
        ("*** Add File: c\n+x", |folder| fs::write(folder.join("c"), "mine").unwrap()),
        ("*** Update File: b\n*** Move to: c", |folder| fs::write(folder.join("b"), "mine").unwrap()),
        ("*** Update File: b\n-2\n+two", |folder| {
            fs::remove_file(folder.join("b")).unwrap();
            std::os::unix::fs::symlink("d/e", folder.join("b")).unwrap();
        }),
        ("*** Update File: d/e\n-3\n+x", |folder| {
            fs::rename(folder.join("d"), folder.join("d2")).unwrap();
            std::os::unix::fs::symlink("d2", folder.join("d")).unwrap();
        }),
    ];
    for (body, meddle) in cases {
        let (folder, prepared) = prepare(body);
        meddle(folder.path());
        let before = drawn(folder.path());
        let error = prepared.write().unwrap_err();
        assert!(matches!(&error, PatchError::Changed { .. }), "{body}: {error}");
        assert_eq!(drawn(folder.path()), before, "{body}");
    }
    // The target of a move that appears later is found when the file is written.
    let (folder, prepared) = prepare("*** Update File: b\n*** Move to: c");
    fs::write(folder.path().join("c"), "mine").unwrap();
    assert_snapshot!(prepared.write().unwrap_err(), @r#"
    b: the file was changed by somebody else while the patch was applied, and was left as it is; read it again; these changes have been made:
    M a
    "#);
    assert_snapshot!(drawn(folder.path()), @r#"
    a: "one\n"
    b: "2\n"
    c: "mine"
    d/e: "3\n"
    "#);
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
        // A byte order mark belongs to the file and not to its first line.
        prop_assume!(!old.first().is_some_and(|line| line.starts_with('\u{FEFF}')));
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
