//! What reduction makes of the shards of schema 3 and of references to them, where the official reducer refuses the bundle.
//!
//! Source: bundle 3, section 6.

mod support;

use std::{fs, path::Path};

use rollout_trace_bundle::Bundle;
use rollout_trace_model::{Diagnostic, ItemId, RolloutTrace, Severity};
use serde_json::{Value, json};
use support::{
    Script, reduce, reduce_bundle,
    script::{frame, open_frame, shard_bytes},
};
use tempfile::TempDir;

/// A small rollout. The payloads are, in this order: 1 `hello`, 2 the picture, 3 the request i1, 4 the call, 5 the response,
/// 6 the result, 7 the accepted output, 8 the output, 9 the request i2, 10 `bye`, 11 the response.
const ROLLOUT: &str = r##"
schema 3
begin
ask i1 {"input":["user hello",{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:"}]}]}
reply i1 {"response_id":"r1","output_items":["call c1 ls {}"]}
call c1 ls
done c1 {}
accept o1 "#o1 output c1 done"
ask i2 {"previous_response_id":"r1","input":["#o1 output c1 done"]}
reply i2 {"response_id":"r2","output_items":["assistant bye"]}
end
"##;

/// A bundle of schema 3 that is written with changes.
struct Edited {
    lines: Vec<Value>,
    /// The records of each shard, from 1.
    shards: Vec<Vec<(String, Vec<u8>)>>,
}

impl Edited {
    fn new(script: &str) -> Self {
        let script = Script::parse(script);
        let lines = script.lines().iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        Self { lines, shards: vec![script.records()] }
    }

    /// Changes every reference to a payload, in events and among parts.
    fn refer(mut self, id: &str, change: impl Fn(&mut Value)) -> Self {
        self.lines.iter_mut().for_each(|line| visit(line, id, &change));
        self
    }

    /// Says of a payload that it was left out.
    fn omit(self, id: &str) -> Self {
        self.refer(id, |reference| {
            reference["shard"] = Value::Null;
            reference["capture"] = json!({"status": "omitted", "original_bytes": 9});
        })
    }

    fn record(&mut self, id: &str) -> &mut Vec<u8> {
        let records = self.shards.iter_mut().flatten();
        &mut { records }.find(|(own, _)| own == id).unwrap_or_else(|| panic!("no record {id}")).1
    }

    fn with_record(mut self, id: &str, document: impl Into<Vec<u8>>) -> Self {
        *self.record(id) = document.into();
        self
    }

    fn without_record(mut self, id: &str) -> Self {
        self.shards.iter_mut().for_each(|records| records.retain(|(own, _)| own != id));
        self
    }

    fn with_another(mut self, id: impl AsRef<str>, document: impl Into<Vec<u8>>) -> Self {
        self.shards[0].push((id.as_ref().to_owned(), document.into()));
        self
    }

    /// The recording is not closed.
    fn unclosed(mut self) -> Self {
        self.lines.pop();
        self
    }

    fn ids(&self) -> Vec<String> {
        self.shards.iter().flatten().map(|(id, _)| id.clone()).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        shard_bytes(&self.shards[0])
    }

    /// A frame that is not ended, with each record flushed by itself.
    fn flushed(&self) -> Vec<u8> {
        let records: Vec<_> = self.shards[0].iter().map(|record| shard_bytes(std::slice::from_ref(record))).collect();
        open_frame(&records.iter().map(Vec::as_slice).collect::<Vec<_>>()).get_ref().clone()
    }

    fn write(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        Script::parse("schema 3").write(folder.path());
        let log: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(folder.path().join("trace.jsonl"), log).expect("there is room");
        for (number, records) in (1..).zip(&self.shards) {
            write_shard(folder.path(), number, &frame(&shard_bytes(records)));
        }
        folder
    }

    fn reduce(&self) -> RolloutTrace {
        reduce(self.write().path())
    }

    /// Reduces the bundle with other bytes as its first shard.
    fn reduce_shard(&self, bytes: &[u8]) -> RolloutTrace {
        let folder = self.write();
        write_shard(folder.path(), 1, bytes);
        reduce(folder.path())
    }
}

fn write_shard(folder: &Path, number: usize, bytes: &[u8]) {
    fs::write(folder.join(format!("payloads/{number:06}.zst")), bytes).expect("there is room");
}

fn visit(value: &mut Value, id: &str, change: &impl Fn(&mut Value)) {
    if value["raw_payload_id"] == id && value["kind"].is_object() {
        change(value);
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| visit(value, id, change)),
        Value::Object(fields) => fields.values_mut().for_each(|value| visit(value, id, change)),
        _ => {}
    }
}

/// What is wrong, one line each, in order: severity, code, line and payload.
fn told(graph: &RolloutTrace) -> String {
    let is_of_storage = |code: &str| code == "payloads_not_recorded";
    let told = graph
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity > Severity::Note || is_of_storage(diagnostic.code.as_str()));
    told.map(|diagnostic| {
        let severity = format!("{:?}", diagnostic.severity).to_lowercase();
        let line = diagnostic.line.map(|line| format!(" in line {line}")).unwrap_or_default();
        let payload = diagnostic.payload_id.as_ref().map(|id| format!(": {id}")).unwrap_or_default();
        format!("{severity} {}{line}{payload}\n", diagnostic.code.as_str())
    })
    .collect()
}

/// How many payloads the diagnostic of a damaged shard says are lost.
fn count_lost(graph: &RolloutTrace) -> Option<u32> {
    let damage = graph.diagnostics.iter().find(|diagnostic| diagnostic.code.as_str() == "shard_damaged")?;
    let words: Vec<_> = damage.message.split(' ').collect();
    words.windows(2).filter(|pair| pair[1].trim_end_matches('s') == "payload").find_map(|pair| pair[0].parse().ok())
}

/// The bodies of the items of each call, to see what a graph lacks.
fn shown(graph: &RolloutTrace) -> String {
    let calls = graph.inference_calls.values().map(|call| {
        let body = |id: &ItemId| {
            let body = &graph.conversation_items[id].body;
            serde_json::to_string(&body.parts).expect("a body serializes")
        };
        let list = |items: &[ItemId]| items.iter().map(body).collect::<Vec<_>>().join(" ");
        let request: Vec<_> = call.request_item_ids.iter().collect();
        format!("{}: {} -> {}\n", call.inference_call_id, list(&request), list(&call.response_item_ids))
    });
    calls.collect()
}

/// The graph without what a lost document and one that was left out may differ in.
fn facts(graph: &RolloutTrace) -> RolloutTrace {
    RolloutTrace { diagnostics: Vec::new(), raw_payloads: Default::default(), recording_status: None, ..graph.clone() }
}

/// The scenarios that are not about schema 1, as bundles of schema 3. References in events of an unknown type are no
/// references.
fn scenarios() -> Vec<(String, Edited)> {
    let scenarios =
        support::scenarios().into_iter().filter(|(_, text)| !text.contains("schema 1") && !text.contains("teleported"));
    scenarios.map(|(name, text)| (name, Edited::new(&format!("schema 3\n{text}")))).collect()
}

#[test]
fn whole() {
    let graph = Edited::new(ROLLOUT).reduce();
    assert_eq!(told(&graph), "");
    insta::assert_snapshot!(shown(&graph));
}

/// A document that is lost is as if it had been left out, whatever it is and however it is lost.
#[test]
fn a_lost_document_is_as_if_it_had_been_left_out() {
    for (name, whole) in scenarios() {
        for (place, id) in whole.ids().into_iter().enumerate() {
            let edited = || Edited { lines: whole.lines.clone(), shards: whole.shards.clone() };
            let reduce =
                |edited: Edited| reduce_bundle(&Bundle::open(edited.write().path()).expect("the bundle opens"));
            let (what, lost) = match place % 3 {
                0 => ("absent", edited().without_record(&id)),
                1 => ("no JSON", edited().with_record(&id, b"{\"input\":[\"\xff\"".to_vec())),
                _ => ("empty", edited().with_record(&id, "")),
            };
            let graph = reduce(lost);
            assert_eq!(facts(&graph), facts(&reduce(edited().omit(&id))), "{name}: {id} {what}");
            let is_of_it = |diagnostic: &Diagnostic| {
                diagnostic.severity == Severity::Error
                    && diagnostic.payload_id.as_ref().is_some_and(|payload| payload.as_str() == id)
            };
            assert!(graph.diagnostics.iter().any(is_of_it), "{name}: {id} {what} is not told");
        }
    }
}

#[test]
fn a_lost_part_costs_no_more_than_itself() {
    let graph = Edited::new(ROLLOUT).with_record("raw_payload:2", "{").reduce();
    insta::assert_snapshot!(told(&graph) + &shown(&graph));
    let script = ROLLOUT.replace(r#""data:""#, r#"{"$trace_unavailable":"raw_payload:1"}"#);
    insta::assert_snapshot!(shown(&Edited::new(&script).reduce()));
}

#[test]
fn a_lost_picture_costs_the_picture() {
    let mut rollout = Edited::new(ROLLOUT).refer("raw_payload:2", |reference| {
        reference["parts"] = json!([{"raw_payload_id": "picture", "kind": {"type": "content_value"}, "shard": 1}]);
    });
    let item = String::from_utf8(rollout.record("raw_payload:2").clone()).expect("an item is text");
    let fragments: Vec<_> = item.split("\"data:\"").collect();
    rollout = rollout.with_record("raw_payload:2", json!(fragments).to_string()).with_another("picture", "\"data:\"");
    assert_eq!(shown(&rollout.reduce()), shown(&Edited::new(ROLLOUT).reduce()));
    let lost = rollout.without_record("picture");
    let graph = lost.reduce();
    insta::assert_snapshot!(told(&graph) + &shown(&graph));
    assert_eq!(facts(&graph), facts(&lost.omit("picture").reduce()));
}

/// After a lost part, the items of a delta are not compared with the conversation.
#[test]
fn a_delta_after_a_lost_part_is_not_compared() {
    let script = ROLLOUT.replace("\nend", "\nask i3 {\"previous_response_id\":\"r1\",\"input\":[\"user else\"]}\nend");
    let compared = Edited::new(&script).reduce();
    assert!(told(&compared).contains("incremental_mismatch"));
    for (what, lost) in [
        ("a part of the request", Edited::new(&script).with_record("raw_payload:2", "")),
        ("the request", Edited::new(&script).without_record("raw_payload:3")),
        ("a part of the response", Edited::new(&script).with_record("raw_payload:4", "[")),
        ("the response", Edited::new(&script).with_record("raw_payload:5", "0")),
    ] {
        let graph = lost.reduce();
        assert!(!told(&graph).contains("incremental_mismatch"), "{what}: {}", told(&graph));
    }
}

#[test]
fn shard_that_is_garbled() {
    let rollout = Edited::new(ROLLOUT);
    let mut shard = rollout.flushed();
    let at = shard.len() * 2 / 3;
    shard[at..at + 8].fill(0xFF);
    let graph = rollout.reduce_shard(&shard);
    insta::assert_snapshot!(told(&graph) + &shown(&graph));
}

#[test]
fn shard_that_is_cut_within_a_record() {
    let rollout = Edited::new(ROLLOUT);
    let bytes = rollout.bytes();
    let graph = rollout.reduce_shard(&frame(&bytes[..bytes.len() * 2 / 3]));
    insta::assert_snapshot!(told(&graph));
    assert_eq!(count_lost(&graph), Some(4));
}

#[test]
fn shard_with_a_wrong_checksum() {
    let rollout = Edited::new(ROLLOUT);
    let mut shard = frame(&rollout.bytes());
    *shard.last_mut().expect("a frame ends with a checksum") ^= 1;
    let graph = rollout.reduce_shard(&shard);
    assert_eq!((told(&graph).as_str(), count_lost(&graph)), ("error shard_damaged\n", Some(0)));
    assert_eq!(facts(&graph), facts(&rollout.reduce()));
}

#[test]
fn shard_without_file() {
    let rollout = Edited::new(ROLLOUT);
    let folder = rollout.write();
    fs::remove_file(folder.path().join("payloads/000001.zst")).expect("the shard is there");
    let graph = reduce(folder.path());
    insta::assert_snapshot!(told(&graph));
    assert_eq!(count_lost(&graph), Some(11));
    let mut omitted = Edited::new(ROLLOUT);
    for id in rollout.ids() {
        omitted = omitted.omit(&id);
    }
    assert_eq!(facts(&graph), facts(&omitted.reduce()));
}

#[test]
fn shard_that_lacks_only_its_end() {
    let rollout = Edited::new(ROLLOUT);
    let graph = rollout.reduce_shard(&rollout.flushed());
    assert_eq!(told(&graph), "warning shard_not_ended\n");
    assert_eq!(facts(&graph), facts(&rollout.reduce()));
    let open = Edited::new(ROLLOUT).unclosed();
    assert_eq!(told(&open.reduce_shard(&open.flushed())), "");
}

#[test]
fn windows() {
    let rollout = Edited::new(ROLLOUT);
    let whole = facts(&rollout.reduce());
    for (window_log, is_read) in [(23, true), (24, true), (27, true), (28, false), (31, false)] {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("the level is valid");
        // The header of a frame of known size says no window.
        encoder.include_contentsize(false).expect("the encoder takes parameters");
        encoder.window_log(window_log).expect("the window is valid");
        std::io::Write::write_all(&mut encoder, &rollout.bytes()).expect("a vector takes all bytes");
        let graph = rollout.reduce_shard(&encoder.finish().expect("a vector takes all bytes"));
        if is_read {
            assert_eq!((told(&graph).as_str(), facts(&graph)), ("", whole.clone()), "2^{window_log}");
        } else {
            let told = told(&graph);
            assert!(told.starts_with("error shard_damaged\n"), "2^{window_log}: {told}");
            assert_eq!(count_lost(&graph), Some(11), "2^{window_log}");
        }
    }
}

#[test]
fn documents_that_were_not_recorded() {
    let cut = |reference: &mut Value| {
        reference["capture"] = json!({"status": "truncated", "original_bytes": 900, "retained_bytes": 4});
    };
    let rollout = Edited::new(ROLLOUT).omit("raw_payload:2").omit("raw_payload:6").refer("raw_payload:5", cut);
    let graph = rollout.with_record("raw_payload:5", "{\"ou").reduce();
    assert_eq!(told(&graph), "note payloads_not_recorded\n");
    let counts = &graph.diagnostics.iter().find(|told| told.code.as_str() == "payloads_not_recorded");
    assert!(counts.is_some_and(|counts| counts.message.starts_with("1 payload was cut, and 2 payloads were left out")));
}

#[test]
fn references_that_misstate_what_was_recorded() {
    let capture = |capture: Value| move |reference: &mut Value| reference["capture"] = capture.clone();
    let in_shard = capture(json!({"status": "omitted", "original_bytes": 9}));
    let retained = |bytes: u64| json!({"status": "truncated", "original_bytes": 10, "retained_bytes": bytes});
    let cut = Edited::new(ROLLOUT)
        .refer("raw_payload:2", in_shard)
        .refer("raw_payload:6", capture(retained(3)))
        .refer("raw_payload:5", capture(retained(10)))
        .with_record("raw_payload:5", "0123456789");
    let graph = cut.reduce();
    insta::assert_snapshot!(told(&graph));
    let missing = Edited::new(ROLLOUT).omit("raw_payload:2").omit("raw_payload:5").omit("raw_payload:6");
    assert_eq!(facts(&graph), facts(&missing.reduce()));
}

#[test]
fn partial_document_that_must_be_whole() {
    // The metadata of a thread is made of a part.
    let script = ROLLOUT.replace(
        "begin\n",
        "begin\nthread_started thread_id=T2 agent_path=/root/a metadata_payload:session_metadata={\"model\":\"m\"}\n",
    );
    let mut rollout = Edited::new(&script);
    rollout = rollout.refer("raw_payload:1", |reference| {
        reference["parts"] = json!([{"raw_payload_id": "name", "kind": {"type": "content_value"}, "shard": 1}]);
    });
    rollout = rollout.with_record("raw_payload:1", r#"["{\"model\":","}"]"#).with_another("name", "\"m\"");
    let model = |graph: &RolloutTrace| graph.threads["T2"].default_model.clone();
    let graph = rollout.reduce();
    assert_eq!((told(&graph), model(&graph)), (String::new(), Some("m".to_owned())));
    let lost = rollout.with_record("name", "m").reduce();
    insta::assert_snapshot!(told(&lost));
    assert_eq!(model(&lost), None);
    assert_eq!(facts(&lost), facts(&Edited::new(&script).omit("raw_payload:1").reduce()));
}

#[test]
fn records_with_one_id_and_without_a_readable_one() {
    let first = Edited::new(ROLLOUT).record("raw_payload:2").clone();
    let same = Edited::new(ROLLOUT).with_another("raw_payload:2", first);
    let other = Edited::new(ROLLOUT).with_another("raw_payload:2", "{}");
    let unreadable = [same.bytes(), [&1_u16.to_le_bytes()[..], &2_u64.to_le_bytes(), b"\xff{}"].concat()].concat();
    let whole = facts(&Edited::new(ROLLOUT).reduce());
    for graph in [same.reduce(), other.reduce(), same.reduce_shard(&frame(&unreadable))] {
        assert_eq!(facts(&graph), whole);
    }
    insta::assert_snapshot!(
        told(&same.reduce()) + &told(&other.reduce()) + &told(&same.reduce_shard(&frame(&unreadable)))
    );
}

#[test]
fn references_that_differ() {
    // The second request has a reference of its own to the output, and another to the request before it.
    for change in [
        json!({"kind": {"type": "content_value"}}),
        json!({"shard": 2}),
        json!({"capture": {"status": "omitted", "original_bytes": 9}}),
        json!({"parts": [{"raw_payload_id": "raw_payload:1", "kind": {"type": "model_item"}, "shard": 1}]}),
    ] {
        let mut rollout = Edited::new(ROLLOUT);
        let last = rollout.lines.iter_mut().rfind(|line| line["payload"]["request_payload"].is_object());
        let reference = &mut last.expect("there are requests")["payload"]["request_payload"]["parts"][0];
        let (id, fields) = ("raw_payload:1".to_owned(), change.as_object().expect("an object"));
        *reference = json!({"raw_payload_id": id, "kind": {"type": "model_item"}, "shard": 1});
        reference.as_object_mut().expect("an object").extend(fields.clone());
        let graph = rollout.reduce();
        assert_eq!(told(&graph), "error conflicting_references in line 9: raw_payload:1\n");
        assert!(shown(&graph).contains("i2: "), "{}", shown(&graph));
        assert_eq!(serde_json::to_value(&graph.raw_payloads["raw_payload:1"]).expect("it serializes")["shard"], 1);
    }
}

#[test]
fn request_evidence_with_another_label() {
    let whole = Edited::new(ROLLOUT).reduce();
    let label = |reference: &mut Value| reference["kind"] = json!({"type": "tool_result"});
    let graph = Edited::new(ROLLOUT).refer("raw_payload:3", label).reduce();
    insta::assert_snapshot!(told(&graph));
    assert_eq!(facts(&graph), facts(&whole));
    // The label of a response says nothing.
    assert_eq!(told(&Edited::new(ROLLOUT).refer("raw_payload:5", label).reduce()), "");
}

#[test]
fn stripped_ids_that_do_not_fit() {
    let script = ROLLOUT.replace("\"input\":[\"#o1 output", "\"input\":[\"output");
    let with = |ids: Value| {
        let mut rollout = Edited::new(&script);
        let last = rollout.lines.iter_mut().rfind(|line| line["payload"]["request_payload"].is_object());
        last.expect("there are requests")["payload"]["stripped_tool_output_ids"] = ids;
        rollout.reduce()
    };
    let plain = with(json!([]));
    let named = with(json!([[0, "o1"]]));
    assert_eq!((told(&plain), told(&named)), (String::new(), String::new()));
    assert_ne!(facts(&plain), facts(&named));
    assert_eq!(facts(&with(json!([[1, "o1"]]))), facts(&plain));
    let twice = with(json!([[0, "o1"], [0, "o2"]]));
    assert_eq!(facts(&twice), facts(&named));
    insta::assert_snapshot!(told(&with(json!([[1, "o1"]]))) + &told(&twice));
}

#[test]
fn acceptances_with_other_documents() {
    let rollout = || {
        Edited::new(&ROLLOUT.replace("\nask i2", "\naccept o2 \"#o2 user hi\"\naccept o3 \"#o4 output c1 x\"\nask i2"))
    };
    let graph = rollout().reduce();
    insta::assert_snapshot!(told(&graph));
    assert_eq!(
        facts(&graph).conversation_items,
        Edited::new(ROLLOUT)
            .reduce()
            .conversation_items
            .into_iter()
            .map(|(id, mut item)| {
                // The two events move what follows by two.
                for (seq, time) in
                    [(&mut item.first_seen_seq, Some(&mut item.first_seen_at_unix_ms)), (&mut item.last_seen_seq, None)]
                {
                    if *seq >= 9 {
                        *seq += 2;
                        time.into_iter().for_each(|time| *time += 2);
                    }
                }
                if let Some(shown) = item.shown.as_mut().filter(|shown| shown.seq >= 9) {
                    shown.seq += 2;
                    let number = shown.payload_id.as_str().strip_prefix("raw_payload:").expect("a payload's number");
                    let number: u64 = number.parse().expect("a number");
                    shown.payload_id = format!("raw_payload:{}", number + 2).into();
                }
                (id, item)
            })
            .collect()
    );
}

#[test]
fn waits() {
    let script = r##"
schema 3
begin
ask i1 {"input":["user hello"]}
reply i1 {"response_id":"r1","output_items":["custom x1 exec text(1)","custom x2 exec text(2)"]}
cell 1 x1 text(1)
cell 2 x2 text(2)
call w1 wait
waits w1 1
waits w1 2
call w2 wait
in T -
waits w2 2
waits w3 1
end
"##;
    let graph = Edited::new(script).reduce();
    insta::assert_snapshot!(told(&graph));
    let waits = |cell: &str| {
        let cell = graph.code_cells.values().find(|found| found.code_cell_id.to_string() == cell).expect("a cell");
        cell.wait_tool_call_ids.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!((waits("code_cell:x1"), waits("code_cell:x2")), (vec!["w1".to_owned()], vec!["w2".to_owned()]));
}
