//! Child agents.

use std::{collections::BTreeSet, path::PathBuf};

use rollout_trace_agent_core::{AbortReason, AgentConfig, AgentMessages, EventMessage, Op, TraceOptions, TraceTarget};
use rollout_trace_recorder::MemorySink;

use crate::support::Rollout;

#[tokio::test]
async fn a_wait_ends_if_no_agent_is_busy() {
    let script = "[[reply]]\n[[reply.item]]\ncall = \"wait_agent\"\narguments = { timeout_ms = 3600000 }\n\
                  [[reply]]\nwhen = \"No other agent is at work.\"\n[[reply.item]]\nsay = \"Nobody there.\"";
    let rollout = Rollout::new(script, |_| {}).await;
    let end = rollout.turn("Wait.").await;
    assert!(matches!(end.message, EventMessage::TurnComplete { .. }), "{end:?}");
}

#[tokio::test]
async fn a_wait_ends_when_the_last_busy_agent_ends() {
    // The grandchild's end is reported to the child, which is idle.
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
async fn an_agent_is_reopened_only_below_a_running_parent() {
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
async fn a_reopened_agent_counts_towards_the_limit() {
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
        when = "there are already 2 agents"
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
    // The child's cell cannot be interrupted, so its thread takes a while to end.
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

/// Plays a script with and without a trace, which must make no difference, and returns the outputs of the root's calls.
async fn outputs(script: &str, adapt: impl Fn(&mut AgentConfig)) -> Vec<String> {
    let sink = MemorySink::new();
    let traced = TraceTarget::Root(PathBuf::new(), TraceOptions::new().memory_sink(&sink));
    let mut played = Vec::new();
    for trace in [traced, TraceTarget::Off] {
        let adapted = |config: &mut AgentConfig| {
            adapt(config);
            config.trace = trace;
        };
        played.push(outputs_of_one(script, adapted).await);
    }
    // Calls that run at the same time end in any order, and a wait may end for each of several messages.
    let plain = |outputs: &[String]| {
        let is_chance = |line: &&str| ["Chunk ID", "Wall time"].iter().any(|chance| line.starts_with(chance));
        let plain = |output: &String| output.lines().filter(|line| !is_chance(line)).collect::<Vec<_>>().join("\n");
        outputs.iter().map(plain).collect::<BTreeSet<_>>()
    };
    let outputs = played.remove(0);
    assert_eq!(plain(&outputs), plain(&played[0]));
    outputs
}

async fn outputs_of_one(script: &str, adapt: impl FnOnce(&mut AgentConfig)) -> Vec<String> {
    let rollout = Rollout::new(script, adapt).await;
    rollout.thread.submit(Op::say("Go.")).unwrap();
    let mut outputs = Vec::new();
    loop {
        let event = rollout.event(|_| true).await;
        match event.message {
            // For scripts in which the root does something as soon as a child has begun to wait.
            EventMessage::ToolCallBegan { tool, .. } if tool == "wait_agent" && event.agent_path == "/root/a" => {
                std::fs::write(rollout.folder.path().join("waits"), "").unwrap();
            }
            EventMessage::ToolCallEnded { output, .. } if event.agent_path == "/root" => outputs.push(output),
            EventMessage::TurnComplete { .. } if event.agent_path == "/root" => return outputs,
            EventMessage::TurnAborted { .. } if event.agent_path == "/root" => panic!("{event:?}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_refusal_names_the_agents_that_are_not_at_work() {
    let script = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Work." } },
                { call = "spawn_agent", arguments = { task_name = "b", message = "Fail." } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "c", message = "Work." } }]
        [[reply]]
        item = [{ call = "close_agent", arguments = { target = "b" } }]
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "c", message = "Work." } }]
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "d", message = "Work." } }]
        [[reply]]
        item = [{ say = "Done." }]
        [[reply]]
        agent = "/root/a"
        item = [{ say = "A." }]
        [[reply]]
        agent = "/root/b"
        after = { agent = "/root", requests = 2 }
        delay_ms = 300
        status = 400
        error = "no"
        [[reply]]
        agent = "/root/c"
        after = { agent = "/root", requests = 8 }
        item = [{ say = "C." }]
    "#;
    // The root waits again if the result of a comes first.
    let waits = "[[reply]]\nwhen = \"A.\"\nitem = [{ call = \"wait_agent\", arguments = { timeout_ms = 3600000 } }]\n";
    let outputs = outputs(&format!("{waits}{script}"), |config| config.agents.max_threads = 3).await;
    let refusals: Vec<_> = outputs.iter().filter(|output| output.starts_with("there are already 3 agents")).collect();
    let limit = "there are already 3 agents, which is the limit";
    assert_eq!(refusals[0], &format!("{limit}: /root/a, /root/b are not at work; close one of them to make room"));
    assert_eq!(refusals[1], &format!("{limit}: /root/a is not at work; close it to make room"));
}

