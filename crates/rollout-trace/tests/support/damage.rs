//! Damage to bundles.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::{prelude::*, sample::Index};

use super::loss::{LOG, payloads};

/// Damage that a bundle may take.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    /// The log lacks a line.
    LineLost(Index),
    /// Two lines of the log have changed places.
    LinesSwapped(Index, Index),
    /// A line is in the log twice.
    LineTwice(Index, Index),
    /// The log ends here.
    LogCut(Index),
    /// A bit of the log is another one.
    LogFlipped(Index, u8),
    /// A payload file is lost.
    PayloadLost(Index),
    /// A payload file ends here.
    PayloadCut(Index, Index),
    /// A bit of a payload file is another one.
    PayloadFlipped(Index, Index, u8),
}

/// Returns any damage.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Damage::LineLost),
        (at(), at()).prop_map(|(one, other)| Damage::LinesSwapped(one, other)),
        (at(), at()).prop_map(|(line, to)| Damage::LineTwice(line, to)),
        at().prop_map(Damage::LogCut),
        (at(), 0..8_u8).prop_map(|(byte, bit)| Damage::LogFlipped(byte, bit)),
        at().prop_map(Damage::PayloadLost),
        (at(), at()).prop_map(|(payload, byte)| Damage::PayloadCut(payload, byte)),
        (at(), at(), 0..8_u8).prop_map(|(payload, byte, bit)| Damage::PayloadFlipped(payload, byte, bit)),
    ]
}

impl Damage {
    /// Does the damage to a bundle whose payloads are files.
    pub(crate) fn apply(&self, bundle: &Path) {
        match self {
            Self::LineLost(line) => {
                with_lines(bundle, |lines| drop(lines.remove(line.index(lines.len()))));
            }
            Self::LinesSwapped(one, other) => with_lines(bundle, |lines| {
                let count = lines.len();
                lines.swap(one.index(count), other.index(count));
            }),
            Self::LineTwice(line, to) => with_lines(bundle, |lines| {
                let line = lines[line.index(lines.len())].clone();
                lines.insert(to.index(lines.len()), line);
            }),
            Self::LogCut(at) => with_bytes(&bundle.join(LOG), |bytes| bytes.truncate(at.index(bytes.len()))),
            Self::LogFlipped(at, bit) => with_bytes(&bundle.join(LOG), |bytes| flip(bytes, *at, *bit)),
            Self::PayloadLost(payload) => with_payload(bundle, *payload, |path| {
                fs::remove_file(path).expect("the payload is there");
            }),
            Self::PayloadCut(payload, at) => with_payload(bundle, *payload, |path| {
                with_bytes(path, |bytes| bytes.truncate(at.index(bytes.len())));
            }),
            Self::PayloadFlipped(payload, at, bit) => with_payload(bundle, *payload, |path| {
                with_bytes(path, |bytes| flip(bytes, *at, *bit));
            }),
        }
    }
}

fn with_bytes(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("the file is there");
    if !bytes.is_empty() {
        change(&mut bytes);
    }
    fs::write(path, bytes).expect("there is room for temporary files");
}

fn with_lines(bundle: &Path, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    with_bytes(&bundle.join(LOG), |bytes| {
        let mut lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        change(&mut lines);
        *bytes = lines.concat();
    });
}

fn with_payload(bundle: &Path, payload: Index, change: impl FnOnce(&Path)) {
    let paths = payloads(bundle);
    if !paths.is_empty() {
        change(payload.get::<PathBuf>(&paths));
    }
}

fn flip(bytes: &mut [u8], at: Index, bit: u8) {
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
}
