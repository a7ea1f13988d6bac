//! A thread as its user sees it, with a scripted model.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{path::PathBuf, time::Duration};

use rollout_trace_agent_core::{
    AbortReason, AgentConfig, AgentMessages, AgentStatus, AgentThread, CompactionBy, Effort, Event, EventMessage, Item,
    NoTurnRunning, Op, Provider, ThreadEnded, TraceOptions, TraceTarget, TurnOverrides, UserInput,
};
use rollout_trace_recorder::MemorySink;
use rollout_trace_scripted_model::{Script, ScriptedModel};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{sleep, timeout},
};

const ANSWERS: &str = r#"
[[reply]]
usage = { input_tokens = 20, cached_tokens = 5, output_tokens = 3, reasoning_tokens = 1 }
[[reply.item]]
say = "One."
[[reply]]
[[reply.item]]
say = "Two."
"#;

/// Longer than anything here takes on a busy machine.
const HANG: Duration = Duration::from_secs(60);

struct Rollout {
    thread: AgentThread,
    server: ScriptedModel,
    folder: tempfile::TempDir,
}

impl Rollout {
    async fn new(script: &str, adapt: impl FnOnce(&mut AgentConfig)) -> Self {
        let server = ScriptedModel::start(Script::parse("test", script).unwrap()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let provider = Provider { name: "script".to_owned(), base_url: server.base_url(), api_key: None };
        let mut config = AgentConfig::new(provider, "scripted-1", folder.path());
        config.trace = TraceTarget::Off;
        config.commands.login_shell = Some(false);
        config.retries.first_delay = Duration::from_millis(1);
        adapt(&mut config);
        Self { thread: AgentThread::start(config).await.unwrap(), server, folder }
    }

    /// Takes events up to one that `is_wanted`, and gives it.
    async fn event(&self, is_wanted: impl Fn(&EventMessage) -> bool) -> Event {
        let look = async {
            loop {
                let event = self.thread.next_event().await.expect("the rollout goes on");
                if is_wanted(&event.message) {
                    return event;
                }
            }
        };
        timeout(HANG, look).await.expect("the event comes")
    }

    async fn turn_end(&self) -> Event {
        self.event(|message| matches!(message, EventMessage::TurnComplete { .. } | EventMessage::TurnAborted { .. }))
            .await
    }

    async fn turn(&self, text: &str) -> Event {
        self.thread.submit(Op::say(text)).unwrap();
        self.turn_end().await
    }
}

fn text(text: &str) -> [UserInput; 1] {
    [UserInput::Text(text.to_owned())]
}

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
async fn the_end_is_the_end() {
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
    let script = "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"For ever\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Talk.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::AgentMessageDelta { .. })).await;
    timeout(HANG, rollout.thread.shutdown_and_wait()).await.unwrap();
    let end = rollout.turn_end().await;
    assert!(matches!(end.message, EventMessage::TurnAborted { reason: AbortReason::Shutdown, .. }), "{end:?}");
}

#[tokio::test]
async fn a_shutdown_overtakes_what_waits_for_the_running_turn() {
    let script = "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"For ever\"\n\
                  [[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"And ever\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Talk.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::AgentMessageDelta { .. })).await;
    rollout.thread.submit(Op::say("Talk more.")).unwrap();
    timeout(HANG, rollout.thread.shutdown_and_wait()).await.unwrap();
    assert_eq!(rollout.server.requests().len(), 1);
}

#[tokio::test]
async fn steering_wants_a_turn() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    assert_eq!(rollout.thread.steer_input(&text("Left!")), Err(NoTurnRunning));
    rollout.turn("Count.").await;
    assert_eq!(rollout.thread.steer_input(&text("Right!")), Err(NoTurnRunning));
}

