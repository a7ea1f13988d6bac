//! The commands `payload`, `convert`, `pack` and `unpack`.

use std::{fs, path::Path};

use insta::assert_snapshot;

use crate::support::{Root, program};

fn exact(root: &Root, arguments: &str) -> Vec<u8> {
    let output = program().args(arguments.split_whitespace()).current_dir(root.path(".")).output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    output.stdout
}

fn same(left: &Path, right: &Path) -> bool {
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    names(left) == names(right)
        && names(left).iter().all(|name| {
            let (left, right) = (left.join(name), right.join(name));
            if left.is_dir() { same(&left, &right) } else { fs::read(left).unwrap() == fs::read(right).unwrap() }
        })
}

/// Shows a bundle without its name, which is in the commands that the head suggests.
fn show(root: &Root, form: &str) -> String {
    let text = root.run(&format!("show {form}"));
    let unnamed = |line: &str| {
        let is_suggestion = line.contains("rollout-trace ");
        let word = |word| if is_suggestion && word == form { "BUNDLE" } else { word };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(unnamed).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_form_of_a_bundle_gives_the_same_results() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("convert a --layout packed -o p"), @"p");
    assert_snapshot!(root.run("pack a"), @"a.tar.zst");
    assert_snapshot!(root.run("pack p -o packed"), @"packed");
    assert_snapshot!(root.run("convert packed --layout files -o f"), @"f");
    assert_snapshot!(root.run("unpack a.tar.zst -o u"), @"u");
    assert_snapshot!(root.run("convert u --layout files -o v"), @"v");
    assert!(same(&root.path("a"), &root.path("f")) && same(&root.path("a"), &root.path("v")));
    // An archive has the packed layout.
    assert!(root.path("u/payloads.pack").exists() && !root.path("u/payloads/1.json").exists());
    assert!(!root.path("p/payloads").exists());
    let graph = root.run("reduce a -o -");
    let drawing = show(&root, "a");
    for form in ["p", "a.tar.zst", "packed", "f", "u"] {
        assert!(root.run(&format!("reduce {form} -o -")) == graph, "{form}");
        assert_eq!(show(&root, form), drawing, "{form}");
        assert_eq!(root.run(&format!("check {form}")), format!("{form}: clean\n"));
        for number in 1..=26 {
            let bytes = fs::read(root.path(&format!("a/payloads/{number}.json"))).unwrap();
            assert!(exact(&root, &format!("payload {form} {number}")) == bytes, "{form} {number}");
            assert!(exact(&root, &format!("payload {form} raw_payload:{number}")) == bytes, "{form} {number}");
        }
    }
}

