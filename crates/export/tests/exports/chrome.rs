//! What holds of every Chrome trace.

use std::collections::BTreeMap;

use rollout_trace::model::RolloutTrace;
use serde_json::Value;

/// A slice: start, end, and what it is of.
type Slice<'v> = (i64, i64, &'v Value);

pub(crate) fn check(text: &str, graph: &RolloutTrace) {
    let trace: Value = serde_json::from_str(text).expect("it is JSON");
    assert!(trace.get("displayTimeUnit").is_none(), "old Perfettos take it for the unit of ts");
    let events = trace["traceEvents"].as_array().expect("there are events");
    assert_eq!(text.lines().count(), events.len() + 2, "each event has a line");
    let mut owners = BTreeMap::new();
    for event in events {
        let (pid, tid) = (number(event, "pid"), number(event, "tid"));
        assert!(tid != 0 && *owners.entry(tid).or_insert(pid) == pid, "track {tid} is of one process");
    }
    let tracks = tracks(events);
    check_nesting(&tracks);
    check_flows(events, &tracks);
    let of = |category: &str| events.iter().filter(|event| event["ph"] == "X" && event["cat"] == category).count();
    assert_eq!(of("agent"), graph.threads.len());
    assert_eq!(of("turn"), graph.codex_turns.len());
    assert_eq!(of("inference"), graph.inference_calls.len());
    assert_eq!(of("compaction"), graph.compaction_requests.len());
    assert_eq!(of("tool"), graph.tool_calls.len());
    assert_eq!(of("cell"), graph.code_cells.len());
    let instants = events.iter().filter(|event| event["ph"] == "i").count();
    let markers: usize = graph.threads.values().map(|thread| thread.markers.len()).sum();
    assert_eq!(instants, graph.diagnostics.len() + graph.compactions.len() + markers + graph.markers.len());
    let not_shown = &trace["otherData"]["not_shown"];
    assert_eq!(number(not_shown, "conversation_items"), graph.conversation_items.len() as i64);
    assert_eq!(number(not_shown, "undelivered_messages"), graph.undelivered_messages.len() as i64);
    let lost = number(not_shown, "flows_without_both_ends") + not_shown["flows_back_in_time"].as_i64().unwrap_or(0);
    let edges = events.iter().filter(|event| event["ph"] == "s" && event["cat"] == "edge").count();
    assert!(graph.interaction_edges.len() as i64 <= edges as i64 + lost, "an edge is shown or counted");
}

fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn tracks(events: &[Value]) -> BTreeMap<i64, Vec<Slice<'_>>> {
    let mut tracks: BTreeMap<i64, Vec<Slice<'_>>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] == "X") {
        let (start, duration) = (number(event, "ts"), number(event, "dur"));
        assert!(start >= 0 && duration > 0, "{event} has a time");
        tracks.entry(number(event, "tid")).or_default().push((start, start + duration, event));
    }
    tracks
}

fn check_nesting(tracks: &BTreeMap<i64, Vec<Slice<'_>>>) {
    for slices in tracks.values() {
        assert!(slices.is_sorted_by_key(|(start, ..)| *start), "slices come in the order of their starts");
        let mut open: Vec<i64> = Vec::new();
        for (start, end, event) in slices {
            open.retain(|open| open > start);
            assert!(open.last().is_none_or(|outer| outer >= end), "{event} overlaps another slice");
            open.push(*end);
        }
    }
}

/// Both ends of a flow are at the start of a slice, which is the innermost one there.
fn check_flows(events: &[Value], tracks: &BTreeMap<i64, Vec<Slice<'_>>>) {
    let mut flows: BTreeMap<i64, Vec<&Value>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] == "s" || event["ph"] == "f") {
        flows.entry(number(event, "id")).or_default().push(event);
    }
    for ends in flows.values() {
        let [from, to] = ends[..] else { panic!("a flow has two ends: {ends:?}") };
        assert!(from["ph"] == "s" && to["ph"] == "f" && number(from, "ts") <= number(to, "ts"));
        for end in ends {
            let at = number(end, "ts");
            let here = tracks[&number(end, "tid")].iter().filter(|(start, stop, _)| *start <= at && at < *stop);
            let innermost = here.max_by_key(|(start, stop, _)| (*start, std::cmp::Reverse(*stop)));
            let (start, ..) = innermost.unwrap_or_else(|| panic!("{end} is at no slice"));
            assert_eq!(*start, at, "{end} is at the start of a slice");
        }
        // Nothing comes from an agent or turn, so it is clear which one is meant of slices that start together.
        for end in [from, to] {
            let here = tracks[&number(end, "tid")].iter().filter(|(start, ..)| *start == number(end, "ts"));
            let meant = here.filter(|(_, _, slice)| slice["cat"] != "agent" && slice["cat"] != "turn").count();
            assert_eq!(meant, 1, "{end} is at the start of one slice");
        }
    }
}
