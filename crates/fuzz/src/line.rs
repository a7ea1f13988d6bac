//! Lines of an event log.

use arbitrary::Arbitrary;

use crate::template::{EVENTS, fill};

/// One line of an event log.
#[derive(Arbitrary, Debug)]
pub enum Line {
    /// Any bytes.
    Raw(Vec<u8>),
    /// An event in order.
    Event { template: u8, gaps: Vec<u8> },
    /// An event with any seq, cut or changed in one byte.
    Damaged { template: u8, gaps: Vec<u8>, seq: u8, other_version: bool, cut: Option<u8>, change: Option<(u8, u8)> },
    /// The line before, repeated.
    Again,
    /// The usual beginning of a rollout.
    Begin,
    /// A request of the root thread, with the number of its payload.
    Ask { call: u8, payload: u8 },
}

/// Writes an event log of these lines.
pub fn write_log(schema: u32, lines: &[Line], newline_at_end: bool) -> Vec<u8> {
    let mut log = Vec::new();
    let mut seq = 0;
    let mut last = Vec::new();
    let envelope = |seq: &mut u64, schema: u32, payload: &str| {
        *seq += 1;
        format!(
            r#"{{"schema_version":{schema},"seq":{seq},"wall_time_unix_ms":{},"rollout_id":"R","thread_id":"T","codex_turn_id":"U","payload":{payload}}}"#,
            1000 + *seq
        )
        .into_bytes()
    };
    for line in lines {
        match line {
            Line::Raw(bytes) => last = bytes.clone(),
            Line::Event { template, gaps } => {
                last = envelope(&mut seq, schema, &event(*template, gaps));
            }
            Line::Damaged { template, gaps, seq: other, other_version, cut, change } => {
                let mut other = u64::from(*other % 80);
                last = envelope(&mut other, schema + u32::from(*other_version), &event(*template, gaps));
                if let Some((at, bits)) = change {
                    let at = usize::from(*at) * 2 % last.len();
                    last[at] ^= bits;
                }
                if let Some(cut) = cut {
                    last.truncate(usize::from(*cut) * 2);
                }
            }
            Line::Again => {}
            Line::Begin => {
                let begin = [
                    r#"{"type":"rollout_started","trace_id":"tr","root_thread_id":"T"}"#,
                    r#"{"type":"thread_started","thread_id":"T","agent_path":"/root"}"#,
                    r#"{"type":"codex_turn_started","codex_turn_id":"U","thread_id":"T"}"#,
                ];
                last = begin.map(|payload| envelope(&mut seq, schema, payload)).join(&b'\n');
            }
            Line::Ask { call, payload } => {
                let (call, number) = (call % 8, payload % 4 + 1);
                let payload = format!(
                    r#"{{"type":"inference_started","inference_call_id":"i{call}","thread_id":"T","codex_turn_id":"U","model":"m","provider_name":"p","request_payload":{{"raw_payload_id":"raw_payload:{number}","kind":{{"type":"inference_request"}},"path":"payloads/{number}.json"}}}}"#
                );
                last = envelope(&mut seq, schema, &payload);
            }
        }
        log.extend_from_slice(&last);
        log.push(b'\n');
    }
    if !newline_at_end {
        log.pop();
    }
    log
}

fn event(template: u8, gaps: &[u8]) -> String {
    fill(EVENTS[usize::from(template) % EVENTS.len()], &mut gaps.iter().copied())
}
