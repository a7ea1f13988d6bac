//! Two runs with the same events have the same normal form.

mod common;

use std::collections::BTreeMap;

use rollout_trace_model::{Drawing, RolloutTrace, normalized};
use serde_json::Value;

/// A small generator of random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Replaces the UUIDs and times in a state consistently.
struct Rerun {
    random: Random,
    uuids: BTreeMap<String, String>,
}

impl Rerun {
    fn text(&mut self, text: &str) -> String {
        let mut other = String::new();
        let mut rest = text;
        while let Some((at, uuid)) = find_uuid(rest) {
            let random = &mut self.random;
            let new = self.uuids.entry(uuid.to_owned()).or_insert_with(|| {
                let (a, b) = (random.next(), random.next());
                let (c, d, e) = (b >> 48, b & 0xffff_ffff_ffff, a & 0xffff);
                format!("{:08x}-{:04x}-{e:04x}-{c:04x}-{d:012x}", a >> 32, (a >> 16) & 0xffff)
            });
            other.push_str(&rest[..at]);
            other.push_str(new);
            rest = &rest[at + 36..];
        }
        other + rest
    }

    fn value(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(values) => values.into_iter().map(|value| self.value(value)).collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, value)| match value {
                    Value::Number(_) if key.ends_with("_unix_ms") => (key, (self.random.next() >> 20).into()),
                    _ => (self.text(&key), self.value(value)),
                })
                .collect(),
            other => other,
        }
    }
}

fn find_uuid(text: &str) -> Option<(usize, &str)> {
    let is_uuid = |part: &[u8]| {
        part.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let at = text.as_bytes().windows(36).position(is_uuid)?;
    Some((at, &text[at..at + 36]))
}

fn graph(state: Value) -> RolloutTrace {
    serde_json::from_value(state).expect("an official state is a graph")
}

#[test]
#[ignore = "needs the official cases, which .ci/conformance has"]
fn other_ids_and_times_have_the_same_normal_form_and_drawing() {
    for (number, (name, state)) in common::official_states().into_iter().enumerate() {
        let mut rerun = Rerun { random: Random(number as u64), uuids: BTreeMap::new() };
        let first = graph(state.clone());
        let second = graph(rerun.value(state));
        let normal = normalized(&first);
        assert_eq!(normal, normalized(&second), "{name}");
        assert_eq!(normal.check_links(), [] as [String; 0], "{name}");
        assert_eq!(normalized(&normal), normal, "{name}");
        let text = serde_json::to_string(&normal).unwrap();
        assert_eq!(find_uuid(&text), None, "{name}");
        let drawing = Drawing::new(&first).to_string();
        assert_eq!(drawing, Drawing::new(&second).to_string(), "{name}");
        assert_eq!(drawing, Drawing::new(&normal).to_string(), "{name}");
    }
}