#[tokio::test]
async fn what_a_stopped_turn_was_told_stands_before_what_comes_next() {
    let script = "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"For ever\"\n\
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
async fn what_is_put_into_the_history_starts_no_turn() {
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
async fn overrides_hold_for_one_turn_and_are_checked() {
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
async fn the_model_is_told_the_folder_of_its_turn() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    let below = rollout.folder.path().canonicalize().unwrap().join("below");
    std::fs::create_dir(&below).unwrap();
    let overrides = TurnOverrides { cwd: Some(below.clone()), ..TurnOverrides::default() };
    rollout.thread.submit(Op::UserTurn { input: text("Count.").into(), overrides }).unwrap();
    rollout.turn_end().await;
    rollout.turn("Go on.").await;
    let told = |request: usize| rollout.server.requests()[request].body["instructions"].as_str().unwrap().to_owned();
    let folder = |path: &std::path::Path| format!("Your working folder is {}.", path.display());
    assert!(told(0).ends_with(&folder(&below)), "{}", told(0));
    assert!(told(1).ends_with(&folder(below.parent().unwrap())), "{}", told(1));
}

#[tokio::test]
async fn a_paused_thread_asks_nothing() {
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
async fn a_stream_that_says_nothing_is_given_up() {
    let script =
        "[[reply]]\nend = \"stall\"\n[[reply.item]]\nsay = \"Well\"\n[[reply]]\n[[reply.item]]\nsay = \"Now.\"";
    let rollout = Rollout::new(script, |config| config.stream_idle_limit = Duration::from_millis(300)).await;
    let end = rollout.turn("Speak.").await;
    assert!(
        matches!(&end.message, EventMessage::TurnComplete { last_agent_message: Some(text), .. } if text == "Now.")
    );
    assert_eq!(rollout.server.requests().len(), 2);
}

#[tokio::test]
async fn reasoning_that_is_not_sealed_stays_out() {
    let script = "[[reply]]\n[[reply.item]]\nthink = \"Hm.\"\n[[reply.item]]\nsay = \"One.\"\n\
                  [[reply]]\n[[reply.item]]\nsay = \"Two.\"";
    for (sealed, kinds) in [(true, "message reasoning message message"), (false, "message message message")] {
        let rollout = Rollout::new(script, |config| config.sealed_reasoning = sealed).await;
        rollout.turn("Think.").await;
        rollout.turn("Again.").await;
        let body = rollout.server.requests()[1].body.clone();
        let input: Vec<_> =
            body["input"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!((input.join(" ").as_str(), body["include"].is_array()), (kinds, sealed));
    }
}

#[tokio::test]
async fn nobody_waits_for_agents_that_do_nothing() {
    let script = "[[reply]]\n[[reply.item]]\ncall = \"wait_agent\"\narguments = { timeout_ms = 3600000 }\n\
                  [[reply]]\nwhen = \"No other agent is at work.\"\n[[reply.item]]\nsay = \"Nobody there.\"";
    let rollout = Rollout::new(script, |_| {}).await;
    let end = rollout.turn("Wait.").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn nobody_waits_for_agents_that_have_stopped_to_work_for_another() {
    // The grandchild's end is reported to the child, which has nothing to do any more.
    let script = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Delegate." } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        when = "b works."
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        when = "No other agent is at work."
        item = [{ say = "All are done." }]
        [[reply]]
        agent = "/root/a"
        item = [{ call = "spawn_agent", arguments = { task_name = "b", message = "Work." } }]
        [[reply]]
        agent = "/root/a"
        after = { agent = "/root", requests = 2 }
        item = [{ say = "b works." }]
        [[reply]]
        agent = "/root/a/b"
        after = { agent = "/root", requests = 3 }
        delay_ms = 200
        item = [{ say = "Done." }]
    "#;
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Delegate.")).unwrap();
    let is_end = |message: &EventMessage| matches!(message, EventMessage::TurnComplete { last_agent_message: Some(text), .. } if text == "All are done.");
    rollout.event(is_end).await;
}

#[tokio::test]
async fn an_agent_is_opened_again_below_one_that_is_open() {
    let script = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Delegate." } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        item = [{ call = "close_agent", arguments = { target = "a" } }]
        [[reply]]
        item = [{ call = "followup_task", arguments = { target = "a/b", message = "More." } }]
        [[reply]]
        when = "/root/a is closed"
        item = [{ call = "followup_task", arguments = { target = "a", message = "Come back." } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        when = "I am back."
        item = [{ call = "followup_task", arguments = { target = "a/b", message = "More." } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        when = "No other agent is at work."
        item = [{ call = "followup_task", arguments = { target = "a", message = "What does b say?" } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        when = "More is done."
        item = [{ say = "That is all." }]
        [[reply]]
        agent = "/root/a"
        item = [{ call = "spawn_agent", arguments = { task_name = "b", message = "Work." } }]
        [[reply]]
        agent = "/root/a"
        after = { agent = "/root/a/b", requests = 1 }
        item = [{ say = "b works." }]
        [[reply]]
        agent = "/root/a"
        when = "Come back."
        after = { agent = "/root", requests = 6 }
        item = [{ say = "I am back." }]
        [[reply]]
        agent = "/root/a"
        when = "What does b say?"
        after = { agent = "/root", requests = 10 }
        item = [{ say = "More is done." }]
        [[reply]]
        agent = "/root/a/b"
        item = [{ say = "Done." }]
        [[reply]]
        agent = "/root/a/b"
        when = "More."
        after = { agent = "/root", requests = 8 }
        item = [{ say = "More than that." }]
    "#;
    let rollout = Rollout::new(script, |config| config.agent_messages = AgentMessages::Items).await;
    rollout.thread.submit(Op::say("Delegate.")).unwrap();
    let root_ends = async {
        loop {
            let event = rollout.event(|_| true).await;
            match event.message {
                EventMessage::TurnComplete { last_agent_message, .. } if event.agent_path == "/root" => {
                    return last_agent_message;
                }
                EventMessage::TurnAborted { .. } => panic!("{event:?}"),
                _ => {}
            }
        }
    };
    assert_eq!(root_ends.await.as_deref(), Some("That is all."));
    let last = rollout.server.requests().into_iter().rev().find(|request| request.agent == "/root/a").unwrap();
    assert!(last.body.to_string().contains("More than that."), "{}", last.body);
}

#[tokio::test]
async fn an_agent_opened_again_counts_as_one() {
    let script = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Work." } }]
        [[reply]]
        after = { agent = "/root/a", requests = 1 }
        item = [{ call = "close_agent", arguments = { target = "a" } }]
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "b", message = "Work." } }]
        [[reply]]
        item = [{ call = "followup_task", arguments = { target = "a", message = "Come back." } }]
        [[reply]]
        when = "there are 2 agents, and no more may be"
        item = [{ say = "Too many." }]
        [[reply]]
        agent = "/root/a"
        item = [{ say = "Done." }]
        [[reply]]
        agent = "/root/b"
        after = { agent = "/root", requests = 5 }
        item = [{ say = "Done." }]
    "#;
    let rollout = Rollout::new(script, |config| config.agents.max_threads = 2).await;
    rollout.thread.submit(Op::say("Delegate.")).unwrap();
    let is_end = |message: &EventMessage| matches!(message, EventMessage::TurnComplete { last_agent_message: Some(text), .. } if text == "Too many.");
    rollout.event(is_end).await;
}

#[tokio::test]
async fn closing_an_agent_can_be_stopped() {
    // The child's cell cannot be interrupted, so that its thread takes a while to end.
    let cell = "const s = ' '.repeat(8e6); notify('x'); await tools.list_agents(); for (;;) +s;";
    let script = format!(
        r#"
        [[reply]]
        item = [{{ call = "spawn_agent", arguments = {{ task_name = "a", message = "Compute." }} }}]
        [[reply]]
        after = {{ agent = "/root/a", requests = 1 }}
        item = [{{ call = "exec_command", arguments = {{ cmd = "while [ ! -e go ]; do sleep 0.02; done" }} }}]
        [[reply]]
        item = [{{ call = "close_agent", arguments = {{ target = "a" }} }}]
        [[reply]]
        agent = "/root/a"
        item = [{{ code = "{cell}" }}]
        "#
    );
    let rollout = Rollout::new(&script, |_| {}).await;
    rollout.thread.submit(Op::say("Delegate.")).unwrap();
    rollout
        .event(|message| matches!(message, EventMessage::ToolCallEnded { output, .. } if output.contains("agents")))
        .await;
    std::fs::write(rollout.folder.path().join("go"), "").unwrap();
    rollout.event(|message| matches!(message, EventMessage::ToolCallBegan { tool, .. } if tool == "close_agent")).await;
    rollout.thread.submit(Op::Interrupt).unwrap();
    let is_end = |message: &EventMessage| {
        matches!(
            message,
            EventMessage::ShutdownComplete | EventMessage::TurnAborted { reason: AbortReason::Interrupted, .. }
        )
    };
    let end = rollout.event(is_end).await;
    assert_eq!((end.agent_path.as_str(), end.turn_id.is_some()), ("/root", true), "{end:?}");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told() {
    let nowhere = |config: &mut AgentConfig| {
        config.provider.base_url = "http://127.0.0.1:9/v1".to_owned();
        config.retries.retries = 1;
    };
    let rollout = Rollout::new("", nowhere).await;
    rollout.thread.submit(Op::say("Anybody?")).unwrap();
    let event = rollout.event(|message| matches!(message, EventMessage::Error { .. })).await;
    let EventMessage::Error { message } = event.message else { unreachable!() };
    assert!(message.starts_with("cannot reach the model at http://127.0.0.1:9/v1/responses: "), "{message}");
    assert!(matches!(rollout.thread.agent_status(), AgentStatus::Errored(_) | AgentStatus::Running));
}

#[tokio::test]
async fn the_key_goes_to_the_provider_and_not_to_commands() {
    // Cargo sets both variables; the first stands for the one that holds the key.
    let script = "[[reply]]\n[[reply.item]]\ncall = \"exec_command\"\n\
                  arguments = { cmd = \"echo [$CARGO_PKG_NAME][$CARGO_PKG_VERSION]\" }\n\
                  [[reply]]\n[[reply.item]]\nsay = \"Nothing to see.\"";
    let rollout = Rollout::new(script, |config| {
        config.provider.api_key = Some("sk-secret".to_owned());
        config.hidden_env = vec!["CARGO_PKG_NAME".to_owned()];
    })
    .await;
    rollout.turn("Look for the key.").await;
    let requests = rollout.server.requests();
    let key = requests[0].headers.iter().find(|(name, _)| name == "authorization").unwrap();
    assert_eq!(key.1, "Bearer sk-secret");
    let seen = requests[1].body["input"][2]["output"].as_str().unwrap();
    assert!(seen.contains(concat!("[][", env!("CARGO_PKG_VERSION"), "]")), "{seen}");
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
    assert!(sink.event_log().contains("\"tool_call_runtime_ended\""), "the command was left running");
}

#[tokio::test]
async fn calls_of_an_answer_that_broke_off_do_not_spoil_the_next_turn() {
    let script = r#"
[[reply]]
end = "failed"
[[reply.item]]
call = "exec_command"
arguments = { cmd = "echo never" }
[[reply]]
[[reply.item]]
say = "All is well."
"#;
    let rollout = Rollout::new(script, |config| config.retries.first_delay = HANG * 2).await;
    rollout.thread.submit(Op::say("Begin.")).unwrap();
    rollout.event(|message| matches!(message, EventMessage::Retrying { .. })).await;
    rollout.thread.submit(Op::Interrupt).unwrap();
    let stopped = rollout.turn_end().await;
    assert!(matches!(stopped.message, EventMessage::TurnAborted { .. }), "{stopped:?}");
    let kinds: Vec<_> = rollout.thread.history().iter().map(|item| item.kind().to_owned()).collect();
    assert_eq!(kinds, ["message", "function_call", "function_call_output"]);
    let end = rollout.turn("Go on.").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn a_compaction_that_is_never_answered_fails() {
    let script = "[[reply]]\nto = \"compact\"\ndelay_ms = 600000\n";
    let rollout = Rollout::new(script, |config| {
        config.compaction.by = CompactionBy::Provider;
        config.history_items = vec![Item::user_text("Hi.")];
        config.retries.retries = 0;
        config.stream_idle_limit = Duration::from_millis(100);
    })
    .await;
    rollout.thread.submit(Op::Compact).unwrap();
    let error = rollout.event(|message| matches!(message, EventMessage::Error { .. })).await;
    let EventMessage::Error { message } = error.message else { unreachable!() };
    assert_eq!(message, "stream disconnected before completion: nothing came for 0.1 seconds");
}

#[tokio::test]
async fn nothing_is_not_summarised() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    rollout.thread.submit(Op::Compact).unwrap();
    let end = rollout.turn_end().await;
    assert!(matches!(end.message, EventMessage::TurnAborted { reason: AbortReason::Failed, .. }), "{end:?}");
    assert!(rollout.server.requests().is_empty() && rollout.thread.history().is_empty());
}

#[tokio::test]
async fn a_summary_is_no_answer() {
    let script = "[[reply]]\n[[reply.item]]\nsay = \"One.\"\n[[reply]]\n[[reply.item]]\nsay = \"They counted.\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.turn("Count.").await;
    rollout.thread.submit(Op::Compact).unwrap();
    let is_told = |message: &EventMessage| {
        matches!(message, EventMessage::AgentMessageDelta { .. } | EventMessage::AgentMessage { .. })
    };
    let event = rollout.event(|message| is_told(message) || matches!(message, EventMessage::TurnComplete { .. })).await;
    assert!(!is_told(&event.message), "{event:?}");
    assert!(rollout.thread.history().iter().any(|item| item.message_text().contains("They counted.")));
}

#[tokio::test]
async fn each_message_of_an_answer_is_told_before_the_next_one_begins() {
    let script = "[[reply]]\n[[reply.item]]\nsay = \"One.\"\n[[reply.item]]\nsay = \"Two.\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Count.")).unwrap();
    let mut told = String::new();
    loop {
        match rollout.event(|_| true).await.message {
            EventMessage::AgentMessageDelta { delta } => told += &delta,
            EventMessage::AgentMessage { text } => told += &format!("[{text}]"),
            EventMessage::TurnComplete { .. } => break,
            _ => {}
        }
    }
    assert_eq!(told, "One.[One.]Two.[Two.]");
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_kept_once_and_fails_the_turn() {
    let script = "[[reply]]\nend = \"incomplete\"\n[[reply.item]]\nsay = \"This is half of\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Begin.")).unwrap();
    let error =
        rollout.event(|message| matches!(message, EventMessage::Error { .. } | EventMessage::Retrying { .. })).await;
    let EventMessage::Error { message } = error.message else { panic!("{error:?}") };
    assert_eq!(message, "the model's answer is incomplete: max_output_tokens");
    assert!(matches!(rollout.turn_end().await.message, EventMessage::TurnAborted { .. }));
    let texts: Vec<_> = rollout.thread.history().iter().map(|item| item.message_text()).collect();
    assert_eq!(texts, ["Begin.", "This is half of"]);
}

#[tokio::test]
async fn a_call_without_an_id_fails_its_turn_and_stays_out_of_the_history() {
    for (kind, call_id) in
        [("function_call", ""), ("custom_tool_call", "call_id = \"\", "), ("function_call", "call_id = 7, ")]
    {
        let script = format!(
            "[[reply]]\n[[reply.item]]\nsay = \"I look.\"\n[[reply.item]]\n\
             raw = {{ type = \"{kind}\", {call_id}name = \"exec_command\", arguments = \"{{}}\", input = \"\" }}\n\
             [[reply]]\n[[reply.item]]\nsay = \"All is well.\""
        );
        let rollout = Rollout::new(&script, |_| {}).await;
        rollout.thread.submit(Op::say("Look.")).unwrap();
        let error = rollout
            .event(|message| matches!(message, EventMessage::Error { .. } | EventMessage::TurnComplete { .. }))
            .await;
        let EventMessage::Error { message } = error.message else { panic!("{error:?}") };
        let expected =
            "the model's provider answered what cannot be read: a call of \"exec_command\" without a call_id";
        assert_eq!(message, expected);
        rollout.turn_end().await;
        let kinds: Vec<_> = rollout.thread.history().iter().map(|item| item.kind().to_owned()).collect();
        assert_eq!(kinds, ["message", "message"]);
        let end = rollout.turn("Go on.").await;
        assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
    }
}

#[tokio::test]
async fn two_calls_of_one_id_fail_their_turn_and_the_second_is_not_made() {
    let call =
        r#"raw = { type = "function_call", call_id = "c", name = "exec_command", arguments = '{"cmd": "true"}' }"#;
    let script = format!(
        "[[reply]]\n[[reply.item]]\n{call}\n[[reply.item]]\n{call}\n\
                          [[reply]]\n[[reply.item]]\nsay = \"All is well.\""
    );
    let rollout = Rollout::new(&script, |_| {}).await;
    rollout.thread.submit(Op::say("Look.")).unwrap();
    let error = rollout
        .event(|message| matches!(message, EventMessage::Error { .. } | EventMessage::TurnComplete { .. }))
        .await;
    let EventMessage::Error { message } = error.message else { panic!("{error:?}") };
    assert_eq!(message, "the model's provider answered what cannot be read: two calls with the call_id \"c\"");
    rollout.turn_end().await;
    let end = rollout.turn("Go on.").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn an_id_that_comes_again_with_another_answer_names_another_call() {
    let call = |cmd: &str| {
        format!(
            "[[reply]]\n[[reply.item]]\nraw = {{ type = \"function_call\", call_id = \"c\", name = \"exec_command\", \
             arguments = '{{\"cmd\": \"{cmd}\", \"yield_time_ms\": 250}}' }}\n"
        )
    };
    let script = call("sleep 600") + &call("echo hello") + "[[reply]]\n[[reply.item]]\nsay = \"Well.\"";
    let rollout = Rollout::new(&script, |_| {}).await;
    rollout.thread.submit(Op::say("Run.")).unwrap();
    let mut began = Vec::new();
    loop {
        match rollout.event(|_| true).await.message {
            EventMessage::ToolCallBegan { call_id, .. } | EventMessage::CommandBegan { call_id, .. } => {
                began.push(call_id);
            }
            EventMessage::TurnComplete { .. } => break,
            _ => {}
        }
    }
    assert_eq!(began, ["c", "c", "c#2", "c#2"]);
    // The model knows them by the ids that it gave.
    let history = rollout.thread.history();
    assert!(history.iter().filter(|item| item.kind() != "message").all(|item| item.text_field("call_id") == "c"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_time_of_a_tool_runs_out_in_a_pause() {
    // In each answer one call is for a command and one for a cell; all yield after a second, which is also what commands may run.
    let until = |file: &str| format!("while [ ! -e {file} ]; do sleep 0.02; done; echo {file} is there");
    let (first, second) = (until("first"), until("second"));
    let script = format!(
        r#"
[[reply]]
[[reply.item]]
call = "exec_command"
arguments = {{ cmd = "{first}", yield_time_ms = 1000 }}
[[reply.item]]
code = """// @exec: {{"yield_time_ms": 1000}}
text((await tools.exec_command({{cmd: '{first}', yield_time_ms: 1000}})).output);"""
[[reply]]
[[reply.item]]
call = "exec_command"
arguments = {{ cmd = "{second}", yield_time_ms = 1 }}
[[reply.item]]
code = "yield_control(); text((await tools.exec_command({{cmd: '{second}', yield_time_ms: 1000}})).output);"
[[reply]]
[[reply.item]]
call = "write_stdin"
arguments = {{ session_id = 1002, chars = "", yield_time_ms = 1000 }}
[[reply.item]]
call = "wait"
arguments = {{ cell_id = "2", yield_time_ms = 1000 }}
[[reply]]
[[reply.item]]
say = "Done."
"#
    );
    let rollout = Rollout::new(&script, |config| {
        config.commands.min_yield_ms = Some(1);
        config.commands.time_limit_secs = Some(1);
    })
    .await;
    let is_command = |message: &EventMessage| matches!(message, EventMessage::CommandBegan { .. });
    let is_look = |message: &EventMessage| matches!(message, EventMessage::ToolCallBegan { tool, .. } if tool == "write_stdin" || tool == "wait");
    rollout.thread.submit(Op::say("Wait.")).unwrap();
    rollout.event(is_command).await;
    rollout.event(is_command).await;
    let pause = rollout.thread.pause();
    sleep(Duration::from_millis(1500)).await;
    std::fs::write(rollout.folder.path().join("first"), "").unwrap();
    drop(pause);
    rollout.event(is_look).await;
    let pause = rollout.thread.pause();
    rollout.event(is_look).await;
    sleep(Duration::from_millis(1500)).await;
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
async fn calls_side_by_side_begin_in_their_order() {
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

#[tokio::test]
async fn what_is_between_the_events_of_a_stream_is_no_event() {
    // The scripted model sends none of this.
    let stream = ": hello\n\ndata:\n\nevent: ping\ndata: \n\ndata: {\"type\": \"response.new_thing\"}\n\n\
                  data: {\"type\": \"response.completed\", \"response\": {\"id\": \"r\"}}\n\ndata: [DONE]\n\n";
    let url = answering(vec![("200 OK", stream.to_owned())]).await;
    let rollout = Rollout::new("", |config| config.provider.base_url = url).await;
    let end = rollout.turn("Hello?").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn items_that_come_only_with_the_end_are_the_answer() {
    let message = |text: &str| {
        format!(
            "{{\"type\": \"message\", \"role\": \"assistant\", \"content\": [{{\"type\": \"output_text\", \"text\": \"{text}\"}}]}}"
        )
    };
    let completed = |output: &str| {
        format!(
            "data: {{\"type\": \"response.completed\", \"response\": {{\"id\": \"r\", \"output\": [{output}]}}}}\n\n"
        )
    };
    let only_here = completed(&message("hello"));
    let item = format!("data: {{\"type\": \"response.output_item.done\", \"item\": {}}}\n\n", message("once"));
    let here_too = item + &completed(&message("once"));
    let no_item = completed("7");
    let url = answering([only_here, here_too, no_item].map(|stream| ("200 OK", stream)).to_vec()).await;
    let rollout = Rollout::new("", |config| {
        config.provider.base_url = url;
        config.retries.retries = 0;
    })
    .await;
    for text in ["hello", "once"] {
        let end = rollout.turn("Speak.").await;
        let EventMessage::TurnComplete { last_agent_message, .. } = end.message else { panic!("{end:?}") };
        assert_eq!(last_agent_message.as_deref(), Some(text));
    }
    let said = rollout.thread.history().iter().filter(|item| item.text_field("role") == "assistant").count();
    assert_eq!(said, 2);
    rollout.thread.submit(Op::say("Speak.")).unwrap();
    let error = rollout.event(|message| matches!(message, EventMessage::Error { .. })).await.message;
    assert!(
        matches!(&error, EventMessage::Error { message } if message.contains("an item that is no object")),
        "{error:?}"
    );
}

/// Listens, answers each request with the next of the bodies, and closes the connection.
async fn answering(answers: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // The body is small and comes with or right after the head; an answer may come before it is read.
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // Whoever has read enough goes away.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body.as_bytes()).await;
            let _ = stream.shutdown().await;
            while stream.read_buf(&mut request).await.is_ok_and(|length| length > 0) {
                request.clear();
            }
        }
    });
    url
}

#[tokio::test]
async fn a_page_in_place_of_a_stream_is_told_and_not_asked_for_again() {
    let url = answering(vec![("200 OK\r\ncontent-type: text/html; charset=utf-8", "<html></html>".to_owned())]).await;
    let rollout = Rollout::new("", |config| config.provider.base_url.clone_from(&url)).await;
    rollout.thread.submit(Op::say("Speak.")).unwrap();
    let is_told =
        |message: &EventMessage| matches!(message, EventMessage::Error { .. } | EventMessage::Retrying { .. });
    let told = rollout.event(is_told).await.message;
    let EventMessage::Error { message } = told else { panic!("{told:?}") };
    let expected = format!("text/html from {url}/responses where a stream of events was asked for");
    assert!(message.ends_with(&expected), "{message}");
}

#[tokio::test]
async fn answers_are_taken_into_memory_up_to_a_bound() {
    const BOUND: usize = 64 << 20;
    let completed = "data: {\"type\": \"response.completed\", \"response\": {\"id\": \"r\"}}\n\n";
    let event =
        |length: usize| format!("data: {{\"type\": \"filler\", \"of\": \"{}\"}}\n\n{completed}", "x".repeat(length));
    let compacted = |length: usize| {
        let sealed = "x".repeat(length);
        format!("{{\"output\": [{{\"type\": \"compaction\", \"encrypted_content\": \"{sealed}\"}}]}}")
    };
    // What a person is told where an answer of that status and length is the only one.
    let outcome = async |op: Op, status: &'static str, body: String| {
        let url = answering(vec![(status, body)]).await;
        let rollout = Rollout::new("", |config| {
            config.provider.base_url = url;
            config.retries.retries = 0;
            config.compaction.by = CompactionBy::Provider;
            config.history_items = vec![Item::user_text("Hi.")];
        })
        .await;
        rollout.thread.submit(op).unwrap();
        let is_end =
            |message: &EventMessage| matches!(message, EventMessage::Error { .. } | EventMessage::TurnComplete { .. });
        match rollout.event(is_end).await.message {
            EventMessage::Error { message } => message,
            _ => "completed".to_owned(),
        }
    };
    let say = || Op::say("Speak.");
    assert_eq!(outcome(say(), "200 OK", event(BOUND / 2)).await, "completed");
    let too_long = "the model's provider answered what cannot be read: an event of the stream is longer than 64 MiB";
    assert_eq!(outcome(say(), "200 OK", event(BOUND)).await, too_long);
    assert_eq!(outcome(Op::Compact, "200 OK", compacted(BOUND / 2)).await, "completed");
    let too_long = "the model's provider answered what cannot be read: a compacted history is longer than 64 MiB";
    assert_eq!(outcome(Op::Compact, "200 OK", compacted(BOUND)).await, too_long);
    // The reason stands behind what is read of the page, or before its end.
    let page =
        |length: usize| format!("{{\"error\": {{\"filler\": \"{}\", \"message\": \"why\"}}}}", "x".repeat(length));
    let refused = "the model's provider answered 400 Bad Request: ";
    assert_eq!(outcome(say(), "400 Bad Request", page(60 << 10)).await, format!("{refused}why"));
    let shown = outcome(say(), "400 Bad Request", page(64 << 10)).await;
    assert!(shown.starts_with(&format!("{refused}{{\"error\": {{\"filler\": \"xxx")), "{shown:.300}");
    assert_eq!(shown.chars().count(), refused.len() + 501);
}
