//! Lines of the event log.

use std::io::Write;

use rollout_trace_schema::{CodexTurnId, EventPayload, RolloutId, SchemaVersion, Seq, ThreadId, UnixMillis};
use serde::Serialize;

/// The producer's context of an event.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context<'c> {
    pub(crate) thread_id: Option<&'c ThreadId>,
    pub(crate) codex_turn_id: Option<&'c CodexTurnId>,
}

/// An event's line but for schema version and seq, which it gets under the lock.
#[derive(Serialize)]
struct Tail<'t> {
    wall_time_unix_ms: UnixMillis,
    rollout_id: &'t RolloutId,
    thread_id: Option<&'t ThreadId>,
    codex_turn_id: Option<&'t CodexTurnId>,
    payload: &'t EventPayload,
}

/// Encodes what an event's line ends with. It begins with a brace, in whose place the rest will stand.
pub(crate) fn encode_tail(
    wall_time_unix_ms: UnixMillis,
    rollout_id: &RolloutId,
    context: Context<'_>,
    payload: &EventPayload,
) -> Vec<u8> {
    let Context { thread_id, codex_turn_id } = context;
    let mut tail = Vec::with_capacity(512);
    serde_json::to_writer(&mut tail, &Tail { wall_time_unix_ms, rollout_id, thread_id, codex_turn_id, payload })
        .expect("events have a JSON text, and memory takes it");
    tail.push(b'\n');
    tail
}

/// Puts a line together in `line`.
pub(crate) fn assemble(line: &mut Vec<u8>, seq: Seq, tail: &[u8]) {
    line.clear();
    write!(line, "{{\"schema_version\":{},\"seq\":{seq},", SchemaVersion::NEWEST).expect("memory takes it");
    line.extend_from_slice(&tail[1..]);
}

#[cfg(test)]
mod tests {
    use rollout_trace_schema::{RawEvent, RecordingCompleted};

    use super::*;

    #[test]
    fn a_line_is_the_event_as_the_schema_writes_it() {
        let event = RawEvent {
            schema_version: 2,
            seq: 17,
            wall_time_unix_ms: 1_795_221_181_536,
            rollout_id: "rollout \"1\"".into(),
            thread_id: Some("t".into()),
            codex_turn_id: None,
            payload: RecordingCompleted {}.into(),
        };
        let context = Context { thread_id: event.thread_id.as_ref(), codex_turn_id: None };
        let tail = encode_tail(event.wall_time_unix_ms, &event.rollout_id, context, &event.payload);
        let mut line = b"an older line".to_vec();
        assemble(&mut line, event.seq, &tail);
        assert_eq!(String::from_utf8(line).expect("text"), serde_json::to_string(&event).expect("JSON") + "\n");
    }
}
