//! Lines of the event log.

use rollout_trace_schema::{
    CodexTurnId, EventPayload, RolloutId, SchemaVersion, Seq, ThreadId, UnixMillis, json_text::write_string,
};

/// The thread and the turn of an event.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context<'c> {
    pub(crate) thread_id: Option<&'c ThreadId>,
    pub(crate) codex_turn_id: Option<&'c CodexTurnId>,
}

/// Something that can be written as an event's `payload`.
pub(crate) trait EventText {
    /// Appends the JSON text.
    fn put(&self, out: &mut Vec<u8>);
}

impl EventText for EventPayload {
    fn put(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("events have a JSON text, and memory takes it");
    }
}

/// Encodes the end of an event's line: all but the schema version and the seq, which are added under the lock.
///
/// It is written by hand, because every event has one and it is half of the cost of most events.
pub(crate) fn encode_tail(
    wall_time_unix_ms: UnixMillis,
    rollout_id: &RolloutId,
    context: Context<'_>,
    event: &impl EventText,
) -> Vec<u8> {
    let Context { thread_id, codex_turn_id } = context;
    let mut tail = Vec::with_capacity(1024);
    // Only the clock of a test is before 1970.
    let sign = if wall_time_unix_ms < 0 { r#""wall_time_unix_ms":-"# } else { r#""wall_time_unix_ms":"# };
    put_number(&mut tail, sign, wall_time_unix_ms.unsigned_abs());
    put_text(&mut tail, r#","rollout_id":"#, Some(rollout_id));
    put_text(&mut tail, r#","thread_id":"#, thread_id.map(ThreadId::as_str));
    put_text(&mut tail, r#","codex_turn_id":"#, codex_turn_id.map(CodexTurnId::as_str));
    tail.extend_from_slice(br#","payload":"#);
    event.put(&mut tail);
    tail.extend_from_slice(b"}\n");
    tail
}

/// Appends the text before a value, and the value.
pub(crate) fn put_text(out: &mut Vec<u8>, before: &str, value: Option<&str>) {
    out.extend_from_slice(before.as_bytes());
    match value {
        Some(text) => write_string(text.as_bytes(), out),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends the text before a number, and the number. Each line has several, and `write!` takes ten times as long.
pub(crate) fn put_number(out: &mut Vec<u8>, before: &str, number: u64) {
    const MOST_DIGITS: usize = 20;
    let mut digits = [0; MOST_DIGITS];
    let mut first = MOST_DIGITS;
    let mut rest = number;
    while rest >= 10 {
        first -= 2;
        digits[first..first + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if rest > 0 || first == MOST_DIGITS {
        first -= 1;
        digits[first] = b'0' + rest as u8;
    }
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(&digits[first..]);
}

/// The two digits of each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Assembles a line in `line`.
pub(crate) fn assemble(line: &mut Vec<u8>, schema: SchemaVersion, seq: Seq, tail: &[u8]) {
    line.clear();
    put_number(line, r#"{"schema_version":"#, schema.number().into());
    put_number(line, r#","seq":"#, seq);
    line.push(b',');
    line.extend_from_slice(tail);
}

#[cfg(test)]
mod tests {
    use rollout_trace_schema::{RawEvent, RecordingCompleted};

    use super::*;

    #[test]
    fn numbers_of_every_length() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        for number in powers.flat_map(|power| [power - 1, power, power + 1]).chain([0, 19, 90, 105, 990, u64::MAX]) {
            let mut out = Vec::new();
            put_number(&mut out, "n=", number);
            assert_eq!(String::from_utf8(out).expect("text"), format!("n={number}"));
        }
    }

    #[test]
    fn a_line_is_the_event_as_the_schema_writes_it() {
        for (seq, wall_time_unix_ms) in
            [(17, 1_795_221_181_536), (0, 0), (u64::MAX, i64::MIN), (10, -1), (9_999, i64::MAX), (100, 9)]
        {
            let event = RawEvent {
                schema_version: 2,
                seq,
                wall_time_unix_ms,
                rollout_id: "rollout \"1\"".into(),
                thread_id: Some("t".into()),
                codex_turn_id: None,
                payload: RecordingCompleted {}.into(),
                source: None,
                evidence: None,
            };
            let context = Context { thread_id: event.thread_id.as_ref(), codex_turn_id: None };
            let tail = encode_tail(event.wall_time_unix_ms, &event.rollout_id, context, &event.payload);
            let mut line = b"an older line".to_vec();
            assemble(&mut line, SchemaVersion::V2, event.seq, &tail);
            assert_eq!(String::from_utf8(line).expect("text"), serde_json::to_string(&event).expect("JSON") + "\n");
        }
    }
}
