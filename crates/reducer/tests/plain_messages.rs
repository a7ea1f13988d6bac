//! Messages between agents that arrive as plain messages of the user.

mod support;

use rollout_trace_model::{DiagnosticCode, InteractionKind, RolloutTrace};

/// A root that spawns a child and sends it `thanks`. The child's second request, and the root's, are as given.
fn graph(to_child: &str, to_root: &str) -> RolloutTrace {
    let text = r##"
rollout_started trace_id=tr root_thread_id=T
thread_started thread_id=T agent_path=/root metadata_payload:session_metadata={"model":"gpt","session_source":"cli"}
in T U
codex_turn_started codex_turn_id=U thread_id=T
ask i1 {"input":["user delegate"]}
reply i1 {"response_id":"r1","output_items":["#f1 call c1 spawn_agent {\"message\":\"read it\"}","#f2 call c2 send_message {\"message\":\"thanks\"}"]}
call c1 spawn_agent {"message":"read it"}
in - -
thread_started thread_id=K agent_path=/root metadata_payload:session_metadata={"thread_id":"K","model":"gpt","session_source":{"subagent":{"thread_spawn":{"parent_thread_id":"T","depth":1}}}}
in T U
ran c1 {"kind":"started","agent_thread_id":"K","agent_path":"/root"}
done c1 {"type":"direct_response","response_item":{"output":"ok"}}
call c2 send_message {"message":"thanks"}
ran c2 {"kind":"interacted","agent_thread_id":"K"}
in K V
codex_turn_started codex_turn_id=V thread_id=K
ask j1 {"input":["user read it"]}
reply j1 {"response_id":"s1","output_items":["#a1 assistant it says \"hello\""]}
ask j2 {"input":["user read it","#a1 assistant it says \"hello\"",TO_CHILD]}
reply j2 {"response_id":"s2","output_items":[]}
codex_turn_ended codex_turn_id=V status=completed
agent_result_observed edge_id=edge:agent_result:K:V:T child_thread_id=K child_codex_turn_id=V parent_thread_id=T message="it says \"hello\"" carried_payload:agent_result={"message":"hello"}
in T U
ask i2 {"input":["user delegate",TO_ROOT]}
reply i2 {"response_id":"r2","output_items":[]}
end
"##;
    let text = text.replace("TO_CHILD", to_child).replace("TO_ROOT", to_root);
    support::reduce(support::scenario(&text).path())
}

/// Returns the kinds of the messages that arrived plainly, and of those that did not arrive.
fn arrived(graph: &RolloutTrace) -> (Vec<InteractionKind>, Vec<InteractionKind>) {
    let plain: Vec<_> = graph.plain_deliveries.iter().map(|delivery| delivery.kind).collect();
    let undelivered: Vec<_> = graph.undelivered_messages.iter().map(|message| message.kind).collect();
    let count = |code| graph.diagnostics.iter().filter(|diagnostic| diagnostic.code == code).count();
    assert_eq!(count(DiagnosticCode::DeliveredAsUserMessage), plain.len());
    assert_eq!(count(DiagnosticCode::UndeliveredMessage), undelivered.len());
    (plain, undelivered)
}

#[test]
fn a_message_with_the_text_that_was_sent_has_arrived() {
    let graph = graph(r#""user thanks""#, r#""user go on""#);
    assert_eq!(arrived(&graph), (vec![InteractionKind::SendMessage], vec![InteractionKind::AgentResult]));
    let delivery = &graph.plain_deliveries[0];
    assert_eq!(delivery.tool_call_id.as_deref(), Some("c2"));
    assert_eq!(graph.conversation_items[&delivery.item_id].thread_id, delivery.target_thread_id);
}

#[test]
fn a_message_that_names_the_agent_and_quotes_its_result_reports_it() {
    let quoted = r#""user <done>{\"agent\":\"K\",\"said\":\"it says \\\"hello\\\"\"}""#;
    let graph = graph(r#""user other""#, quoted);
    assert_eq!(arrived(&graph), (vec![InteractionKind::AgentResult], vec![InteractionKind::SendMessage]));
}

#[test]
fn other_messages_are_not_those_that_were_sent() {
    let graph = graph(r#""user thanks!""#, r#""user K said nothing""#);
    assert_eq!(arrived(&graph), (vec![], vec![InteractionKind::SendMessage, InteractionKind::AgentResult]));
}
