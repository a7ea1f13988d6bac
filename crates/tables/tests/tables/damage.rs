//! Damaged bundles have tables, too.

use std::fs;

use proptest::{prelude::*, sample::Index};
use rollout_trace_tables::{Content, Options};

use crate::{
    rows::check,
    support::{copy, recorded, rows},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_damaged_rollouts(
        seed in 1_u64..4,
        lost in prop::collection::vec(any::<Index>(), 0..4),
        swapped in prop::collection::vec((any::<Index>(), any::<Index>()), 0..4),
        flipped in prop::collection::vec((any::<Index>(), 0_u8..8), 0..6),
        unread in prop::collection::vec(any::<Index>(), 0..4),
    ) {
        let bundle = copy(recorded(seed).path());
        let log = bundle.path().join("trace.jsonl");
        let text = fs::read_to_string(&log).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        for line in &lost {
            lines.remove(line.index(lines.len()));
        }
        let count = lines.len();
        swapped.iter().for_each(|(one, other)| lines.swap(one.index(count), other.index(count)));
        let mut bytes = lines.join("\n").into_bytes();
        for (place, bit) in &flipped {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        fs::write(&log, bytes).unwrap();
        let payloads: Vec<_> = fs::read_dir(bundle.path().join("payloads")).unwrap().flatten().collect();
        for payload in &unread {
            fs::write(payloads[payload.index(payloads.len())].path(), "{").unwrap();
        }
        check(&rows(bundle.path(), Options { content: Content::Full, max_text: 0 }));
    }
}
