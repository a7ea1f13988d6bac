//! Drawings and normal forms of small graphs.

mod script;

use insta::assert_snapshot;
use rollout_trace_model::{Drawing, ItemId, RolloutTrace, normalized};
use rollout_trace_schema::ThreadId;
use script::{CHILD, ROOT, Script, item_ids};
use serde_json::json;

const FIRST: &str = "5c7f58ca-c163-4d55-9bc8-dd3fdee0602a";
const SECOND: &str = "2167bd8a-e2f2-4327-a523-a4ca43e27828";
const CHILD_TURN: &str = "01a1fb89-e512-7972-a40c-7d10dc339b1c";

fn draw(graph: &RolloutTrace) -> String {
    Drawing::new(graph).to_string()
}

#[test]
fn a_tool_call_is_drawn_below_the_response_that_requested_it() {
    let mut script = Script::new();
    let rules = script.message("developer", "Be brief.");
    let question = script.message("user", "What is here?");
    let call = script.call("call_ls", r#"{"cmd":"ls"}"#);
    script.inference(FIRST, "completed", &[rules, question], &[call], &["call_ls"]);
    *script.at(&format!("/inference_calls/{FIRST}/usage")) = json!({
        "input_tokens": 120, "cached_input_tokens": 80, "cache_write_input_tokens": 0, "output_tokens": 40,
        "reasoning_output_tokens": 10,
    });
    let output = script.output("call_ls", "a.txt\nb.txt\n");
    script.tool("call_ls", json!({"type": "exec_command"}), "completed", &[call], &[output]);
    script.command(1, "call_ls", &["/bin/bash", "-lc", "ls"], Some(0), "a.txt\nb.txt\nc.txt\nd.txt\ne.txt\n");
    let answer = script.message("assistant", "Two files.");
    script.inference(SECOND, "completed", &[rules, question, call, output], &[answer], &[]);
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running

    /root · thread-1 · running · a-model
      turn-1 · running
        inference-1 · completed · 120 tokens in (80 cached), 40 out (10 reasoning)
          request of 2 items
            + [1] developer "Be brief."
            + [2] user "What is here?"
          response
            [3] call call_ls {"cmd":"ls"}
          ▸ call_ls · exec_command · completed → [4]
            $ ls · exit 0
              | a.txt
              | b.txt
              | c.txt
              | … 2 more lines
        inference-2 · completed
          request of 4 items: 3 as before
            + [4] output of call_ls "a.txt\nb.txt\n"
          response
            [5] assistant "Two files."
    "#);
}

#[test]
fn an_edited_history_shows_dropped_and_inserted_items() {
    let mut script = Script::new();
    let old: Vec<u32> = (1..=6).map(|number| script.message("user", &format!("old {number}"))).collect();
    script.inference(FIRST, "completed", &old, &[], &[]);
    let new = script.message("user", "new");
    script.inference("second", "completed", &[old[0], new, old[5]], &[], &[]);
    script.inference("third", "completed", &[old[5], old[0]], &[], &[]);
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running

    /root · thread-1 · running · a-model
      turn-1 · running
        inference-1 · completed
          request of 6 items
            + [1] user "old 1"
            + [2] user "old 2"
            + [3] user "old 3"
            + [4] user "old 4"
            + [5] user "old 5"
            + [6] user "old 6"
          no response
        second · completed
          request of 3 items: 2 as before
            - [2..5] (4 items)
            + [7] user "new" (before [6])
          no response
        third · completed
          request of 2 items: all as before, in another order
            - [7] user "new"
          no response
    "#);
}

#[test]
fn failed_and_cancelled_calls_show_the_reason() {
    let mut script = Script::new();
    let question = script.message("user", "Go on.");
    script.inference(FIRST, "failed", &[question], &[], &[]);
    script.at(&format!("/inference_calls/{FIRST}"))["error"] = "connection reset\nby peer".into();
    let partial = script.message("assistant", "Well, ");
    script.inference("retry", "cancelled", &[question], &[partial], &[]);
    script.at("/inference_calls/retry")["cancel_reason"] = "interrupted".into();
    script.inference("again", "running", &[question, partial], &[], &[]);
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running

    /root · thread-1 · running · a-model
      turn-1 · running
        inference-1 · failed: connection reset\nby peer
          request of 1 item
            + [1] user "Go on."
          no response
        retry · cancelled: interrupted
          request of 1 item: all as before
          response
            [2] assistant "Well, "
        again · running
          request of 2 items: all as before
          no response
    "#);
}

#[test]
fn a_code_cell_shows_its_source_its_progress_and_its_tools() {
    let mut script = Script::new();
    let question = script.message("user", "Count.");
    let code = json!({"type": "code", "language": "javascript", "source": "const r = await tools.exec_command();"});
    let source = script.item("assistant", "custom_tool_call", Some("call_x"), code);
    script.inference(FIRST, "completed", &[question], &[source], &[]);
    let text = |text: &str| json!({"type": "text", "text": text});
    let answer = script.item("tool", "custom_tool_call_output", Some("call_x"), text("running"));
    let note = script.item("tool", "custom_tool_call_output", Some("call_x"), text("halfway"));
    let execution = script.ran("cancelled");
    let nested = "exec-115e3c15-c853-4cce-9176-c0c1c6e3498a";
    script.put(
        "code_cells",
        "code_cell:call_x",
        json!({
            "code_cell_id": "code_cell:call_x", "model_visible_call_id": "call_x", "thread_id": ROOT,
            "codex_turn_id": "01a1fb89-e429-7092-8ebd-c32460402328", "source_item_id": "conversation_item:2",
            "output_item_ids": item_ids(&[answer, note]), "runtime_cell_id": "7", "execution": execution,
            "runtime_status": "terminated", "initial_response_at_unix_ms": 5, "initial_response_seq": 5,
            "initial_response_status": "yielded", "yielded_at_unix_ms": 5, "yielded_seq": 5,
            "source_js": "const r = await tools.exec_command();\ntext(r);", "nested_tool_call_ids": [nested],
            "wait_tool_call_ids": ["call_wait"],
        }),
    );
    for item in [answer, note] {
        script.produced(item, json!({"type": "code_cell", "code_cell_id": "code_cell:call_x"}));
    }
    script.tool(nested, json!({"type": "exec_command"}), "completed", &[], &[]);
    let requester = json!({"type": "code_cell", "code_cell_id": "code_cell:call_x"});
    script.at(&format!("/tool_calls/{nested}"))["requester"] = requester;
    script.at(&format!("/tool_calls/{nested}"))["model_visible_call_id"] = json!(null);
    script.command(1, nested, &["wc", "-l"], Some(1), "");
    let wait = script.call("call_wait", r#"{"cell_id":"7"}"#);
    script.inference(SECOND, "completed", &[question, source, answer, note], &[wait], &["call_wait"]);
    script.tool("call_wait", json!({"type": "other", "name": "wait"}), "completed", &[wait], &[]);
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running

    /root · thread-1 · running · a-model
      turn-1 · running
        inference-1 · completed
          request of 1 item
            + [1] user "Count."
          response
            [2] call call_x javascript `const r = await tools.exec_command();`
          ▸ code_cell:call_x · runtime cell 7 · cancelled (terminated) → [3..4]
            | const r = await tools.exec_command();
            | text(r);
            first answer: yielded · continued to run · answered or notified 2 times · waited for by call_wait
            ▸ call-1 · exec_command · completed
              $ wc -l · exit 1
        inference-2 · completed
          request of 4 items: 2 as before
            + [3] output of call_x "running"
            + [4] output of call_x "halfway"
          response
            [5] call call_wait {"cell_id":"7"}
          ▸ call_wait · wait (a_tool) · waits for code_cell:call_x · completed
    "#);
}

#[test]
fn a_compaction_shows_its_input_and_its_replacement() {
    let mut script = Script::new();
    let old: Vec<u32> = (1..=3).map(|number| script.message("user", &format!("old {number}"))).collect();
    script.inference(FIRST, "completed", &old, &[], &[]);
    let turn = "01a1fb89-e429-7092-8ebd-c32460402328";
    let (execution, payload) = (script.ran("failed"), script.payload());
    script.put(
        "compaction_requests",
        "attempt",
        json!({
            "compaction_request_id": "attempt", "compaction_id": "compact", "thread_id": ROOT, "codex_turn_id": turn,
            "execution": execution, "model": "a-model", "provider_name": "a-provider", "error": "too long",
            "raw_request_payload_id": payload, "raw_response_payload_id": null,
        }),
    );
    let marker = script.item("assistant", "compaction_marker", None, json!(null));
    let kept = script.message("user", "old 1");
    let encoded = json!({"type": "encoded", "label": "encrypted_content", "value": "gAAAA"});
    let summary = script.item("assistant", "message", None, encoded);
    script.put(
        "compactions",
        "compact",
        json!({
            "compaction_id": "compact", "thread_id": ROOT, "codex_turn_id": turn, "installed_at_unix_ms": 1,
            "marker_item_id": format!("conversation_item:{marker}"), "request_ids": ["attempt"],
            "input_item_ids": item_ids(&old), "replacement_item_ids": item_ids(&[kept, summary]),
        }),
    );
    for item in [marker, kept, summary] {
        script.produced(item, json!({"type": "compaction", "compaction_id": "compact"}));
    }
    let next = script.message("user", "And now?");
    script.inference(SECOND, "completed", &[kept, summary, next], &[], &[]);
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running

    /root · thread-1 · running · a-model
      turn-1 · running
        inference-1 · completed
          request of 3 items
            + [1] user "old 1"
            + [2] user "old 2"
            + [3] user "old 3"
          no response
        compact · installed
          attempt · compaction request · failed: too long
          input of 3 items: [1..3]
          marker [4], replacement of 2 items
            + [5] user "old 1"
            + [6] assistant encrypted_content "gAAAA"
        inference-2 · completed
          request of 3 items: 2 from the replacement of compact
            + [7] user "And now?"
          no response
    "#);
}

/// Returns a script with a root agent that spawns a child, which answers.
fn agents() -> Script {
    let mut script = Script::new();
    let task = script.message("user", "Delegate.");
    let spawn = script.call("call_spawn", r#"{"message":"read"}"#);
    script.inference(FIRST, "completed", &[task], &[spawn], &["call_spawn"]);
    script.tool("call_spawn", json!({"type": "spawn_agent"}), "completed", &[spawn], &[]);
    let reply = script.message("assistant", "Message Type: FINAL_ANSWER\nPayload:\nhello");
    script.at(&format!("/conversation_items/conversation_item:{reply}"))["agent_message"] =
        json!({"author": "/root/reader", "recipient": "/root"});
    script.inference("wait", "running", &[task, spawn, reply], &[], &[]);

    let spawn_edge = format!("edge:spawn:{ROOT}:{CHILD}");
    let origin = json!({
        "type": "spawned", "parent_thread_id": ROOT, "spawn_edge_id": spawn_edge, "task_name": "reader",
        "agent_role": "explorer",
    });
    script.thread(CHILD, "/root/reader", origin);
    script.turn(CHILD, CHILD_TURN);
    let task = script.item(
        "assistant",
        "message",
        None,
        json!({"type": "encoded", "label": "encrypted_content", "value": "read"}),
    );
    script.at(&format!("/conversation_items/conversation_item:{task}"))["agent_message"] =
        json!({"author": "/root", "recipient": "/root/reader"});
    let answer = script.message("assistant", "hello");
    script.inference(SECOND, "completed", &[task], &[answer], &[]);
    let item = |number: u32| json!({"type": "conversation_item", "item_id": format!("conversation_item:{number}")});
    let spawner = json!({"type": "tool_call", "tool_call_id": "call_spawn"});
    script.edge(&spawn_edge, "spawn_agent", spawner, item(task));
    script.edge(&format!("edge:agent_result:{CHILD}:{CHILD_TURN}:{ROOT}"), "agent_result", item(answer), item(reply));
    script
}

#[test]
fn interactions_of_agents_are_drawn_at_both_ends() {
    let mut script = agents();
    script.set(
        "undelivered_messages",
        json!([{
            "kind": "send_message", "tool_call_id": "call_send", "target_thread_id": CHILD, "message": "thanks",
        }]),
    );
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running

    /root · thread-1 · running · a-model
      turn-1 · running
        inference-1 · completed
          request of 1 item
            + [1] user "Delegate."
          response
            [2] call call_spawn {"message":"read"}
          ▸ call_spawn · spawn_agent (a_tool) · completed
            → spawn_agent: /root/reader [4] encrypted_content "read"
        wait · running
          request of 3 items: 2 as before
            + [3] /root/reader → /root "Message Type: FINAL_ANSWER\nPayload:\nhello" ← /root/reader [5]
          no response

    /root/reader · thread-2 · running · a-model · spawned by /root for reader as explorer
      turn-2 · running
        inference-2 · completed
          request of 1 item
            + [4] /root → /root/reader encrypted_content "read" ← /root call_spawn
          response
            [5] assistant "hello"
              → agent_result: /root [3]

    sent, but never seen to arrive
      send_message by call_send to /root/reader: "thanks"
    "#);
}

#[test]
fn one_thread_is_drawn_alone() {
    let graph = agents().graph();
    assert_snapshot!(Drawing::new(&graph).thread(&ThreadId::from(CHILD)), @r#"
    /root/reader · thread-2 · running · a-model · spawned by /root for reader as explorer
      turn-2 · running
        inference-2 · completed
          request of 1 item
            + [4] /root → /root/reader encrypted_content "read" ← /root call_spawn
          response
            [5] assistant "hello"
              → agent_result: /root [3]
    "#);
    assert_snapshot!(Drawing::new(&graph).thread(&ThreadId::from("nobody")), @"no thread nobody");
}

#[test]
fn one_item_is_drawn_in_full() {
    let graph = agents().graph();
    assert_snapshot!(Drawing::new(&graph).item(ItemId(2)), @r#"
    conversation_item:2 · call call_spawn
      kind           function_call
      role           assistant
      call id        call_spawn
      thread         /root (01a1fb89-e3ec-7242-9e47-0e00f00484ac)
      turn           01a1fb89-e429-7092-8ebd-c32460402328
      seen           first at seq 6, last at seq 6
      requests       1
      first request  wait, place 2 of 3
      last request   wait, place 2 of 3
      produced by    response of 5c7f58ca-c163-4d55-9bc8-dd3fdee0602a
      asks for       tool call call_spawn
      JSON, whole in payloads/1.json
        | {"message":"read"}
    "#);
    assert_snapshot!(Drawing::new(&graph).item(ItemId(3)), @r"
    conversation_item:3 · /root/reader → /root
      kind           message
      role           assistant
      author         /root/reader
      recipient      /root
      thread         /root (01a1fb89-e3ec-7242-9e47-0e00f00484ac)
      turn           01a1fb89-e429-7092-8ebd-c32460402328
      seen           first at seq 11, last at seq 11
      requests       1
      first request  wait, place 3 of 3
      last request   wait, place 3 of 3
      edge           agent_result: /root/reader [5] → /root [3] (edge:agent_result:01a1fb89-e502-7a73-9523-cf5cf99f9657:01a1fb89-e512-7972-a40c-7d10dc339b1c:01a1fb89-e3ec-7242-9e47-0e00f00484ac)
      text
        | Message Type: FINAL_ANSWER
        | Payload:
        | hello
    ");
    assert_snapshot!(Drawing::new(&graph).item(ItemId(99)), @"no item conversation_item:99");
}

#[test]
fn missing_evidence_is_listed_at_the_end() {
    let mut script = Script::new();
    script.message("user", "never sent");
    let gone = "01a1fb89-0000-7000-8000-000000000000";
    script.set("cut_off", json!([{"type": "thread", "id": ROOT}, {"type": "tool_call", "id": "call_1"}]));
    script.set(
        "diagnostics",
        json!([{
            "code": "unknown_thread", "severity": "error", "seq": 9, "ids": [gone],
            "message": format!("event 9 names thread {gone}, which was never started"),
        }]),
    );
    let markers = ["task_started", "token_count", "token_count"].map(|name| {
        json!({
            "seq": 3, "at_unix_ms": 1, "codex_turn_id": null, "kind": "protocol_event", "name": name,
            "raw_payload_ids": [],
        })
    });
    script.at(&format!("/threads/{ROOT}"))["markers"] = json!(markers);
    script.inference(FIRST, "running", &[], &[], &[]);
    script.at(&format!("/inference_calls/{FIRST}"))["thread_id"] = gone.into();
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running · 1 error

    /root · thread-1 · running · a-model
      turn-1 · running
      in history, but in no request or response
        [1] user "never sent"
      marked: task_started, token_count ×2

    in no known thread
      inference-1 · running · a-model
        request of no items
        no response

    running when the trace ended: /root, call_1

    error unknown_thread: event 9 names thread thread-2, which was never started
    "#);
}

#[test]
fn long_texts_and_control_characters_stay_on_their_line() {
    let mut script = Script::new();
    let long = script.message("user", &"é\u{1b}[31m\n".repeat(40));
    let reordered = script.message("user", "a\u{202e}b");
    script.inference(FIRST, "completed", &[long, reordered], &[], &[]);
    assert_snapshot!(draw(&script.graph()), @r#"
    rollout · schema 1 · running

    /root · thread-1 · running · a-model
      turn-1 · running
        inference-1 · completed
          request of 2 items
            + [1] user "é\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[31m\né\u{1b}[…"
            + [2] user "a\u{202e}b"
          no response
    "#);
}

#[test]
fn names_can_neither_forge_lines_nor_styles() {
    let mut script = Script::new();
    *script.at(&format!("/threads/{ROOT}/agent_path")) = "/root\u{1b}[0m\nerror".into();
    *script.at(&format!("/threads/{ROOT}/default_model")) = "\u{9b}2J".into();
    *script.at(&format!("/threads/{ROOT}/execution/status")) = "done\u{202e}".into();
    let call = script.call("call\u{200b}", "{}");
    script.inference(FIRST, "completed", &[], &[call], &["call\u{200b}"]);
    script.tool(
        "call\u{200b}",
        json!({"type": "mcp", "server": "a\r", "tool": "\u{1b}[1mb"}),
        "completed",
        &[call],
        &[],
    );
    let graph = script.graph();
    assert_snapshot!(draw(&graph), @r"
    rollout · schema 1 · running

    /root\u{1b}[0m\nerror · thread-1 · done\u{202e} · \u{9b}2J
      turn-1 · running
        inference-1 · completed · a-model
          request of no items
          response
            [1] call call\u{200b} {}
          ▸ call\u{200b} · mcp a\r.\u{1b}[1mb · completed
    ");
    let colored = Drawing::new(&graph).color(true).to_string();
    assert!(colored.contains("\u{1b}[1m/root\\u{1b}[0m\\nerror\u{1b}[0m ·"), "{colored:?}");
    assert!(colored.contains("mcp a\\r.\\u{1b}[1mb ·"), "{colored:?}");
}

#[test]
fn an_empty_model_is_omitted() {
    let mut script = Script::new();
    *script.at(&format!("/threads/{ROOT}/default_model")) = "".into();
    script.inference(FIRST, "completed", &[], &[], &[]);
    *script.at(&format!("/inference_calls/{FIRST}/model")) = "".into();
    script.inference(SECOND, "completed", &[], &[], &[]);
    assert_snapshot!(draw(&script.graph()), @"
    rollout · schema 1 · running

    /root · thread-1 · running
      turn-1 · running
        inference-1 · completed
          request of no items
          no response
        inference-2 · completed · a-model
          request of no items: none as before
          no response
    ");
}

#[test]
fn color_changes_nothing_else() {
    let graph = agents().graph();
    let colored = Drawing::new(&graph).color(true).to_string();
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    assert!(colored.contains("\u{1b}[32mcompleted\u{1b}[0m"));
    assert_eq!(plain + rest, draw(&graph));
}

/// Returns the same graph with the ids and times of another run.
fn rerun(graph: &RolloutTrace) -> RolloutTrace {
    let mut text = serde_json::to_string(graph).expect("a graph has only string keys");
    for (number, id) in [ROOT, CHILD, FIRST, SECOND, CHILD_TURN].into_iter().enumerate() {
        text = text.replace(id, &format!("{}0000000-1111-4222-8333-444444444444", 9 - number));
    }
    serde_json::from_str(&text.replace("_unix_ms\":1", "_unix_ms\":2")).expect("a graph with other ids is valid")
}

#[test]
fn two_runs_have_the_same_normal_form_and_drawing() {
    let first = agents().graph();
    let second = rerun(&first);
    assert_ne!(first, second);
    let normal = normalized(&first);
    assert_eq!(normal, normalized(&second));
    assert_eq!(normal, normalized(&normal));
    assert_eq!(draw(&first), draw(&second));
    assert_eq!(draw(&first), draw(&normal));
    assert_eq!(normal.check_links(), [] as [String; 0]);
    let ids: Vec<_> = normal.interaction_edges.keys().map(|id| id.as_str()).collect();
    assert_eq!(ids, ["edge:agent_result:thread-2:turn-2:thread-1", "edge:spawn:thread-1:thread-2"]);
    assert_eq!(normal.threads.values().next().unwrap().execution.started_at_unix_ms, 0);
}

#[test]
fn ids_that_look_like_keys_or_numbers_are_handled() {
    for id in [
        "conversation_item",
        "custom_tool_call_output",
        "conversation_item:1",
        "n:1",
        "a|b:2/0123456789",
        "tool-é-01234567890",
    ] {
        let mut script = Script::new();
        let call = script.item("assistant", "function_call", Some(id), json!({"type": "text", "text": id}));
        let output = script.output(id, &format!("of {id}, {id}..."));
        script.inference(FIRST, "completed", &[], &[call], &[id]);
        script.inference(SECOND, "completed", &[call, output], &[], &[]);
        script.tool(id, json!({"type": "web"}), "completed", &[call], &[output]);
        let graph = script.graph();
        let normal = normalized(&graph);
        assert_eq!(normal.check_links(), [] as [String; 0], "{id}");
        assert_eq!(draw(&graph), draw(&normal), "{id}");
    }
}
