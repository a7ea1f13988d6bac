//! The start, steering, pausing and stopping of turns.

use std::{path::PathBuf, time::Duration};

use rollout_trace_agent_core::{
    AbortReason, AgentStatus, Effort, EventMessage, Item, NoTurnRunning, Op, ThreadEnded, TraceOptions, TraceTarget,
    TurnOverrides,
};
use rollout_trace_recorder::MemorySink;
use tokio::time::{sleep, timeout};

use crate::support::{ANSWERS, HANG, Rollout, text};

#[tokio::test]
async fn a_turn_from_submission_to_its_timings() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    assert_eq!(rollout.thread.agent_status(), AgentStatus::PendingInit);
    let submission = rollout.thread.submit(Op::say("Count.")).unwrap();
    let end = rollout.turn_end().await;
    assert_eq!(end.submission_id, Some(submission));
    let EventMessage::TurnComplete { last_agent_message, timings } = end.message else { panic!("{end:?}") };
    assert_eq!(last_agent_message.as_deref(), Some("One."));
    assert!(timings.time_to_first_token_ms.unwrap() <= timings.duration_ms, "{timings:?}");
    let usage = rollout.thread.token_usage_info();
    assert_eq!(
        (usage.total.input_tokens, usage.total.cached_input_tokens, usage.total.reasoning_output_tokens),
        (20, 5, 1)
    );
    rollout.turn("Go on.").await;
    assert_eq!(rollout.thread.token_usage_info().total.input_tokens, 120);
    assert_eq!(rollout.thread.agent_status(), AgentStatus::Completed(Some("Two.".to_owned())));
}

#[tokio::test]
async fn an_ended_thread_takes_no_requests() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    rollout.turn("Count.").await;
    timeout(HANG, rollout.thread.shutdown_and_wait()).await.unwrap();
    rollout.thread.shutdown_and_wait().await;
    assert_eq!(rollout.thread.agent_status(), AgentStatus::Shutdown);
    assert_eq!(rollout.thread.submit(Op::say("Hello?")), Err(ThreadEnded));
    let last = rollout.thread.next_event().await.unwrap();
    assert!(matches!(last.message, EventMessage::ShutdownComplete), "{last:?}");
    assert!(rollout.thread.next_event().await.is_none());
}

#[tokio::test]
async fn a_shutdown_stops_the_running_turn() {
    let script = "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"Forever\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Talk.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::AgentMessageDelta { .. })).await;
    timeout(HANG, rollout.thread.shutdown_and_wait()).await.unwrap();
    let end = rollout.turn_end().await;
    assert!(matches!(end.message, EventMessage::TurnAborted { reason: AbortReason::Shutdown, .. }), "{end:?}");
}

#[tokio::test]
async fn a_shutdown_drops_the_requests_that_wait_for_the_running_turn() {
    let script = "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"Forever\"\n\
                  [[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"And ever\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Talk.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::AgentMessageDelta { .. })).await;
    rollout.thread.submit(Op::say("Talk more.")).unwrap();
    timeout(HANG, rollout.thread.shutdown_and_wait()).await.unwrap();
    assert_eq!(rollout.server.requests().len(), 1);
}

#[tokio::test]
async fn steering_needs_a_running_turn() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    assert_eq!(rollout.thread.steer_input(&text("Left!")), Err(NoTurnRunning));
    rollout.turn("Count.").await;
    assert_eq!(rollout.thread.steer_input(&text("Right!")), Err(NoTurnRunning));
}

#[tokio::test]
async fn input_to_a_stopped_turn_precedes_the_next_turn() {
    let script = "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"Forever\"\n\
                  [[reply]]\n[[reply.item]]\nsay = \"Two.\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Talk.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::AgentMessageDelta { .. })).await;
    rollout.thread.steer_input(&text("Be brief.")).unwrap();
    rollout.thread.submit(Op::Interrupt).unwrap();
    rollout.turn_end().await;
    assert_eq!(rollout.thread.history().last().map(Item::message_text).as_deref(), Some("Be brief."));
    rollout.turn("Go on.").await;
    let texts: Vec<_> = rollout.thread.history().iter().map(Item::message_text).collect();
    assert_eq!(texts, ["Talk.", "Be brief.", "Go on.", "Two."]);
}

