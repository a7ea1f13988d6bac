//! The command `list`.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Output,
    time::{Duration, SystemTime},
};

use insta::assert_snapshot;

use crate::{
    support::{Root, draw, program},
    terminal::run_on_terminal,
};

#[test]
fn bundles() {
    let root = Root::new(&["a", "b", "c", "d"]).with_recorded("r");
    root.edit("b/manifest.json", |text| text.replace("17672", "17673"));
    root.edit("c/trace.jsonl", |text| text.lines().take(10).map(|line| format!("{line}\n")).collect());
    root.edit("d/trace.jsonl", |text| text[..text.len() - 10].to_owned());
    root.edit("d/manifest.json", |text| {
        text.replace("\"rollout_id\": \"thread-root\"", "\"rollout_id\": \"thread-d\"")
    });
    assert_snapshot!(root.run("list ."), @"
    ID           START               TOOK  STATUS              AGENT                      MODEL          FOLDER          PROMPT                                                         BUNDLE
    01935f5e     2026-11-21 00:33   77 ms  completed           rollout-trace-recorder 0…  scripted-1     /work           What is in notes.txt? Let a reader check it.                   ./r
    thread-root  2026-01-02 12:46    0 ms  completed           exec                       example-large  /home/dev/shop  The price test fails since this morning. Please find out why…  ./b
    thread-root  2026-01-01 09:00  12.9 s  completed           exec                       example-large  /home/dev/shop  The price test fails since this morning. Please find out why…  ./a
    thread-root  2026-01-01 09:00   2.4 s  running             exec                       example-large  /home/dev/shop  The price test fails since this morning. Please find out why…  ./c
    thread-d     2026-01-01 09:00  12.9 s  completed, damaged  exec                       example-large  /home/dev/shop  The price test fails since this morning. Please find out why…  ./d
    ");
    assert_snapshot!(root.run("list a"), @"
    ID        START               TOOK  STATUS     AGENT  MODEL          FOLDER          PROMPT                                                         BUNDLE
    thread-r  2026-01-01 09:00  12.9 s  completed  exec   example-large  /home/dev/shop  The price test fails since this morning. Please find out why…  a
    ");
}

#[test]
fn other_bundles() {
    let root = Root::new(&["a", "b", "c"]);
    root.run("pack a");
    root.edit("a/trace.jsonl", |text| text.replace("\"schema_version\":2", "\"schema_version\":9"));
    root.edit("a/manifest.json", |text| text.replace("\"schema_version\": 2", "\"schema_version\": 9"));
    fs::remove_file(root.path("b/manifest.json")).unwrap();
    // The same facts with spaces, so that no line begins as writers leave it.
    root.edit("c/trace.jsonl", |text| text.replace("\"seq\":", "\"seq\": "));
    root.edit("c/manifest.json", |text| {
        text.replace("\"rollout_id\": \"thread-root\"", "\"rollout_id\": \"thread-c\"")
    });
    File::open(root.path("b/trace.jsonl")).unwrap().set_modified(long_ago()).unwrap();
    assert_snapshot!(root.run("list ."), @"
    ID           START               TOOK  STATUS              AGENT  MODEL          FOLDER          PROMPT                                                         BUNDLE
    thread-root  2026-01-01 09:00       -  unknown schema 9    -      -              -               -                                                              ./a
    thread-root  2026-01-01 09:00  12.9 s  completed           -      example-large  -               -                                                              ./a.tar.zst
    thread-c     2026-01-01 09:00  12.9 s  completed           exec   example-large  /home/dev/shop  The price test fails since this morning. Please find out why…  ./c
    -            2023-11-14 22:13       -  completed, damaged  exec   example-large  /home/dev/shop  The price test fails since this morning. Please find out why…  ./b
    ");
}

#[test]
fn filters() {
    let root = Root::new(&["a"]).with_recorded("r");
    let names = |options: &str| {
        let text = root.run(&format!("list . --json {options}"));
        let bundles: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["bundle"].as_str().unwrap().to_owned())
            .collect();
        bundles.join(" ")
    };
    assert_eq!(names(""), "./r ./a");
    assert_eq!(names("--status completed"), "./r ./a");
    assert_eq!(names("--agent exec"), "./a");
    assert_eq!(names("--model scripted"), "./r");
    assert_eq!(names("--cwd shop"), "./a");
    assert_eq!(names("--grep price.test"), "./a");
    assert_eq!(names("--since 2026-01-01T09:00"), "./r ./a");
    assert_eq!(names("--since 2026-01-02"), "./r");
    assert_eq!(names("--until 2026-01-02"), "./a");
    assert_eq!(names("--limit 1"), "./r");
    assert_snapshot!(root.run("list . --status failed"), @"stderr: none of 2 bundles in . fits");
    assert_snapshot!(root.run("list . --grep ["), @r"
    stderr: error: the pattern is no regular expression: unclosed character class
    stderr:   escape special characters with \
    exit code 2
    ");
    assert_snapshot!(root.run("list . --json --limit 1"), @r#"{"bundle":"./r","rollout_id":"01935f5e-8a00-7000-8000-000000000001","schema_version":2,"started_at_unix_ms":1795221181000,"duration_ms":77,"status":"completed","damaged":false,"agent":"rollout-trace-recorder 0.1.0","model":"scripted-1","cwd":"/work","prompt":"What is in notes.txt? Let a reader check it.","agents":2,"turns":3,"state":"none"}"#);
}

#[test]
fn the_age_of_the_graph() {
    let root = Root::new(&["a"]);
    let state = || {
        let text = root.run("list . --json");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "none");
    root.run("reduce a");
    assert_eq!(state(), "current");
    File::open(root.path("a/state.json")).unwrap().set_modified(long_ago()).unwrap();
    assert_eq!(state(), "stale");
}

/// Returns a time at which no test can have written anything.
fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// Gives the files of a bundle a time in the past, which an index trusts.
fn settle(root: &Root, bundle: &str) {
    for file in ["trace.jsonl", "manifest.json"] {
        File::open(root.path(&format!("{bundle}/{file}"))).unwrap().set_modified(long_ago()).unwrap();
    }
}

/// Lists the bundles in the folder `traces` of a root, with the index in its folder `cache`.
fn list_with_index(root: &Root) -> String {
    let mut program = program();
    program.args(["list", "traces"]).current_dir(root.path("")).env("XDG_CACHE_HOME", root.path("cache"));
    draw(&program.output().unwrap())
}

/// Returns the files of the index.
fn index(root: &Root) -> Vec<PathBuf> {
    let files = fs::read_dir(root.path("cache/rollout-trace")).into_iter().flatten();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn an_index_remembers_what_was_read() {
    let root = Root::new(&["traces/a", "traces/b"]);
    settle(&root, "traces/a");
    let list = list_with_index(&root);
    let [file] = index(&root).try_into().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"a\":") && !text.contains("\"b\":"), "what was just written may change yet: {text}");

    // What the index says is believed as long as the files are the same.
    fs::write(&file, text.replace("example-large", "from-the-index")).unwrap();
    assert_eq!(list_with_index(&root).matches("from-the-index").count(), 1);
    root.edit("traces/a/trace.jsonl", |text| text + " ");
    settle(&root, "traces/a");
    assert!(!list_with_index(&root).contains("from-the-index"));

    // Whatever is wrong with it, the bundles are read again.
    root.edit("traces/a/trace.jsonl", |text| text.trim_end_matches(' ').to_owned());
    settle(&root, "traces/a");
    for damage in ["", "{", "[]", &text[..text.len() / 2], &text.replace("\"version\":\"", "\"version\":\"x")] {
        fs::write(&file, damage).unwrap();
        assert_eq!(list_with_index(&root), list, "{damage}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }

    // Bundles that are gone are forgotten.
    fs::remove_dir_all(root.path("traces/a")).unwrap();
    list_with_index(&root);
    assert!(!fs::read_to_string(&file).unwrap().contains("\"a\":"));
}

#[test]
fn an_index_is_private_and_not_needed() {
    use std::os::unix::fs::PermissionsExt;

    let root = Root::new(&["traces/a"]);
    settle(&root, "traces/a");
    let list = list_with_index(&root);
    let [file] = index(&root).try_into().unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(root.path("traces/a")).unwrap().count(), 3, "nothing is written to the trace root");

    let run = |name: &str, value: &str| -> Output {
        let mut program = program();
        program.args(["list", "traces"]).current_dir(root.path("")).env_remove("HOME").env(name, value);
        program.output().unwrap()
    };
    fs::write(root.path("a-file"), "").unwrap();
    let file = root.path("a-file");
    assert_eq!(draw(&run("XDG_CACHE_HOME", file.to_str().unwrap())), list);
    assert_eq!(draw(&run("XDG_CACHE_HOME", "relative")), list);
    assert!(!root.path("relative").exists());
}

#[test]
fn a_terminal_gets_as_many_columns_as_fit() {
    let root = Root::new(&["a"]);
    let text = run_on_terminal(&root.path(""), "list .", &[]);
    assert_snapshot!(text, @"
    ID        START               TOOK  STATUS     PROMPT
    thread-r  2026-01-01 09:00  12.9 s  completed  The price test fails s…
    ");
}

#[test]
fn the_root_comes_from_the_environment() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("list"), @"
    stderr: error: no trace root is given, and no agent of this user has sessions
    stderr:   give the folder, or set CODEX_ROLLOUT_TRACE_ROOT to the folder that the agent writes to
    exit code 2
    ");
    let output = program().arg("list").env("CODEX_ROLLOUT_TRACE_ROOT", root.path("")).output().unwrap();
    assert_eq!(draw(&output).lines().count(), 2);
}

#[test]
fn nothing_to_list() {
    let root = Root::new(&[]);
    assert_snapshot!(root.run("list ."), @"stderr: no trace bundle in .");
    assert_snapshot!(root.run("list nowhere"), @"
    stderr: error: cannot list nowhere: No such file or directory (os error 2)
    stderr:   check the path and its permissions
    exit code 2
    ");
    fs::create_dir(root.path("empty")).unwrap();
    assert_snapshot!(root.run("list empty"), @"stderr: no trace bundle in empty");
}