#[tokio::test]
async fn a_message_to_an_agent_that_is_ending_is_refused() {
    // The calls of one answer begin in order.
    let script = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Work." } }]
        [[reply]]
        after = { agent = "/root/a", requests = 1 }
        item = [{ call = "close_agent", arguments = { target = "a" } },
                { call = "send_message", arguments = { target = "a", message = "One more thing." } },
                { call = "followup_task", arguments = { target = "a", message = "Another task." } }]
        [[reply]]
        item = [{ say = "Done." }]
        [[reply]]
        agent = "/root/a"
        end = "stall"
        item = [{ say = "Forever" }]
    "#;
    let outputs = outputs(script, |_| {}).await;
    let refused = "agent /root/a is ending and takes no more messages; once it has ended, followup_task opens it again";
    assert_eq!(outputs.iter().filter(|output| *output == refused).count(), 2, "{outputs:#?}");
}

#[tokio::test]
async fn a_message_that_a_closed_agent_has_not_read_waits_for_it() {
    let script = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Work." } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        item = [{ call = "send_message", arguments = { target = "a", message = "By the way." } },
                { call = "close_agent", arguments = { target = "a" } }]
        [[reply]]
        item = [{ call = "followup_task", arguments = { target = "a", message = "Come back." } }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        item = [{ say = "Done." }]
        [[reply]]
        agent = "/root/a"
        after = { agent = "/root", requests = 2 }
        item = [{ say = "A." }]
        [[reply]]
        agent = "/root/a"
        after = { agent = "/root", requests = 5 }
        item = [{ say = "I am back." }]
    "#;
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.thread.submit(Op::say("Go.")).unwrap();
    let is_end = |message: &EventMessage| matches!(message, EventMessage::TurnComplete { last_agent_message: Some(text), .. } if text == "Done.");
    rollout.event(is_end).await;
    let request = rollout.server.requests().into_iter().rfind(|request| request.agent == "/root/a").unwrap();
    let seen = request.body["input"].to_string();
    let (first, second) = (seen.find("By the way."), seen.find("Come back."));
    assert!(first.is_some() && first < second, "{seen}");
}