#[tokio::test]
async fn injected_items_do_not_start_a_turn() {
    let rollout = Rollout::new(ANSWERS, |config| config.history_items = vec![Item::user_text("Yesterday.")]).await;
    rollout.thread.inject_user_message_without_turn(&text("By the way."));
    let note = serde_json::json!({"type": "message", "role": "developer", "content": "A note."});
    rollout.thread.inject_response_items(vec![Item::from_value(note).unwrap()]);
    sleep(Duration::from_millis(50)).await;
    assert!(rollout.server.requests().is_empty());
    rollout.turn("Now.").await;
    let input = rollout.server.requests()[0].body["input"].clone();
    let roles: Vec<_> = input.as_array().unwrap().iter().map(|item| item["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "user", "developer", "user"]);
    assert_eq!(rollout.thread.history().len(), 5);
}

#[tokio::test]
async fn overrides_apply_to_one_turn_and_are_checked() {
    let rollout = Rollout::new(ANSWERS, |config| config.effort = Some(Effort::Low)).await;
    let turn = |overrides| Op::UserTurn { input: text("Count.").into(), overrides };
    let wrong = [
        TurnOverrides { model: Some(" ".to_owned()), ..TurnOverrides::default() },
        TurnOverrides { cwd: Some(PathBuf::from("relative")), ..TurnOverrides::default() },
        TurnOverrides { cwd: Some(rollout.folder.path().join("missing")), ..TurnOverrides::default() },
    ];
    for overrides in wrong {
        let submission = rollout.thread.submit(turn(overrides)).unwrap();
        let event = rollout.event(|message| matches!(message, EventMessage::Error { .. })).await;
        assert_eq!((event.submission_id, event.turn_id), (Some(submission), None));
    }
    let other = TurnOverrides { model: Some("scripted-2".to_owned()), effort: Some(Effort::High), cwd: None };
    rollout.thread.submit(turn(other)).unwrap();
    rollout.turn_end().await;
    rollout.turn("Go on.").await;
    let asked: Vec<_> = rollout.server.requests().into_iter().map(|request| request.body).collect();
    let settings: Vec<_> = asked.iter().map(|body| (&body["model"], &body["reasoning"]["effort"])).collect();
    assert_eq!(serde_json::json!(settings), serde_json::json!([["scripted-2", "high"], ["scripted-1", "low"]]));
    let snapshot = rollout.thread.config_snapshot();
    assert_eq!((snapshot.settings.model.as_str(), snapshot.agent_path.as_str()), ("scripted-1", "/root"));
}

#[tokio::test]
async fn the_instructions_name_the_folder_of_the_turn() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    let below = rollout.folder.path().canonicalize().unwrap().join("below");
    std::fs::create_dir(&below).unwrap();
    let overrides = TurnOverrides { cwd: Some(below.clone()), ..TurnOverrides::default() };
    rollout.thread.submit(Op::UserTurn { input: text("Count.").into(), overrides }).unwrap();
    rollout.turn_end().await;
    rollout.turn("Go on.").await;
    let instructions =
        |request: usize| rollout.server.requests()[request].body["instructions"].as_str().unwrap().to_owned();
    let folder = |path: &std::path::Path| format!("Your working folder is {}.", path.display());
    assert!(instructions(0).ends_with(&folder(&below)), "{}", instructions(0));
    assert!(instructions(1).ends_with(&folder(below.parent().unwrap())), "{}", instructions(1));
}

#[tokio::test]
async fn a_paused_thread_sends_no_request() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    let (outer, inner) = (rollout.thread.pause(), rollout.thread.pause());
    rollout.thread.submit(Op::say("Count.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::TurnStarted)).await;
    drop(inner);
    sleep(Duration::from_millis(50)).await;
    assert!(rollout.thread.is_paused() && rollout.server.requests().is_empty());
    drop(outer);
    rollout.turn_end().await;
    assert!(!rollout.thread.is_paused());
}

#[tokio::test]
async fn a_dropped_handle_ends_its_thread() {
    let script = "[[reply]]\n[[reply.item]]\ncall = \"exec_command\"\narguments = { cmd = \"sleep 600\" }";
    let sink = MemorySink::new();
    let trace = TraceTarget::Root(PathBuf::new(), TraceOptions::new().memory_sink(&sink));
    let Rollout { thread, server: _server, folder: _folder } =
        Rollout::new(script, |config| config.trace = trace).await;
    thread.submit(Op::say("Wait.")).unwrap();
    while !matches!(thread.next_event().await.unwrap().message, EventMessage::CommandBegan { .. }) {}
    let clone = thread.clone();
    drop(thread);
    assert_eq!(clone.agent_status(), AgentStatus::Running);
    drop(clone);
    let ended = async {
        while !sink.event_log().contains("\"recording_completed\"") {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(HANG, ended).await.expect("the thread ends by itself");
    assert!(sink.event_log().contains("\"tool_call_runtime_ended\""), "the end of the command is recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timers_of_tools_stop_during_a_pause() {
    // Each answer has a call for a command and a call for a cell. All yield after three seconds, which is also the
    // commands' time limit.
    let until = |file: &str| format!("while [ ! -e {file} ]; do sleep 0.02; done; echo {file} is there");
    let (first, second) = (until("first"), until("second"));
    let script = format!(
        r#"
[[reply]]
[[reply.item]]
call = "exec_command"
arguments = {{ cmd = "{first}", yield_time_ms = 3000 }}
[[reply.item]]
code = """// @exec: {{"yield_time_ms": 3000}}
text((await tools.exec_command({{cmd: '{first}', yield_time_ms: 3000}})).output);"""
[[reply]]
[[reply.item]]
call = "exec_command"
arguments = {{ cmd = "{second}", yield_time_ms = 1 }}
[[reply.item]]
code = "yield_control(); text((await tools.exec_command({{cmd: '{second}', yield_time_ms: 3000}})).output);"
[[reply]]
[[reply.item]]
call = "write_stdin"
arguments = {{ session_id = 1002, chars = "", yield_time_ms = 3000 }}
[[reply.item]]
call = "wait"
arguments = {{ cell_id = "2", yield_time_ms = 3000 }}
[[reply]]
[[reply.item]]
say = "Done."
"#
    );
    let rollout = Rollout::new(&script, |config| {
        config.commands.min_yield_ms = Some(1);
        config.commands.time_limit_secs = Some(3);
    })
    .await;
    let is_command = |message: &EventMessage| matches!(message, EventMessage::CommandBegan { .. });
    let is_look = |message: &EventMessage| matches!(message, EventMessage::ToolCallBegan { tool, .. } if tool == "write_stdin" || tool == "wait");
    rollout.thread.submit(Op::say("Wait.")).unwrap();
    rollout.event(is_command).await;
    rollout.event(is_command).await;
    let pause = rollout.thread.pause();
    sleep(Duration::from_millis(3500)).await;
    std::fs::write(rollout.folder.path().join("first"), "").unwrap();
    drop(pause);
    rollout.event(is_look).await;
    let pause = rollout.thread.pause();
    rollout.event(is_look).await;
    sleep(Duration::from_millis(3500)).await;
    std::fs::write(rollout.folder.path().join("second"), "").unwrap();
    drop(pause);
    rollout.turn_end().await;
    let request = rollout.server.requests().pop().unwrap().body;
    let outputs: Vec<_> =
        request["input"].as_array().unwrap().iter().filter(|item| !item["output"].is_null()).collect();
    for (output, file) in [(0, "first"), (1, "first"), (4, "second"), (5, "second")] {
        let output = outputs[output].to_string();
        assert!(output.contains(&format!("{file} is there")), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_calls_begin_in_order() {
    let pairs: String = (0..16)
        .map(|number| {
            format!(
                "[[reply.item]]\npatch = \"*** Begin Patch\\n*** Add File: {number}.txt\\n+file {number}\\n*** End Patch\"\n\
                 [[reply.item]]\ncall = \"exec_command\"\narguments = {{ cmd = \"cat {number}.txt\" }}\n"
            )
        })
        .collect();
    let script = format!("[[reply]]\n{pairs}\n[[reply]]\n[[reply.item]]\nsay = \"Done.\"");
    let rollout = Rollout::new(&script, |_| {}).await;
    rollout.turn("Write and read.").await;
    let request = rollout.server.requests().pop().unwrap().body;
    for number in 0..16 {
        let output = request["input"][1 + 32 + 2 * number + 1]["output"].as_str().unwrap();
        assert!(output.contains(&format!("file {number}")), "{output}");
    }
}
