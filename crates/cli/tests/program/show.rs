//! The command `show`.

use std::fs;

use insta::assert_snapshot;

use crate::{support::Root, terminal::run_on_terminal};

#[test]
fn the_sample() {
    assert_snapshot!(Root::new(&["a"]).run("show a"));
}

#[test]
fn one_thread() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("show a --thread /root/reviewer"), @r#"
    /root/reviewer · thread-reviewer · at 8.2 s, took 4.7 s · completed · example-small · spawned by /root for reviewer as reviewer
      turn-2 · at 8.2 s, took 2.3 s · completed · input [8], [7]
        inference-3 · at 8.3 s, took 900 ms · completed · 640 tokens in (640 to cache), 24 out
          request of 2 items · context ~37: items 37
            + [8] developer "You review the ideas of other agents." (from the harness)
            + [7] /root → /root/reviewer "Review this idea: `round` in price.rs should add half a cent before it truncates…" ← /root call_2
          response
            [9] call call_3 {"cmd":"cat src/price.rs"}
          ▸ call_3 · exec_command · at 9.2 s, took 70 ms · completed → [10]
            $ cat src/price.rs · terminal_session:terminal_operation:2 · exit 0
              | pub fn round(price: f64) -> f64 {
              |     (price * 100.0).trunc() / 100.0
              | }
        inference-4 · at 9.4 s, took 1.1 s · completed · 730 tokens in (640 cached, 90 to cache), 41 out
          request of 4 items: 3 as before · context ~86: items 86
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
      agent     exec · no model was asked · in /home/dev/shop
      took      80 ms from 2026-01-01 09:00:00: nobody's turn 100 %
      tokens    none reported
      did       1 agent, 1 turn, 0 requests, 0 tool calls
      evidence  cut: 2 objects were still running when the trace ended: thread-root, turn-1 · and 2 other gaps
      findings  none
      next      rollout-trace check a
                rollout-trace time a

    /root · thread-root · at 80 ms, not ended · running · example-large
      turn-1 · at 120 ms, not ended · running

    running when the trace ended: /root, turn-1

    error torn_line: the last line is torn after 1 byte; its event is lost · line 4 of the log
    note trace_stops_early: the trace stops before the rollout ended: it is still being written, or its writer was stopped
    note running_at_end: 2 objects were still running when the trace ended: thread-root, turn-1
    ");
    assert_snapshot!(root.run("show a --thread /root"), @"
    /root · thread-root · at 80 ms, not ended · running · example-large
      turn-1 · at 120 ms, not ended · running
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

#[test]
fn everything_that_was_recorded() {
    let root = Root::new(&[]).with_recorded("r");
    assert_snapshot!(root.run("show r --width 100"));
}

#[test]
fn lines_fit_the_width() {
    let root = Root::new(&["a", "damaged"]).with_recorded("r");
    fs::remove_file(root.path("damaged/payloads/8.json")).unwrap();
    for width in [40, 60, 80, 120] {
        for bundle in ["a", "r", "damaged"] {
            let text = root.run(&format!("show {bundle} --width {width}"));
            let (head, drawing) = text.split_once("\n\n").unwrap();
            assert!(width < 60 || head.lines().count() <= 12, "{width}: {head}");
            let long = drawing.lines().find(|line| line.chars().count() > width);
            assert_eq!(long, None, "{width}");
        }
    }
}

#[test]
fn one_part() {
    let root = Root::new(&[]).with_recorded("r");
    assert_snapshot!(root.run("show r --turn 3"), @r#"
    turn-3 · at 55 ms, took 19 ms · completed · input [16]
      inference-8 · at 57 ms, took 1 ms · completed · 100 tokens in, 10 out
        request of 13 items: 12 as before · context ~116: items 98, tools 12, instructions 6
          + [16] user "Now compute something."
        response
          [17] call call_x1 javascript `text(1 + 1)`
        ▸ call_x1 · exec · at 60 ms, took 4 ms · completed → [18]
          ▸ code_cell:call_x1 · cell:1 · at 61 ms, took 2 ms · completed → [18]
            | text(1 + 1)
            first answer: completed
      id-10 · at 70 ms · installed
        compaction_request:1 · compaction request · at 66 ms, took 1 ms · failed: 503 overloaded
        compaction_request:2 · compaction request · at 68 ms, took 1 ms · completed
        input of 15 items: [1..7], [12], [11], [13..18]
        - lost 14 items, ~93 tokens: [2..7], [12], [11], [13..18]
        marker [19], replacement of 2 items
          + [20] user "What is in notes.txt? Let a reader check it." (kept from [1])
          + [21] assistant, summary encrypted_content "encrypted summary"
      inference-9 · at 71 ms, took 1 ms · completed · 100 tokens in, 10 out
        request of 2 items: all from the replacement of id-10 · context ~35: items 17, tools 12, instructions 6
        response
          [22] assistant "It is 2."
    "#);
    assert_eq!(root.run("show r --turn turn-3"), root.run("show r --turn 3"));
    assert_eq!(root.run("show r --turn turn:3"), root.run("show r --turn 3"));
    assert_snapshot!(root.run("show r --request 6"), @r#"
    inference-6 · at 49 ms, took 1 ms · failed: stream disconnected before completion
      request of 11 items: 10 as before · context ~108: items 90, tools 12, instructions 6
        + [14] output of call_4 "hi"
      no response
    "#);
    assert_eq!(root.run("show r --request inference-6"), root.run("show r --request 6"));
    assert_snapshot!(root.run("show r --call call_x1"), @"
    ▸ call_x1 · exec · at 60 ms, took 4 ms · completed → [18]
      ▸ code_cell:call_x1 · cell:1 · at 61 ms, took 2 ms · completed → [18]
        | text(1 + 1)
        first answer: completed
    ");
    assert_snapshot!(root.run("show r --call code_cell:call_x1"), @"
    ▸ code_cell:call_x1 · cell:1 · at 61 ms, took 2 ms · completed → [18]
      | text(1 + 1)
      first answer: completed
    ");
    assert_eq!(root.run("show r --call echo.echo"), root.run("show r --call call_4"));
    assert_snapshot!(root.run("show r --turn 9"), @r#"
    stderr: error: no turn is named "9", but item:9 is
    stderr:   give the turn by its id, or by the name that `rollout-trace show` prints
    exit code 2
    "#);
    assert_snapshot!(root.run("show r --turn call_4"), @r#"
    stderr: error: no turn is named "call_4", but call:call_4 is
    stderr:   give the turn by its id, or by the name that `rollout-trace show` prints
    exit code 2
    "#);
    assert_snapshot!(root.run("show r --call nothing"), @r#"
    stderr: error: nothing in this rollout is named "nothing"
    stderr:   give the number of an item, or an id or a name that an answer or `rollout-trace show` prints
    exit code 2
    "#);
    assert!(root.run("show r --call call_4 --turn 1").contains("cannot be used with"));
}

#[test]
fn only_what_failed() {
    let root = Root::new(&["a"]).with_recorded("r");
    assert_snapshot!(root.run("show r --errors"), @r#"
    rollout · schema 2 · completed · recording complete

    /root · 01935f5e-8a00-7000-8000-000000000001 · at 2 ms, took 74 ms · completed · scripted-1
      turn-1 · at 4 ms, took 50 ms · completed · input [1]
        inference-6 · at 49 ms, took 1 ms · failed: stream disconnected before completion
          request of 11 items: 10 as before · context ~108: items 90, tools 12, instructions 6
            + [14] output of call_4 "hi"
          no response
      turn-3 · at 55 ms, took 19 ms · completed · input [16]
        id-10 · at 70 ms · installed
          compaction_request:1 · compaction request · at 66 ms, took 1 ms · failed: 503 overloaded
          compaction_request:2 · compaction request · at 68 ms, took 1 ms · completed
          input of 15 items: [1..7], [12], [11], [13..18]
          - lost 14 items, ~93 tokens: [2..7], [12], [11], [13..18]
          marker [19], replacement of 2 items
            + [20] user "What is in notes.txt? Let a reader check it." (kept from [1])
            + [21] assistant, summary encrypted_content "encrypted summary"
    "#);
    assert_snapshot!(root.run("show a --errors"), @"
    rollout · schema 2 · completed · recording complete

    /root · thread-root · at 80 ms, took 12.8 s · completed · example-large
      turn-1 · at 120 ms, took 12.7 s · completed · input [1..2]
        inference-1 · at 170 ms, took 2.2 s · completed · 1480 tokens in (1480 to cache), 62 out (31 reasoning)
          ▸ call_1 · exec_command · at 2.4 s, took 3.5 s · completed → [5]
            $ cargo test price · terminal_session:terminal_operation:1 · exit 101
              | running 1 test
              | test price::rounds_half_up ... FAILED
              |
              | … 3 more lines
    ");
    assert_snapshot!(root.run("show a --errors --agent /root/reviewer"), @"/root/reviewer · thread-reviewer · at 8.2 s, took 4.7 s · completed · example-small · spawned by /root for reviewer as reviewer");
}

#[test]
fn only_what_ran_since() {
    let root = Root::new(&["a"]);
    assert_snapshot!(root.run("show a --since 40"), @r#"
    rollout · schema 2 · completed · recording complete

    /root · thread-root · at 80 ms, took 12.8 s · completed · example-large
      turn-1 · at 120 ms, took 12.7 s · completed · input [1..2]
        inference-5 · at 10.6 s, took 2.2 s · completed · 2010 tokens in (1790 cached, 220 to cache), 57 out (12 reasoning)
          request of 8 items: 6 as before · context ~181: items 181
            + [13] output of call_2 "{"task_name":"/root/reviewer"}"
            + [12] /root/reviewer → /root "The idea is right: `trunc` cuts 12.345 to 12.34, and `(price * 100.0).round()` s…" ← /root/reviewer [11]
          response
            [14] assistant, final "`round` in src/price.rs truncates instead of rounding, so 12.345 becomes 12.34. …"

    /root/reviewer · thread-reviewer · at 8.2 s, took 4.7 s · completed · example-small · spawned by /root for reviewer as reviewer
    "#);
    assert_snapshot!(root.run("show a --since 999"), @"
    rollout · schema 2 · completed · recording complete
    nothing ran
    ");
}

#[test]
fn losses_are_reported_where_they_are() {
    let root = Root::new(&["a"]);
    fs::remove_file(root.path("a/payloads/8.json")).unwrap();
    root.edit("a/trace.jsonl", |text| {
        let lines = text.lines().filter(|line| !line.contains("\"seq\":25,") && !line.contains("\"seq\":26,"));
        lines.map(|line| format!("{line}\n")).collect()
    });
    assert_snapshot!(root.run("show a"));
}

#[test]
fn a_terminal_gets_a_pager() {
    let root = Root::new(&["a"]);
    let run = |arguments: &str, environment: &[(&str, &str)]| {
        run_on_terminal(&root.path(""), arguments, environment).lines().next().unwrap_or_default().to_owned()
    };
    let plain = "show a --color never";
    let head = "rollout · schema 2 · completed · recording complete";
    assert_eq!(run(plain, &[("PAGER", "sed 's/^/paged: /'")]), format!("paged: {head}"));
    assert_eq!(run(plain, &[("ROLLOUT_TRACE_PAGER", "cat -"), ("PAGER", "false")]), head);
    assert_eq!(run(plain, &[("PAGER", "")]), head);
    assert_eq!(run(plain, &[("PAGER", "cat")]), head);
    assert_eq!(run(plain, &[("PAGER", "a-pager-that-is-not-there")]), head);
    assert_eq!(run("show a --color never --no-pager", &[("PAGER", "false")]), head);
    assert_eq!(run(plain, &[("PAGER", "head -n 1")]), head, "a pager may be closed early");
    assert!(run("show a", &[("PAGER", "cat -")]).contains("\u{1b}[1m"));
    assert_eq!(run(plain, &[("PAGER", "sh -c 'echo $LESS'")]), "FRX");
    assert_eq!(run(plain, &[("PAGER", "sh -c 'echo $LESS'"), ("LESS", "-S")]), "-S");
}

#[test]
fn a_terminal_says_how_wide_it_is() {
    let root = Root::new(&["a"]);
    let text = run_on_terminal(&root.path(""), "show a --color never --no-pager", &[]);
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest > 60 && widest <= 70, "{widest}");
}
