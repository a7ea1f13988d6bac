//! Hashes.

use std::io::{self, Write};

use rollout_trace_model::{RolloutTrace, WithRuns};
use sha2::{Digest, Sha256};

/// Returns the first 16 hexadecimal digits of the SHA-256 of a graph, as `reduce --compact --runs` writes it.
///
/// Two graphs with one hash are the same. A rollout that is exported again after it grew has another one.
pub fn state_hash(graph: &RolloutTrace) -> String {
    let mut hasher = Hasher(Sha256::new());
    let written = serde_json::to_writer(io::BufWriter::with_capacity(1 << 16, &mut hasher), &WithRuns(graph));
    written.expect("a graph is valid JSON, and a hasher takes all bytes");
    hasher.0.update(b"\n");
    hex(&hasher.0.finalize(), 8)
}

/// Returns the SHA-256 of a text, as 64 hexadecimal digits.
pub(crate) fn sha256_text(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()), 32)
}

/// Returns the first bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8], count: usize) -> String {
    bytes.iter().take(count).map(|byte| format!("{byte:02x}")).collect()
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
