//! The command `show`.

use std::fs;

use insta::assert_snapshot;

use crate::support::{Root, draw, program, sample};

#[test]
fn the_sample() {
    assert_snapshot!(draw(&program().arg("show").arg(sample()).output().unwrap()));
}

#[test]
fn one_thread() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("show a --thread /root/reviewer"), @r#"
    /root/reviewer · thread-reviewer · completed · example-small · spawned by /root for reviewer as reviewer
      turn-reviewer-1 · completed · input [8], [7]
        inference-3 · completed · 640 tokens in (640 to cache), 24 out
          request of 2 items
            + [8] developer "You review the ideas of other agents." (from the harness)
            + [7] /root → /root/reviewer "Review this idea: `round` in price.rs should add half a cent before it truncates…" ← /root call_2
          response
            [9] call call_3 {"cmd":"cat src/price.rs"}
          ▸ call_3 · exec_command · completed → [10]
            $ cat src/price.rs · terminal 2 · exit 0
              | pub fn round(price: f64) -> f64 {
              |     (price * 100.0).trunc() / 100.0
              | }
        inference-4 · completed · 730 tokens in (640 cached, 90 to cache), 41 out
          request of 4 items: 3 as before
            + [10] output of call_3 "Process exited with code 0\nOutput:\npub fn round(price: f64) -> f64 {\n    (price …"
          response
            [11] assistant "The idea is right: `trunc` cuts 12.345 to 12.34, and `(price * 100.0).round()` s…"
              → agent_result: /root [12]
    "#);
    assert_eq!(root.run("show a --thread thread-rev"), root.run("show a --thread /root/reviewer"));
    assert_snapshot!(root.run("show a --thread thread-"), @r#"
    stderr: error: more than one thread matches "thread-"
    stderr:   threads of this bundle: thread-reviewer /root/reviewer, thread-root /root
    exit code 2
    "#);
    assert_snapshot!(root.run("show a --thread nobody"), @r#"
    stderr: error: no thread matches "nobody"
    stderr:   threads of this bundle: thread-reviewer /root/reviewer, thread-root /root
    exit code 2
    "#);
}

#[test]
fn one_item() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("show a --item 11"), @"
    conversation_item:11 · assistant
      kind           message
      role           assistant
      Responses id   msg_4
      thread         /root/reviewer (thread-reviewer)
      turn           turn-reviewer-1
      seen           first at seq 35, last at seq 35
      accepted       at seq 36
      requests       none
      produced by    response of inference-4
      edge           agent_result: /root/reviewer [11] → /root [12] (edge:agent_result:thread-reviewer:turn-reviewer-1:thread-root)
      text
        | The idea is right: `trunc` cuts 12.345 to 12.34, and `(price * 100.0).round()` says it more plainly.
    ");
    assert_eq!(root.run("show a --item conversation_item:11"), root.run("show a --item 11"));
    assert_snapshot!(root.run("show a --item 99"), @r#"
    stderr: error: no item matches "99"
    stderr:   items of this bundle: 1 to 14
    exit code 2
    "#);
    assert_snapshot!(root.run("show a --item x"), @r#"
    stderr: error: no item matches "x"
    stderr:   items of this bundle: 1 to 14
    exit code 2
    "#);
}

#[test]
fn color() {
    let root = Root::new(&["a"]);
    assert!(!root.run("show a").contains('\u{1b}'), "stdout is not a terminal");
    assert!(root.run("show a --color always").contains('\u{1b}'));
}

#[test]
fn damage_is_reported() {
    let root = Root::new(&["a"]);
    root.edit("a/trace.jsonl", |text| text.lines().take(3).map(|line| format!("{line}\n")).collect::<String>() + "{");
    assert_snapshot!(root.run("show a"), @"
    rollout · schema 2 · running · recording not complete · 1 error

    /root · thread-root · running · example-large
      turn-1 · running

    running when the trace ended: /root, turn-1

    error torn_line: the last line is torn after 1 byte; its event is lost
    note trace_stops_early: the trace stops before the rollout ended: it is still being written, or its writer was stopped
    note running_at_end: 2 objects were still running when the trace ended: thread-root, turn-1
    ");
    assert_snapshot!(root.run("show a --thread /root"), @"
    /root · thread-root · running · example-large
      turn-1 · running
    stderr: a: 1 error, 2 notes
    stderr:   a/trace.jsonl:4: error torn_line: the last line is torn after 1 byte; its event is lost
    stderr:   to see all: rollout-trace check a
    ");
}

/// Returns the first line of the drawing of the sample bundle after a change to it.
fn head(change: impl FnOnce(&Root), options: &str) -> String {
    let root = Root::new(&["a"]);
    change(&root);
    root.run(&format!("show a {options}")).lines().next().unwrap().to_owned()
}

#[test]
fn the_head_says_no_more_than_is_known() {
    let edit_log = |edit: fn(String) -> String| move |root: &Root| root.edit("a/trace.jsonl", edit);
    let remove = |path: &'static str| move |root: &Root| fs::remove_file(root.path(path)).unwrap();
    assert_snapshot!(head(|_| {}, ""), @"rollout · schema 2 · completed · recording complete");
    assert_snapshot!(head(|_| {}, "--max-events 10"), @"rollout · schema 2 · end unknown · recording not read to its end · 1 error");
    assert_snapshot!(head(remove("a/trace.jsonl"), ""), @"rollout · schema 2 · end unknown · recording not read to its end · 1 error");
    assert_snapshot!(head(remove("a/payloads/7.json"), ""), @"rollout · schema 2 · completed · recording closed · 1 error");
    assert_snapshot!(head(remove("a/manifest.json"), ""), @"rollout · schema 2 · completed · recording closed · 1 error");
    let without_line_5 = |text: String| {
        text.lines().enumerate().filter(|(at, _)| *at != 4).map(|(_, line)| line.to_owned() + "\n").collect()
    };
    assert_snapshot!(head(edit_log(without_line_5), ""), @"rollout · schema 2 · completed · recording closed · 1 error");
    assert_snapshot!(head(edit_log(|text| text.clone() + text.lines().last().unwrap()), ""), @"rollout · schema 2 · completed · recording not complete · 1 error");
    assert_snapshot!(head(edit_log(|text| text + "{"), ""), @"rollout · schema 2 · completed · recording not complete · 1 error");
    assert_snapshot!(head(edit_log(|text| text.trim_end().to_owned()), ""), @"rollout · schema 2 · completed · recording not complete");
    assert_snapshot!(head(edit_log(|text| text.lines().take(40).map(|line| line.to_owned() + "\n").collect()), ""), @"rollout · schema 2 · running · recording not complete");
    let nothing = |root: &Root| {
        remove("a/manifest.json")(root);
        fs::write(root.path("a/trace.jsonl"), "").unwrap();
    };
    let newest = rollout_trace::schema::SchemaVersion::NEWEST;
    let words = head(nothing, "");
    assert!(words.starts_with(&format!("rollout · schema unknown, read as {newest} · running")), "{words}");
}
