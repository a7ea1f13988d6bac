//! The command `reduce`.

use std::{
    fs::{self, File},
    process::Stdio,
    time::{Duration, SystemTime},
};

use insta::assert_snapshot;
use rollout_trace::RolloutTrace;

use crate::support::{Root, draw, program};

fn is_graph(text: &str) -> bool {
    serde_json::from_str::<RolloutTrace>(text).is_ok_and(|graph| graph.threads.len() == 2)
}

#[test]
fn into_the_bundle() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("reduce a"), @"a/state.json");
    assert!(is_graph(&fs::read_to_string(root.path("a/state.json")).unwrap()));
    assert_snapshot!(root.run("reduce a/trace.jsonl"), @"a/state.json");
    assert_snapshot!(root.run("reduce a/payloads/1.json"), @"a/state.json");
    let names: Vec<_> = fs::read_dir(root.path("a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "nothing but state.json is new: {names:?}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let root = Root::new(&["a"]);
    root.run("reduce a");
    assert_eq!(root.path("a/state.json").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    root.run("reduce a -o out.json");
    assert_eq!(root.path("out.json").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn to_stdout_and_files() {
    let root = Root::new(&["a", "b"]);
    assert!(is_graph(&root.run("reduce a -o -")));
    let compact = root.run("reduce a -o - --compact");
    assert!(is_graph(&compact) && compact.lines().count() == 1);
    assert_snapshot!(root.run("reduce a -o out.json"), @"out.json");
    assert!(is_graph(&fs::read_to_string(root.path("out.json")).unwrap()));
    assert_eq!(root.run("reduce . -o - --compact").lines().filter(|line| is_graph(line)).count(), 2);
    assert_snapshot!(root.run("reduce . -o out.json"), @"
    stderr: error: 2 bundles cannot be written to one file, out.json
    stderr:   use --latest for the newest, use -o - for all on stdout, or omit -o
    exit code 2
    ");
    assert!(!root.path("a/state.json").exists());
}

#[test]
fn requests_as_runs() {
    let root = Root::new(&["a"]);
    let ids = root.run("reduce a -o - --compact");
    for options in ["", " --compact"] {
        let runs = root.run(&format!("reduce a -o - --runs{options}"));
        assert!(runs.contains("request_item_runs") && !runs.contains("request_item_ids"));
        let read = |text| serde_json::from_str::<RolloutTrace>(text).unwrap();
        assert_eq!(read(&runs), read(&ids));
    }
    assert_snapshot!(root.run("reduce a --runs"), @"a/state.json");
    let file: serde_json::Value = serde_json::from_slice(&fs::read(root.path("a/state.json")).unwrap()).unwrap();
    assert!(file["inference_calls"].as_object().unwrap().values().all(|call| call["request_item_runs"].is_array()));
    assert_snapshot!(root.run("reduce a"), @"a/state.json");
}

#[test]
fn with_facts() {
    let root = Root::new(&["a"]);
    let plain = root.run("reduce a -o -");
    let read = |text: &str| serde_json::from_str::<RolloutTrace>(text).unwrap();
    for options in ["", " --compact", " --runs", " --runs --compact"] {
        let facts = root.run(&format!("reduce a -o - --with-facts{options}"));
        assert_eq!(facts, root.run(&format!("reduce a -o - --with-facts{options}")));
        assert_eq!(facts.contains("request_item_runs"), options.contains("runs"));
        assert_eq!(read(&facts), read(&plain));
        let state: serde_json::Value = serde_json::from_str(&facts).unwrap();
        for item in state["conversation_items"].as_object().unwrap().values() {
            assert!(item["sizes"]["bytes"].is_u64() && item["origin"]["class"].is_string(), "{item}");
        }
    }
    assert_snapshot!(root.run("reduce a --with-facts"), @"a/state.json");
    // It is a graph that this program wrote, so the next one replaces it.
    assert_snapshot!(root.run("reduce a"), @"a/state.json");
    assert_eq!(fs::read_to_string(root.path("a/state.json")).unwrap(), plain);
}

#[test]
fn reducing_twice_gives_the_same_bytes() {
    let root = Root::new(&["a"]);
    assert_eq!(root.run("reduce a -o -"), root.run("reduce a -o -"));
}

#[test]
fn a_whole_root() {
    let root = Root::new(&["a", "b", "c"]);
    root.edit("b/manifest.json", |text| text.replace("17672", "17673"));
    assert_snapshot!(root.run("reduce ."), @"
    ./b/state.json
    ./a/state.json
    ./c/state.json
    ");
    assert_snapshot!(root.run("reduce . --latest"), @"./b/state.json");
}

#[test]
fn damage_is_reported_and_the_graph_is_written() {
    let root = Root::new(&["a"]);
    root.edit("a/trace.jsonl", |text| text[..text.len() - 100].to_owned());
    fs::remove_file(root.path("a/payloads/7.json")).unwrap();
    assert_snapshot!(root.run("reduce a"), @"
    a/state.json
    stderr: a: 2 errors, 1 note
    stderr:   a/payloads/7.json: error payload_missing (seq 13): the tool result is lost: no file payloads/7.json
    stderr:   a/trace.jsonl:47: error torn_line: the last line is torn after 70 bytes; its event is lost
    stderr:   to see all: rollout-trace check a
    ");
    assert_snapshot!(root.run("reduce a --strict"), @"
    a/state.json
    stderr: a: 2 errors, 1 note
    stderr:   a/payloads/7.json: error payload_missing (seq 13): the tool result is lost: no file payloads/7.json
    stderr:   a/trace.jsonl:47: error torn_line: the last line is torn after 70 bytes; its event is lost
    stderr:   to see all: rollout-trace check a
    exit code 1
    ");
    assert!(is_graph(&fs::read_to_string(root.path("a/state.json")).unwrap()));
    assert_snapshot!(root.run("reduce a --strict --max-payload-bytes 10 -o out.json"), @"
    out.json
    stderr: a: 27 errors, 2 notes
    stderr:   a/payloads/1.json: error limit_exceeded (seq 2): the session metadata is lost: payloads/1.json has 292 bytes, more than the limit of 10
    stderr:   a/payloads/2.json: error limit_exceeded (seq 6): the inference request is lost: payloads/2.json has 508 bytes, more than the limit of 10
    stderr:   a/payloads/3.json: error limit_exceeded (seq 7): the inference response is lost: payloads/3.json has 566 bytes, more than the limit of 10
    stderr:   to see all: rollout-trace check a
    exit code 1
    ");
}

#[test]
fn paths_that_are_not_bundles() {
    let root = Root::new(&["a"]);
    fs::create_dir(root.path("empty")).unwrap();
    fs::write(root.path("empty/file"), b"").unwrap();
    assert_snapshot!(root.run("reduce nowhere"), @"
    stderr: error: nowhere does not exist
    stderr:   check the path; bundles are folders named trace-<trace id>-<thread id>
    exit code 2
    ");
    assert_snapshot!(root.run("reduce empty"), @"
    stderr: error: no trace bundle in empty
    stderr:   give a bundle, which is a folder with a trace.jsonl, or a folder with bundles or sessions
    exit code 2
    ");
    assert_snapshot!(root.run("reduce empty/file"), @"
    stderr: error: empty/file is not an archive of a bundle: it is empty
    stderr:   name a file that `rollout-trace pack` wrote, or a .tar.zst file of a bundle's folder
    exit code 2
    ");
    // A bundle that cannot be read does not prevent the others from being reduced.
    assert_snapshot!(root.run("reduce nowhere a"), @"
    a/state.json
    stderr: error: nowhere does not exist
    stderr:   check the path; bundles are folders named trace-<trace id>-<thread id>
    exit code 2
    ");
}

/// What another program may have written to a state.json.
const FOREIGN: [&str; 5] = ["", "old", "{}", "{\"schema_version\":3,\"trace_id\":\"t\"}", "\0\0"];

#[test]
fn the_state_of_another_program_is_kept() {
    let root = Root::new(&["a"]);
    root.run("pack a");
    let read = |path: &str| fs::read_to_string(root.path(path)).unwrap();
    for (bundle, usual, beside) in [
        ("a", "a/state.json", "a/rollout-trace.state.json"),
        ("a.tar.zst", "a.state.json", "a.rollout-trace.state.json"),
    ] {
        let reduce = |options: &str| root.run(&format!("reduce {bundle} {options}"));
        for foreign in FOREIGN {
            fs::write(root.path(usual), foreign).unwrap();
            for options in ["", "--compact", ""] {
                assert_eq!(reduce(options), format!("{beside}\n"), "{foreign}");
                assert_eq!(read(usual), foreign);
                assert!(is_graph(&read(beside)));
            }
            // Neither is ours.
            fs::write(root.path(beside), foreign).unwrap();
            assert_eq!(
                reduce(""),
                format!(
                    "stderr: error: rollout-trace wrote neither {usual} nor {beside}, so both are kept\n\
                     stderr:   use -o FILE to write elsewhere, or --force to replace the first one\n\
                     exit code 2\n"
                )
            );
            assert_eq!((read(usual), read(beside)), (foreign.to_owned(), foreign.to_owned()));
            assert_eq!(reduce(&format!("-o {usual}")), format!("{usual}\n"));
            assert!(is_graph(&read(usual)));
            fs::write(root.path(usual), foreign).unwrap();
            assert_eq!(reduce("--force"), format!("{usual}\n"));
            assert!(is_graph(&read(usual)));
            // From here on it is ours.
            for options in ["", "--compact", "--force"] {
                assert_eq!(reduce(options), format!("{usual}\n"), "{foreign}");
            }
            assert_eq!(read(beside), foreign);
            fs::remove_file(root.path(beside)).unwrap();
        }
    }
}

#[test]
fn a_failed_write_keeps_the_previous_file() {
    let root = Root::new(&["a"]);
    fs::write(root.path("a/old.json"), b"old").unwrap();
    // A folder at the path is an error for every user, including root.
    fs::create_dir(root.path("a/state.json")).unwrap();
    assert_snapshot!(root.run("reduce a --force"), @"
    stderr: error: cannot write a/state.json: Is a directory (os error 21)
    stderr:   the previous file is unchanged; use -o FILE to write elsewhere, or -o - for stdout
    exit code 2
    ");
    assert_snapshot!(root.run("reduce a -o a"), @"
    stderr: error: cannot write a: Is a directory (os error 21)
    stderr:   the previous file is unchanged; use another FILE, or -o - for stdout
    exit code 2
    ");
    assert_snapshot!(root.run("reduce a -o nowhere/out.json"), @r#"
    stderr: error: cannot write nowhere/out.json: the folder nowhere does not exist
    stderr:   the previous file is unchanged; use another FILE, or -o - for stdout
    exit code 2
    "#);
    assert_snapshot!(root.run("reduce a -o a/old.json/out.json"), @r#"
    stderr: error: cannot write a/old.json/out.json: not a directory
    stderr:   the previous file is unchanged; use another FILE, or -o - for stdout
    exit code 2
    "#);
    assert_eq!(fs::read(root.path("a/old.json")).unwrap(), b"old");
    let left: Vec<_> = fs::read_dir(root.path("a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 5, "no temporary file stays: {left:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("reduce a -o /dev/full"), @"
    stderr: error: cannot write /dev/full: No space left on device (os error 28)
    stderr:   the previous file is unchanged; use another FILE, or -o - for stdout
    exit code 2
    ");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = program().args(["reduce", "-o", "-"]).arg(root.path("a")).stdout(full).output().unwrap();
    assert_snapshot!(draw(&output), @"
    stderr: error: cannot write to stdout: No space left on device (os error 28)
    stderr:   check the target of stdout
    exit code 2
    ");
}

#[cfg(unix)]
#[test]
fn a_link_in_the_bundle_is_not_followed() {
    let root = Root::new(&["a"]);
    fs::write(root.path("precious"), b"old").unwrap();
    let link = || std::os::unix::fs::symlink(root.path("precious"), root.path("a/state.json"));
    for content in ["old", "{\"reduced_by\":\"rollout-trace\"}"] {
        fs::write(root.path("precious"), content).unwrap();
        link().unwrap();
        assert_eq!(root.run("reduce a"), "a/rollout-trace.state.json\n");
        assert_eq!(root.run("reduce a --force"), "a/state.json\n");
        assert_eq!(fs::read_to_string(root.path("precious")).unwrap(), content);
        assert!(is_graph(&fs::read_to_string(root.path("a/state.json")).unwrap()));
        fs::remove_file(root.path("a/state.json")).unwrap();
    }
    // A pipe is not waited for.
    assert!(std::process::Command::new("mkfifo").arg(root.path("a/state.json")).status().unwrap().success());
    assert_snapshot!(root.run("reduce a"), @"a/rollout-trace.state.json");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let root = Root::new(&["a"]);
    for arguments in [["reduce", "a", "-o", "-"].as_slice(), &["show", "a"], &["schema"], &["check", "a"]] {
        let mut child = program()
            .args(arguments)
            .current_dir(root.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(draw(&child.wait_with_output().unwrap()), "", "{arguments:?}");
    }
}

#[test]
fn a_stale_state_is_replaced() {
    let root = Root::new(&["a"]);
    root.run("reduce a");
    let past = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(root.path("a/state.json")).unwrap().set_modified(past).unwrap();
    assert!(root.run("list --json .").contains(r#""state":"stale""#));
    root.run("reduce a");
    assert!(root.run("list --json .").contains(r#""state":"current""#));
    // The state of another program counts as well, and so does ours beside it.
    fs::write(root.path("a/state.json"), b"{}").unwrap();
    assert!(root.run("list --json .").contains(r#""state":"current""#));
    File::options().write(true).open(root.path("a/state.json")).unwrap().set_modified(past).unwrap();
    assert!(root.run("list --json .").contains(r#""state":"stale""#));
    root.run("reduce a");
    assert!(root.run("list --json .").contains(r#""state":"current""#));
}
