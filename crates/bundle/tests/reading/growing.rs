//! Following a log that is still being written.

use std::{fs::OpenOptions, io::Write, path::Path};

use crate::support::{bundle, event};
use proptest::prelude::*;
use rollout_trace_bundle::{Bundle, Evidence, Limits};

fn append(folder: &Path, bytes: &[u8]) {
    let mut log = OpenOptions::new().append(true).open(folder.join("trace.jsonl")).unwrap();
    log.write_all(bytes).unwrap();
}

fn text(evidence: &Evidence) -> String {
    format!("{evidence:?}")
}

#[test]
fn an_event_comes_once_its_line_is_whole() {
    let folder = bundle(2, b"");
    let mut events = Bundle::open(folder.path()).unwrap().events().growing();
    assert!(events.next().is_none());
    let (first, end) = (event(2, 1, "first"), event(2, 2, "end"));
    append(folder.path(), &first.as_bytes()[..20]);
    assert!(events.next().is_none());
    append(folder.path(), &first.as_bytes()[20..]);
    assert!(events.next().is_none());
    append(folder.path(), b"\n");
    assert!(matches!(events.next(), Some(Evidence::Event(located)) if located.event.seq == 1 && located.line == 1));
    assert!(events.next().is_none());
    append(folder.path(), end.as_bytes());
    assert!(events.next().is_none());
    events.stop_growing();
    assert!(matches!(events.next(), Some(Evidence::Event(located)) if !located.newline_terminated));
    assert!(events.next().is_none());
    append(folder.path(), b"\n");
    assert!(events.next().is_none(), "nothing follows the end");
}

#[test]
fn a_limit_ends_following() {
    let folder = bundle(2, b"");
    let limits = Limits { max_events: 1, ..Limits::default() };
    let mut events = Bundle::open_with(folder.path(), limits).unwrap().events().growing();
    for seq in 1..=3 {
        append(folder.path(), format!("{}\n", event(2, seq, "turn")).as_bytes());
    }
    let found: Vec<_> = events.by_ref().collect();
    assert_eq!(found.len(), 2, "{found:?}");
    append(folder.path(), format!("{}\n", event(2, 4, "turn")).as_bytes());
    assert!(events.next().is_none());
}

proptest! {
    #[test]
    fn whatever_the_cuts_the_evidence_is_that_of_the_whole(
        lines in prop::collection::vec((0_u64..12, any::<bool>()), 0..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ends_in_newline: bool,
    ) {
        let lines = lines.iter().map(|(seq, is_sound)| match is_sound {
            true => event(2, *seq, "turn"),
            false => "damage".to_owned(),
        });
        let mut log = lines.collect::<Vec<_>>().join("\n").into_bytes();
        log.extend(ends_in_newline.then_some(b'\n'));
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(log.len());
        let folder = bundle(2, b"");
        let mut events = Bundle::open(folder.path()).unwrap().events().growing();
        let (mut found, mut from) = (Vec::new(), 0);
        for cut in cuts {
            append(folder.path(), &log[from..cut]);
            found.extend(events.by_ref().map(|evidence| text(&evidence)));
            from = cut;
        }
        events.stop_growing();
        found.extend(events.map(|evidence| text(&evidence)));
        let whole: Vec<_> = Bundle::open(folder.path()).unwrap().events().map(|evidence| text(&evidence)).collect();
        prop_assert_eq!(found, whole);
    }
}
