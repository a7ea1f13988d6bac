//! Rows of answers name the event and the payload that prove them.

mod support;

use rollout_trace::answers::{Completeness, Unseen, UnseenCode, Verdict};
use support::ask;

#[test]
fn requests_that_continue_what_was_not_recorded_are_one_gap() {
    let continues = |id: &str, response: &str| {
        let prefix =
            r#"{"raw_payload_id":"raw_payload:1","kind":{"type":"inference_request"},"path":"payloads/1.json"}"#;
        let mode = format!(
            r#"{{"type":"incremental_with_untraced_prefix","previous_response_id":"{response}","prefix_payload":{prefix}}}"#
        );
        format!(
            "inference_started inference_call_id={id} thread_id=T codex_turn_id=U model=gpt provider_name=p \
             request_input_mode={mode} \
             request_payload:inference_request={{\"previous_response_id\":\"{response}\",\"input\":[\"user more\"]}}"
        )
    };
    let script = |schema: u32| {
        format!(
            "schema {schema}\nbegin\nask i1 {{\"input\":[\"user q\"]}}\n{}\n{}\nend\n",
            continues("i2", "r0"),
            continues("i3", "r1")
        )
    };
    ask(&script(1), |rollout| {
        let verdict = Verdict::of(rollout);
        let gap = verdict.gaps.iter().find(|gap| gap.code == "untraced_prefix").unwrap();
        assert_eq!((gap.word, gap.count, gap.seq), (Completeness::Gapped, 2, Some(5)));
        assert_eq!(gap.ids, ["i2", "i3"]);
    });
    // The mode is ignored in schema 2.
    ask(&script(2), |rollout| assert!(Verdict::of(rollout).gaps.iter().all(|gap| gap.code != "untraced_prefix")));
}

#[test]
fn the_answer_of_a_server_that_was_cut_names_its_event() {
    let whole: String = (0..100).map(|line| format!("line {line} of the answer\\n")).collect();
    let script = format!(
        r#"
begin
ask i1 {{"input":["user q"]}}
reply i1 {{"response_id":"r1","output_items":["call c1 echo {{}}"]}}
call c1 echo {{}}
tool_call_runtime_started tool_call_id=c1 kind={{"type":"mcp","server":"demo","tool":"echo"}} runtime_payload:tool_runtime_event={{"call_id":"c1"}}
ran c1 {{"result":{{"Ok":{{"content":[{{"type":"text","text":"{whole}"}}]}}}}}}
done c1 {{"type":"direct_response","response_item":{{"output":"line 0 of the answer"}}}}
ask i2 {{"input":["user q","call c1 echo {{}}","output c1 line 0 of the answer"]}}
end
"#
    );
    ask(&script, |rollout| {
        let unseen = Unseen::of(rollout);
        let row = unseen.rows.iter().find(|row| row.code == UnseenCode::OutputCut).unwrap();
        let payload = rollout.graph().tool_calls["c1"].raw_runtime_payload_ids.last();
        assert_eq!((row.seq, row.payload_id.as_ref()), (Some(8), payload));
    });
}

#[test]
fn a_message_that_was_only_accepted_names_its_acceptance() {
    // The child dies before its first request.
    let whole = include_str!("../../reducer/tests/scenarios/agents.txt");
    let (until, _) = whole.split_once("ask j1").unwrap();
    ask(&format!("{until}\nin T U\nend\n"), |rollout| {
        let unseen = Unseen::of(rollout);
        let row = unseen.rows.iter().find(|row| row.code == UnseenCode::MessageNotDelivered).unwrap();
        let accepted = rollout.graph().conversation_items.values().find(|item| item.accepted_payload_id.is_some());
        let accepted = accepted.unwrap();
        assert_eq!((row.seq, &row.payload_id), (accepted.accepted_seq, &accepted.accepted_payload_id));
    });
}
