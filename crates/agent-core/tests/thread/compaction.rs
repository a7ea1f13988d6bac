//! Compactions of the history.

use std::time::Duration;

use rollout_trace_agent_core::{AbortReason, CompactionBy, EventMessage, Item, Op};

use crate::support::{ANSWERS, Rollout};

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
    assert_eq!(message, "stream disconnected before completion: no data for 0.1 seconds");
}

#[tokio::test]
async fn an_empty_history_is_not_summarized() {
    let rollout = Rollout::new(ANSWERS, |_| {}).await;
    rollout.thread.submit(Op::Compact).unwrap();
    let end = rollout.turn_end().await;
    assert!(matches!(end.message, EventMessage::TurnAborted { reason: AbortReason::Failed, .. }), "{end:?}");
    assert!(rollout.server.requests().is_empty() && rollout.thread.history().is_empty());
}

#[tokio::test]
async fn a_summary_is_not_emitted_as_an_answer() {
    let script = "[[reply]]\n[[reply.item]]\nsay = \"One.\"\n[[reply]]\n[[reply.item]]\nsay = \"They counted.\"";
    let rollout = Rollout::new(script, |_| {}).await;
    rollout.turn("Count.").await;
    rollout.thread.submit(Op::Compact).unwrap();
    let is_answer = |message: &EventMessage| {
        matches!(message, EventMessage::AgentMessageDelta { .. } | EventMessage::AgentMessage { .. })
    };
    let event =
        rollout.event(|message| is_answer(message) || matches!(message, EventMessage::TurnComplete { .. })).await;
    assert!(!is_answer(&event.message), "{event:?}");
    assert!(rollout.thread.history().iter().any(|item| item.message_text().contains("They counted.")));
}
