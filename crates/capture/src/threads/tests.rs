//! Tests of the rules by which requests get their places.

use rollout_trace_wires::Value;

use super::*;
use crate::CallApi;

/// Plays requests in a short form and draws where they belong.
#[derive(Default)]
struct Play {
    threads: Threads,
}

/// A conversation in which texts of the user and the model alternate. `>` begins a call, `<` an output.
fn body(tools: &str, texts: &[&str], more: &str) -> String {
    let messages = texts.iter().map(|text| match text.split_at(1) {
        (">", name) => format!(r#"{{"role":"assistant","content":[{{"type":"tool_use","name":"{name}"}}]}}"#),
        ("<", output) => format!(r#"{{"role":"user","content":[{{"type":"tool_result","content":"{output}"}}]}}"#),
        ("A", _) => format!(r#"{{"role":"assistant","content":"{text}"}}"#),
        _ => format!(r#"{{"role":"user","content":"{text}"}}"#),
    });
    format!(r#"{{"tools":[{tools}],"messages":[{}]{more}}}"#, messages.collect::<Vec<_>>().join(","))
}

impl Play {
    fn ask(&mut self, headers: &[(&str, &str)], body: &str) -> (Place, u64) {
        let headers: Headers = headers.iter().map(|(name, value)| (*name, *value)).collect();
        let view = RequestView::read(CallApi::Messages, "", &serde_json::from_str(body).expect("JSON"));
        let hash = body.bytes().fold(7, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        (self.threads.place(Request { headers: &headers, view: &view, body: hash, is_compaction: false }), hash)
    }

    /// Asks and is answered. Returns the thread and the turn.
    fn told(&mut self, headers: &[(&str, &str)], body: &str, answer: &str) -> String {
        let (place, hash) = self.ask(headers, body);
        let answer = format!(r#"{{"content":[{{"type":"text","text":"{answer}"}}]}}"#);
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let answer = AnswerView::read(CallApi::Messages, &answer);
        self.threads.answer(place.thread, hash, &answer, CallState::Completed);
        let how = place.new_thread.map_or("", |new| new.assignment.as_str());
        format!("{} {how}", place.turn_id).trim_end().to_owned()
    }
}

const TOOL: &str = r#"{"name":"t"}"#;

#[test]
fn headers_name_session_and_agent() {
    let mut play = Play::default();
    let main: &[_] = &[("X-Claude-Code-Session-Id", "s")];
    let agent: &[_] = &[("X-Claude-Code-Session-Id", "s"), ("x-claude-code-agent-id", "a")];
    // A request without tools comes before the first one of the session itself.
    assert_eq!(play.told(main, &body("", &["title?"], ""), "T"), "s:2/turn-1 metadata");
    assert_eq!(play.told(main, &body(TOOL, &["q"], ""), "Aa"), "s/turn-1 headers");
    assert_eq!(play.told(agent, &body(TOOL, &["sub"], ""), "Ab"), "s:a/turn-1 headers");
    let (place, _) = play.ask(
        &[("x-claude-code-session-id", "s"), ("x-claude-code-agent-id", "b"), ("x-claude-code-parent-agent-id", "a")],
        &body(TOOL, &["x"], ""),
    );
    let new = place.new_thread.expect("a new thread");
    assert_eq!((new.parent_thread_id.as_deref(), new.agent_id.as_deref()), (Some("s:a"), Some("b")));
    // Whatever its history, it is the session's.
    assert_eq!(play.told(main, &body(TOOL, &["other"], ""), "Ac"), "s/turn-2");
}

#[test]
fn codex_names_its_turns() {
    let mut play = Play::default();
    let turn =
        |turn: &str, kind: &str| format!(r#"{{"agent_name":"/reader","turn_id":"{turn}","request_kind":"{kind}"}}"#);
    let mut ask = |turn: &str| {
        let headers = [
            ("session-id", "s"),
            ("thread-id", "t"),
            ("x-codex-parent-thread-id", "s"),
            ("x-codex-turn-metadata", turn),
        ];
        play.ask(&headers, &body(TOOL, &["q"], "")).0
    };
    let first = ask(&turn("one", "turn"));
    assert_eq!((first.thread_id.as_str(), first.turn_id.as_str(), first.begins_turn), ("t", "one", true));
    let new = first.new_thread.expect("a new thread");
    assert_eq!(
        (new.agent_path.as_str(), new.session_id.as_deref(), new.parent_thread_id.as_deref()),
        ("/reader", Some("s"), Some("s"))
    );
    assert!(!ask(&turn("one", "turn")).begins_turn);
    let compaction = ask(&turn("two", "compaction"));
    assert_eq!((compaction.turn_id.as_str(), compaction.begins_turn, compaction.is_compaction), ("two", true, true));
}

#[test]
fn bodies_name_sessions() {
    let mut play = Play::default();
    let session = r#","metadata":{"user_id":"user_a_account_b_session_s"}"#;
    assert_eq!(play.told(&[], &body("", &["title?"], session), "T"), "s:2/turn-1 metadata");
    assert_eq!(play.told(&[], &body(TOOL, &["q"], session), "Aa"), "s/turn-1 metadata");
    assert_eq!(play.told(&[], &body(TOOL, &["other"], session), "Ab"), "s:3/turn-1 metadata");
    assert_eq!(play.told(&[], &body(TOOL, &["q", "Aa", "more"], session), "Ac"), "s/turn-2");
}

#[test]
fn histories_tell_threads_apart() {
    let mut play = Play::default();
    assert_eq!(play.told(&[], &body(TOOL, &["q"], ""), "Aa"), "thread-1/turn-1 history");
    assert_eq!(play.told(&[], &body(TOOL, &["p"], ""), "Ab"), "thread-2/turn-1 history");
    assert_eq!(play.told(&[], &body(TOOL, &["q", "Aa", ">ls", "<out"], ""), "Ac"), "thread-1/turn-1");
    assert_eq!(play.told(&[], &body(TOOL, &["p", "Ab", "next"], ""), "Ad"), "thread-2/turn-2");
    // The very same request is a twin; its first user's message alone is not enough once the thread is long.
    assert_eq!(play.told(&[], &body(TOOL, &["p", "Ab", "next"], ""), "Ad"), "thread-3/turn-1 history");
    assert_eq!(play.told(&[], &body(TOOL, &["q", "other"], ""), "Ae"), "thread-4/turn-1 history");
}

#[test]
fn a_retry_stays_in_its_turn() {
    let mut play = Play::default();
    let request = body(TOOL, &["q"], "");
    let (place, hash) = play.ask(&[], &request);
    play.threads.answer(place.thread, hash, &AnswerView::default(), CallState::Unsuccessful);
    let (retry, _) = play.ask(&[], &request);
    assert_eq!((retry.thread, retry.begins_turn), (place.thread, false));
    // It is still running, so the same request is another one.
    assert_ne!(play.ask(&[], &request).0.thread, place.thread);
}

#[test]
fn a_summary_continues_its_thread() {
    let mut play = Play::default();
    let summary = "<summary> All of the work that was done. </summary>";
    assert_eq!(play.told(&[], &body(TOOL, &["q", "Aa", "sum up"], ""), summary), "thread-1/turn-1 history");
    let compacted = body(TOOL, &["This goes on: All of the work that was done. Go on."], "");
    assert_eq!(play.told(&[], &compacted, "Ab"), "thread-1/turn-2");
    assert_eq!(play.told(&[], &body(TOOL, &["All of the work"], ""), "Ac"), "thread-2/turn-1 history");
}

#[test]
fn what_begins_a_turn() {
    let mut play = Play::default();
    let headers: &[_] = &[("x-session-id", "s")];
    assert_eq!(play.told(headers, &body(TOOL, &["q"], ""), "A"), "s/turn-1 headers");
    assert_eq!(play.told(headers, &body(TOOL, &["q", ">ls", "<out", "Tool loaded."], ""), "A"), "s/turn-1");
    assert_eq!(
        play.told(headers, &body(TOOL, &["q", ">ls", "<out", "Tool loaded.", "Ax", "go on"], ""), "A"),
        "s/turn-2"
    );
    assert_eq!(
        play.told(headers, &body(TOOL, &["q", ">ls", "<out", "Tool loaded.", "Ax", "go on", "Ay"], ""), "A"),
        "s/turn-2"
    );
}