#[tokio::test]
async fn messages_between_agents_have_a_limit() {
    let long = "word ".repeat(200);
    let script = format!(
        r#"
        [[reply]]
        item = [{{ call = "spawn_agent", arguments = {{ task_name = "a", message = "{long}" }} }},
                {{ call = "spawn_agent", arguments = {{ task_name = "{name}", message = "Work." }} }},
                {{ call = "spawn_agent", arguments = {{ task_name = "a", message = "Work." }} }},
                {{ call = "send_message", arguments = {{ target = "a", message = "{long}" }} }}]
        [[reply]]
        item = [{{ call = "wait_agent", arguments = {{ timeout_ms = 3600000 }} }}]
        [[reply]]
        when = "tokens truncated"
        item = [{{ call = "list_agents" }}]
        [[reply]]
        item = [{{ say = "Done." }}]
        [[reply]]
        agent = "/root/a"
        after = {{ agent = "/root", requests = 2 }}
        item = [{{ say = "{long}" }}]
        "#,
        name = "n".repeat(65)
    );
    let outputs = outputs(&script, |config| config.commands.max_output_tokens = Some(100)).await;
    let refused =
        "the message has about 250 tokens, but may have at most 100: write the text into a file and name the file";
    assert_eq!((outputs[0].as_str(), outputs[3].as_str()), (refused, refused));
    assert_eq!(outputs[1], "task_name has 65 characters, but may have at most 64");
    let list = outputs.last().unwrap();
    assert!(list.contains("tokens truncated") && list.len() < 700, "{list}");
}

/// Plays a script whose first reply finds the child `a` waiting. Returns the outputs of the root's calls from there on.
async fn outputs_while_a_child_waits(script: &str) -> Vec<String> {
    let child = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Wait." } }]
        [[reply]]
        item = [{ call = "exec_command", arguments = { cmd = "while [ ! -e waits ]; do sleep 0.02; done", yield_time_ms = 30000 } }]
        [[reply]]
        agent = "/root/a"
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        agent = "/root/a"
        item = [{ say = "I have waited." }]
    "#;
    outputs(&format!("{child}{script}"), |_| {}).await.split_off(2)
}

const TOLD: &str = r#"{"message":"All agents at work wait for messages of one another, so none can send one. Go on without waiting.","timed_out":false}"#;

#[tokio::test]
async fn a_wait_before_a_message_in_the_same_answer_is_no_standstill() {
    let script = r#"
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } },
                { call = "send_message", arguments = { target = "a", message = "Wake up." } }]
        [[reply]]
        item = [{ say = "Done." }]
    "#;
    let outputs = outputs_while_a_child_waits(script).await;
    assert_eq!(outputs, ["", r#"{"message":"Wait completed.","timed_out":false}"#]);
}

#[tokio::test]
async fn an_agent_that_is_being_closed_is_not_waited_for() {
    let script = r#"
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } },
                { call = "close_agent", arguments = { target = "a" } }]
        [[reply]]
        item = [{ say = "Done." }]
    "#;
    let outputs = outputs_while_a_child_waits(script).await;
    assert!(
        outputs.contains(&r#"{"message":"No other agent is at work.","timed_out":false}"#.to_owned()),
        "{outputs:#?}"
    );
}

#[tokio::test]
async fn the_end_of_the_last_cell_may_be_a_standstill() {
    let script = r#"
        [[reply]]
        item = [{ code = "// @exec: {\"yield_time_ms\": 1}\nawait tools.exec_command({ cmd: 'while [ ! -e go ]; do sleep 0.02; done' })" }]
        [[reply]]
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } },
                { call = "exec_command", arguments = { cmd = "touch go" } }]
        [[reply]]
        item = [{ say = "Done." }]
    "#;
    let outputs = outputs_while_a_child_waits(script).await;
    assert!(outputs.contains(&TOLD.to_owned()), "{outputs:#?}");
}

#[tokio::test]
async fn agents_that_wait_for_one_another_are_told() {
    let script = r#"
        [[reply]]
        item = [{ call = "spawn_agent", arguments = { task_name = "a", message = "Wait for b." } },
                { call = "spawn_agent", arguments = { task_name = "b", message = "Wait for me." } },
                { call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        item = [{ say = "Done." }]
        [[reply]]
        agent = "/root/*"
        item = [{ call = "wait_agent", arguments = { timeout_ms = 3600000 } }]
        [[reply]]
        agent = "/root/*"
        when = "All agents at work wait"
        item = [{ say = "I will not wait." }]
    "#;
    let outputs = outputs(script, |_| {}).await;
    assert_eq!(outputs.last().map(String::as_str), Some(TOLD));
}