#[test]
fn schema_3() {
    let root = Root::new(&["a", "b"]);
    assert_snapshot!(root.run("convert a --schema 3 -o s"), @"s");
    assert_snapshot!(root.run("check s"), @"s: clean");
    assert_eq!(show(&root, "s"), show(&root, "a").replace("schema 2", "schema 3"));
    assert_snapshot!(root.run("convert s --schema 3 -o t"), @"
    stderr: error: s is of schema 3, and only a bundle of schema 2 can be turned into one of schema 3
    stderr:   every other command reads it as it is
    exit code 2
    ");
    root.edit("b/manifest.json", |text| text.replace("\"schema_version\": 2", "\"schema_version\": 1"));
    root.edit("b/trace.jsonl", |text| text.replace("\"schema_version\":2", "\"schema_version\":1"));
    assert_snapshot!(root.run("convert b --schema 3 -o t"), @"
    stderr: error: b is of schema 1, and only a bundle of schema 2 can be turned into one of schema 3
    stderr:   every other command reads it as it is
    exit code 2
    ");
    assert_snapshot!(root.run("convert a --schema 3 --layout files -o t"), @"
    stderr: error: the argument '--schema <VERSION>' cannot be used with '--layout <LAYOUT>'
    stderr: 
    stderr: Usage: rollout-trace convert --output <DIR> <--layout <LAYOUT>|--schema <VERSION>> <BUNDLE>
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(root.run("convert a -o t"), @"
    stderr: error: the following required arguments were not provided:
    stderr:   <--layout <LAYOUT>|--schema <VERSION>>
    stderr: 
    stderr: Usage: rollout-trace convert --output <DIR> <--layout <LAYOUT>|--schema <VERSION>> <BUNDLE>
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
    assert!(!root.path("t").exists());
}

#[test]
fn every_form_of_schema_3_gives_the_same_results() {
    let root = Root::new(&["a"]);
    root.run("convert a --schema 3 -o s");
    assert_snapshot!(root.run("convert s --layout packed -o p"), @"p");
    assert_snapshot!(root.run("pack p"), @"p.tar.zst");
    assert_snapshot!(root.run("unpack p.tar.zst -o u"), @"u");
    assert_snapshot!(root.run("convert p.tar.zst --layout shards -o b"), @"b");
    assert_snapshot!(root.run("convert s --layout shards -o c"), @"c");
    assert!(same(&root.path("p"), &root.path("u")) && same(&root.path("s"), &root.path("c")));
    assert!(!root.path("p/payloads").exists() && !root.path("b/payloads.pack").exists());
    let read = |path: &str| fs::read(root.path(path)).unwrap();
    let graph = root.run("reduce s -o -");
    let drawing = show(&root, "s");
    for form in ["p", "p.tar.zst", "u", "b"] {
        assert!(root.run(&format!("reduce {form} -o -")) == graph, "{form}");
        assert_eq!(show(&root, form), drawing, "{form}");
        assert_eq!(root.run(&format!("check {form}")), format!("{form}: clean\n"));
        for number in 1..=26 {
            let bytes = exact(&root, &format!("payload s {number}"));
            assert!(exact(&root, &format!("payload {form} {number}")) == bytes, "{form} {number}");
        }
    }
    assert!(["p", "b"].iter().all(|form| read(&format!("{form}/trace.jsonl")) == read("s/trace.jsonl")));

    for form in ["s", "p"] {
        assert_eq!(
            root.run(&format!("convert {form} --layout files -o t")),
            format!(
                "stderr: error: {form} has schema 3, which does not store payloads in one file each\n\
                 stderr:   use --layout packed or --layout shards; `rollout-trace payload` prints a single payload\n\
                 exit code 2\n"
            )
        );
    }
    assert_snapshot!(root.run("convert a --layout shards -o t"), @"
    stderr: error: a does not have schema 3, and no other schema stores payloads in shards
    stderr:   use --schema 3 to turn a bundle of schema 2 into one with shards
    exit code 2
    ");
    assert!(!root.path("t").exists());

    let shard = read("s/payloads/000001.zst");
    fs::write(root.path("s/payloads/000001.zst"), &shard[..shard.len() / 2]).unwrap();
    let words = root.run("convert s --layout packed -o d");
    assert!(
        words.contains("stderr: s/payloads/000001.zst: its last frame does not end")
            && words.ends_with("exit code 1\n"),
        "{words}"
    );
    assert!(exact(&root, "reduce d -o -") == exact(&root, "reduce s -o -"));
}

#[test]
fn an_archive_among_bundles() {
    let root = Root::new(&["r/a"]);
    root.run("pack r/a");
    assert_snapshot!(root.run("reduce r/a.tar.zst"), @"r/a.state.json");
    let list = root.run("list r");
    let rows: Vec<Vec<&str>> = list.lines().skip(1).map(|line| line.split_whitespace().skip(3).collect()).collect();
    assert_snapshot!(format!("{rows:#?}").replace(['\n', ' '], ""), @r#"[["12.9","s","completed","exec","example-large","/home/dev/shop","The","price","test","fails","since","this","morning.","Please","find","out","why…","r/a",],["12.9","s","completed","-","example-large","-","-","r/a.tar.zst",],]"#);
    assert_snapshot!(root.run("check r"), @"
    r/a: clean
    r/a.tar.zst: clean
    ");
}

#[test]
fn wrong_use() {
    let root = Root::new(&["a", "b"]);
    assert_snapshot!(root.run("convert a --layout packed -o b"), @"
    stderr: error: b already exists
    stderr:   it was not changed; use -o to write elsewhere
    exit code 2
    ");
    assert_snapshot!(root.run("convert a --layout packed -o a/inside"), @"
    stderr: error: a/inside is inside the bundle itself
    stderr:   use -o to write elsewhere
    exit code 2
    ");
    assert_snapshot!(root.run("pack a -o b"), @"
    stderr: error: b already exists
    stderr:   it was not changed; use -o to write elsewhere
    exit code 2
    ");
    assert_snapshot!(root.run("pack a -o -"), @"
    stderr: error: an archive cannot be written to stdout
    stderr:   use -o FILE; ./- names a file `-`
    exit code 2
    ");
    assert_snapshot!(root.run("convert a --layout packed -o -"), @"
    stderr: error: a bundle is a folder and cannot be written to stdout
    stderr:   use -o DIR; ./- names a folder `-`
    exit code 2
    ");
    assert_snapshot!(root.run("unpack a.tar.zst -o -"), @"
    stderr: error: a bundle is a folder and cannot be written to stdout
    stderr:   use -o DIR; ./- names a folder `-`
    exit code 2
    ");
    assert_snapshot!(root.run("unpack a/trace.jsonl -o c"), @"
    stderr: error: a/trace.jsonl is not an archive of a bundle: it is not compressed by zstd
    stderr:   name a file that `rollout-trace pack` wrote, or a .tar.zst file of a bundle's folder
    exit code 2
    ");
    assert_snapshot!(root.run("unpack a/trace.jsonl"), @"
    stderr: error: the name of a/trace.jsonl does not end with .tar.zst
    stderr:   name the bundle's folder with -o DIR
    exit code 2
    ");
    assert_snapshot!(root.run("unpack a"), @"
    stderr: error: a is a folder, not an archive
    stderr:   name a .tar.zst file; the other commands read the folder of a bundle as it is
    exit code 2
    ");
    assert_eq!(root.run("unpack a -o c"), root.run("unpack a"));
    assert_snapshot!(root.run("unpack nowhere.tar.zst"), @"
    stderr: error: cannot read nowhere.tar.zst: No such file or directory (os error 2)
    stderr:   check the path and its permissions
    exit code 2
    ");
    assert_snapshot!(root.run("payload a 99"), @r#"
    stderr: error: cannot read "99" of a: no file payloads/99.json
    stderr:   use an id from state.json or the event log, such as raw_payload:12; `check` reports damage
    exit code 2
    "#);
    assert_snapshot!(root.run("payload a ../../etc/passwd"), @r#"
    stderr: error: cannot read "../../etc/passwd" of a: the path payloads/../../etc/passwd.json leads out of the bundle; it was not opened
    stderr:   use an id from state.json or the event log, such as raw_payload:12; `check` reports damage
    exit code 2
    "#);
    assert!(!root.path("c").exists());
}

#[cfg(unix)]
#[test]
fn archives_are_read_without_temporary_files() {
    let root = Root::new(&["a"]);
    root.run("convert a --layout packed -o p");
    root.run("pack a -o a.tar.zst");
    // A packed pack is in its bare form.
    root.run("pack p -o p.tar.zst");
    for command in ["pack p -o again.tar.zst", "check a.tar.zst", "check p.tar.zst", "show p.tar.zst", "list ."] {
        let mut program = program();
        let output =
            program.args(command.split(' ')).current_dir(root.path(".")).env("TMPDIR", "nowhere").output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn damage() {
    let root = Root::new(&["a"]);
    root.run("convert a --layout packed -o p");
    let sound = fs::read(root.path("p/payloads.pack")).unwrap();
    let graph = root.run("reduce p -o -");
    // Every command reports the damage and finishes, wherever the damage is.
    for at in (24..sound.len()).step_by(97) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x20;
        fs::write(root.path("p/payloads.pack"), damaged).unwrap();
        let words = root.run("check p");
        assert!(words.contains("payload_unreadable") && words.contains("exit code 1"), "byte {at}: {words}");
        if at % 5 == 0 {
            let words = root.run(&format!("convert p --layout files -o f{at}"));
            assert!(words.contains("stderr: p/payloads") && words.contains("exit code 1"), "byte {at}: {words}");
        }
    }
    fs::write(root.path("p/payloads.pack"), &sound[..100]).unwrap();
    assert_snapshot!(root.run("payload p 20"), @r#"
    stderr: error: cannot read "20" of p: payloads/20.json is not among the records of payloads.pack, 76 bytes of which are damaged
    stderr:   use an id from state.json or the event log, such as raw_payload:12; `check` reports damage
    exit code 2
    "#);
    fs::write(root.path("p/payloads.pack"), &sound).unwrap();
    assert!(root.run("reduce p -o -") == graph);

    root.run("pack p");
    let archive = fs::read(root.path("p.tar.zst")).unwrap();
    fs::write(root.path("p.tar.zst"), &archive[..archive.len() - 1]).unwrap();
    assert_snapshot!(root.run("unpack p.tar.zst -o u"), @"
    u
    stderr: the archive is damaged: incomplete frame
    exit code 1
    ");
    let words = root.run("check p.tar.zst");
    assert!(words.contains("archive_damaged") && words.contains("exit code 1"), "{words}");
    fs::write(root.path("p.tar.zst"), &archive[..4]).unwrap();
    assert_snapshot!(root.run("check p.tar.zst"), @"
    stderr: error: p.tar.zst is not an archive of a bundle: the archive is damaged: incomplete frame
    stderr:   name a file that `rollout-trace pack` wrote, or a .tar.zst file of a bundle's folder
    exit code 2
    ");
}
