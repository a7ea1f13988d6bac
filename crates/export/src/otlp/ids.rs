//! The ids of traces and spans.
//!
//! Source: exports, section 1.

use rollout_trace_model::RolloutTrace;
use sha2::{Digest, Sha256};

use crate::spans::Work;

/// The version of the way in which ids are made.
const SCHEME: &str = "1";

/// The id of a trace.
pub(super) type TraceId = [u8; 16];
/// The id of a span.
pub(super) type SpanId = [u8; 8];

/// Makes the ids of a rollout, which are the same whenever it is exported.
#[derive(Clone, Debug)]
pub(super) struct Ids<'g> {
    trace: &'g str,
}

impl<'g> Ids<'g> {
    pub(super) fn of(graph: &'g RolloutTrace) -> Self {
        Self { trace: &graph.trace_id }
    }

    /// Returns the id of the trace, which is that of the recording if that is a UUID.
    pub(super) fn trace(&self) -> TraceId {
        uuid(self.trace).filter(|id| *id != [0; 16]).unwrap_or_else(|| nonzero(self.hash("trace", "")))
    }

    /// Returns the id of an object's span.
    pub(super) fn span(&self, work: Work<'_>) -> SpanId {
        self.named(work.kind(), work.id())
    }

    /// Returns the id of a span by what it is of.
    pub(super) fn named(&self, kind: &str, id: &str) -> SpanId {
        nonzero(self.hash(kind, id))
    }

    fn hash(&self, kind: &str, id: &str) -> [u8; 32] {
        Sha256::digest(["rollout-trace", SCHEME, self.trace, kind, id].join("\0")).into()
    }
}

/// Returns the first bytes of a hash, and a one instead of nothing but zeros, which are no id.
fn nonzero<const N: usize>(hash: [u8; 32]) -> [u8; N] {
    let mut id = [0; N];
    id.copy_from_slice(&hash[..N]);
    if id == [0; N] {
        id[N - 1] = 1;
    }
    id
}

/// Returns the bytes of a UUID in its usual form, or without hyphens.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let hyphens = [8, 13, 18, 23];
    let digits: Vec<u8> = match text.len() {
        32 => text.bytes().collect(),
        36 if hyphens.iter().all(|place| text.as_bytes()[*place] == b'-') => {
            let kept = text.bytes().enumerate().filter(|(place, _)| !hyphens.contains(place));
            kept.map(|(_, byte)| byte).collect()
        }
        _ => return None,
    };
    let mut id = [0; 16];
    for (byte, digits) in id.iter_mut().zip(digits.chunks(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?;
    }
    Some(id)
}

/// Returns bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_trace_ids() {
        let ids = Ids { trace: "0f6e1c5a-3b0e-4a9e-8a53-0c3c6c1d8f10" };
        assert_eq!(hex(&ids.trace()), "0f6e1c5a3b0e4a9e8a530c3c6c1d8f10");
        assert_eq!(Ids { trace: "0F6E1C5A3B0E4A9E8A530C3C6C1D8F10" }.trace(), ids.trace());
    }

    #[test]
    fn other_ids_are_hashed() {
        for trace in ["", "trace-sample", "00000000-0000-0000-0000-000000000000", "zf6e1c5a3b0e4a9e8a530c3c6c1d8f10"] {
            let hash: [u8; 32] = Sha256::digest(format!("rollout-trace\x001\0{trace}\0trace\0")).into();
            assert_eq!(Ids { trace }.trace(), hash[..16]);
        }
        let hash: [u8; 32] = Sha256::digest("rollout-trace\x001\0t\0tool\0call_1").into();
        assert_eq!(Ids { trace: "t" }.named("tool", "call_1"), hash[..8]);
        assert_eq!(nonzero::<4>([0; 32]), [0, 0, 0, 1]);
    }
}
