//! The shards of schema 3 in a pack: read as from their files, and damage is found wherever it is.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace_bundle::{
    Bundle, ConvertError, Converted, Limits, PayloadBuffer, PayloadLayout, PayloadSource, convert,
};
use rollout_trace_schema::{PayloadKind, PayloadRef};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    shards::{at, drawn, frame, omitted, open_frame, record, truncated, with_log, with_parts},
    support::{bundle, event},
};

/// The end of a log.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Closed,
    Unclosed,
}

/// Makes a bundle whose log refers to these payloads.
fn with_references(shards: &[&[u8]], references: &[PayloadRef], end: End) -> TempDir {
    let mut log = String::new();
    for reference in references {
        let payload = match reference.kind {
            PayloadKind::PreparedPrompt => json!({
                "type": "inference_started", "inference_call_id": "i", "thread_id": "t", "codex_turn_id": "u",
                "model": "m", "provider_name": "p", "request_payload": omitted(at("request", 1)),
                "prepared_prompt_payload": reference,
            }),
            _ => json!({ "type": "protocol_event_observed", "event_type": "e", "event_payload": reference }),
        };
        log += &line(payload);
    }
    if end == End::Closed {
        log += &format!("{}\n", event(3, 9, "end"));
    }
    with_log(shards, &log)
}

fn line(payload: Value) -> String {
    let event =
        json!({ "schema_version": 3, "seq": 1, "wall_time_unix_ms": 1, "rollout_id": "rollout", "payload": payload });
    format!("{event}\n")
}

/// A bundle, and the same with its shards in a pack.
struct Both {
    folder: TempDir,
    packed: TempDir,
    converted: Converted,
}

impl Both {
    fn of(folder: TempDir) -> Self {
        let packed = TempDir::new().unwrap();
        let bundle = Bundle::open(folder.path()).unwrap();
        let converted = convert(&bundle, packed.path().join("b"), PayloadLayout::Packed).unwrap();
        let log = |folder: &Path| fs::read(folder.join("trace.jsonl")).unwrap();
        assert_eq!(log(folder.path()), log(&packed.path().join("b")));
        Self { folder, packed, converted }
    }

    fn packed(&self) -> PathBuf {
        self.packed.path().join("b")
    }

    /// Draws the payloads, which must be the same in both forms.
    fn draw(&self, references: &[PayloadRef]) -> String {
        let drawing = drawn(self.folder.path(), references);
        assert_eq!(drawn(&self.packed(), references), drawing);
        drawing
    }

    /// Returns what was reported, one loss a line.
    fn losses(&self) -> String {
        self.converted.losses.iter().map(|loss| format!("{}: {}\n", loss.path, loss.reason)).collect()
    }

    /// Returns the shards that are files beside the pack.
    fn kept(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.packed().join("payloads")) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        for name in &names {
            let bytes = |folder: &Path| fs::read(folder.join("payloads").join(name)).unwrap();
            assert_eq!(bytes(self.folder.path()), bytes(&self.packed()));
        }
        names
    }
}

/// Every kind of record: of documents whole, in parts, cut and of no use, and of ids that other shards have too.
fn mixed() -> (Vec<Vec<u8>>, Vec<PayloadRef>) {
    let prompt = |items: usize| {
        let commas = r#"",","#.repeat(items - 1);
        format!(r#"["{{\"input\":[",{commas}"],\"tools\":[{}]}}"]"#, r#"{\"name\":\"a tool\"},"#.repeat(40) + "1")
    };
    let first = [
        record("raw_payload:1", r#"{"type":"message","content":[{"text":"one"}]}"#),
        record("raw_payload:2", r#"{"type":"message","content":[{"text":"two"}]}"#),
        record("raw_payload:10", prompt(1)),
        record("raw_payload:4", prompt(2)),
        record("raw_payload:03", "[3]"),
        record("a", "1"),
        record("", "0"),
        record("raw_payload:5", ""),
        record("raw_payload:6", b"\"\xFF\""),
        record("unused", "{"),
    ];
    let second = [
        record("raw_payload:2", r#""another two""#),
        record("raw_payload:1", r#"{"type":"message","content":[{"text":"one"}]}"#),
        record("raw_payload:7", r#"{"input":["cut o"#),
    ];
    let prompts = [
        with_parts(at("raw_payload:10", 1), &[at("raw_payload:1", 1)]),
        with_parts(at("raw_payload:4", 1), &[at("raw_payload:1", 1), at("raw_payload:2", 2)]),
    ];
    let prompts = prompts.map(|prompt| PayloadRef { kind: PayloadKind::PreparedPrompt, ..prompt });
    let others = [
        at("raw_payload:2", 1),
        at("raw_payload:2", 2),
        at("raw_payload:1", 2),
        at("raw_payload:03", 1),
        at("a", 1),
        at("", 1),
        at("raw_payload:5", 1),
        at("raw_payload:6", 1),
        truncated(at("raw_payload:7", 2), 300, 16),
        omitted(at("raw_payload:8", 1)),
    ];
    let shards = vec![frame(&first.concat()), open_frame(&second)];
    (shards, prompts.into_iter().chain(others).collect())
}

#[test]
fn every_record_is_read_as_from_its_shard() {
    let (shards, references) = mixed();
    let shards: Vec<&[u8]> = shards.iter().map(Vec::as_slice).collect();
    let unclosed = Both::of(with_references(&shards, &references, End::Unclosed));
    insta::assert_snapshot!(unclosed.draw(&references).replace(&r#"{"name":"a tool"},"#.repeat(40), "…"), @r#"
    = {"input":[{"type":"message","content":[{"text":"one"}]}],"tools":[…1]}
    = {"input":[{"type":"message","content":[{"text":"one"}]},"another two"],"tools":[…1]}
    = {"type":"message","content":[{"text":"two"}]}
    = "another two"
    = {"type":"message","content":[{"text":"one"}]}
    = [3]
    = 1
    = 0
    ? 
    = "�"
    raw_payload:7 was cut or left out because the recording has limits
    raw_payload:8 was cut or left out because the recording has limits
    ! 1 payload was cut, and 1 payload was left out, because the recording has limits
    "#);
    assert_eq!((unclosed.losses(), unclosed.kept()), (String::new(), vec![]));
    assert_eq!((unclosed.converted.payloads, unclosed.converted.payload_bytes), (13, 2007));
    let manifest = fs::read_to_string(unclosed.packed().join("manifest.json")).unwrap();
    assert!(manifest.contains(r#""payload_layout":"packed-2""#), "{manifest}");

    let closed = Both::of(with_references(&shards, &references, End::Closed));
    assert!(closed.draw(&references).contains("! the last frame of payloads/000002.zst does not end"));
    insta::assert_snapshot!(closed.losses(), @"payloads/000002.zst: its last frame does not end, so it may lack records");

    let wrong = [at("a", 2), at("b", 1), at("raw_payload:9", 1), at("raw_payload:1", 3)];
    insta::assert_snapshot!(closed.draw(&wrong), @"
    a is not in payloads/000002.zst
    b is not in payloads/000001.zst
    raw_payload:9 is not in payloads/000001.zst
    no file payloads/000003.zst
    ! payloads/000002.zst is damaged: it ends early; 1 payload was lost
    ! payloads/000003.zst is damaged: no file payloads/000003.zst; 1 payload was lost
    ");
}

#[test]
fn a_pack_is_packed_again() {
    let (shards, references) = mixed();
    let shards: Vec<&[u8]> = shards.iter().map(Vec::as_slice).collect();
    let once = Both::of(with_references(&shards, &references, End::Unclosed));
    let again = once.packed.path().join("again");
    let converted = convert(&Bundle::open(once.packed()).unwrap(), &again, PayloadLayout::Packed).unwrap();
    assert_eq!(converted, once.converted);
    assert_eq!(drawn(&again, &references), once.draw(&references));
}

/// Returns the files of the shards, and the records of each: decompressed, and whether the frame ends.
fn shards(folder: &Path) -> BTreeMap<String, (Vec<u8>, bool)> {
    let entries = fs::read_dir(folder.join("payloads")).unwrap().map(|entry| entry.unwrap());
    let read = |path: &Path| {
        let (mut bytes, mut decoder) = (Vec::new(), zstd::Decoder::new(fs::File::open(path).unwrap()).unwrap());
        let end = std::io::Read::read_to_end(&mut decoder, &mut bytes);
        (bytes, end.is_ok())
    };
    entries.map(|entry| (entry.file_name().into_string().unwrap(), read(&entry.path()))).collect()
}

#[test]
fn the_way_back_restores_the_shards() {
    let (bytes, references) = mixed();
    let bytes: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    for end in [End::Unclosed, End::Closed] {
        // The third shard has no records, the fourth none and no end, and the fifth is not a shard.
        let open = &frame(b"")[..6];
        let both = Both::of(with_references(&[bytes[0], bytes[1], b"", open, b"garbage"], &references, end));
        let back = both.packed.path().join("back");
        let converted = convert(&Bundle::open(both.packed()).unwrap(), &back, PayloadLayout::Shards).unwrap();
        assert_eq!(converted, both.converted);
        for file in ["trace.jsonl", "manifest.json", "payloads/000005.zst"] {
            assert_eq!(fs::read(back.join(file)).unwrap(), fs::read(both.folder.path().join(file)).unwrap(), "{file}");
        }
        assert_eq!(shards(&back), shards(both.folder.path()));
        assert_eq!(drawn(&back, &references), both.draw(&references));
        assert!(!back.join("payloads.pack").exists());

        let again = both.packed.path().join("again");
        convert(&Bundle::open(&back).unwrap(), &again, PayloadLayout::Shards).unwrap();
        assert_eq!(shards(&again), shards(&back));
    }
}

#[test]
fn the_way_back_from_a_damaged_pack_claims_no_more_than_is_left() {
    let (bytes, references) = mixed();
    let bytes: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    let both = Both::of(with_references(&bytes, &references, End::Closed));
    let path = both.packed().join("payloads.pack");
    let sound = fs::read(&path).unwrap();
    let expected = shards(both.folder.path());
    for at in (24..sound.len()).step_by(31) {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).unwrap();
        let back = both.packed.path().join(format!("back{at}"));
        let converted = convert(&Bundle::open(both.packed()).unwrap(), &back, PayloadLayout::Shards).unwrap();
        assert_ne!(converted.losses, [], "{at}");
        for (name, (bytes, is_ended)) in shards(&back) {
            let is_whole = expected[&name].0 == bytes;
            let has_marks = bytes.windows(7).any(|window| window == b"damaged");
            assert!(is_whole || has_marks || !is_ended, "{name} with byte {at} changed");
        }
    }
}

#[test]
fn shards_are_of_schema_3() {
    let target = TempDir::new().unwrap();
    for schema in [1, 2] {
        let folder = bundle(schema, event(schema, 1, "turn").as_bytes());
        let converted =
            convert(&Bundle::open(folder.path()).unwrap(), target.path().join("copy"), PayloadLayout::Shards);
        assert!(matches!(converted, Err(ConvertError::NoShardsLayout { .. })));
        assert!(!target.path().join("copy").exists());
    }
}

#[test]
fn one_file_per_payload_is_refused() {
    let folder = with_references(&[&frame(&record("raw_payload:1", "{}"))], &[at("raw_payload:1", 1)], End::Closed);
    let target = TempDir::new().unwrap();
    let converted = convert(&Bundle::open(folder.path()).unwrap(), target.path().join("copy"), PayloadLayout::Files);
    assert!(matches!(converted, Err(ConvertError::NoFilesLayout { .. })));
    assert!(!target.path().join("copy").exists());
}

#[test]
fn shards_that_stay_files() {
    let sound = frame(&record("raw_payload:1", "1"));
    let mut checksum = frame(&record("raw_payload:2", "2"));
    *checksum.last_mut().unwrap() ^= 1;
    let twice = frame(&[record("raw_payload:3", "3"), record("raw_payload:3", "3")].concat());
    let within = frame(&record("raw_payload:4", "44")[..20]);
    let torn = open_frame(&[record("raw_payload:5", "5"), record("raw_payload:6", "66")[..20].to_vec()]);
    let shards = [&sound[..], &checksum, &twice, &within, b"garbage", &torn];
    let references: Vec<PayloadRef> = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 7), (1, 2)]
        .map(|(id, shard)| at(&format!("raw_payload:{id}"), shard))
        .to_vec();
    let unclosed = Both::of(with_references(&shards, &references, End::Unclosed));
    insta::assert_snapshot!(unclosed.draw(&references), @"
    = 1
    = 2
    = 3
    raw_payload:4 is not among the records of payloads/000004.zst: it ends within a record
    = 5
    no file payloads/000007.zst
    raw_payload:1 is not among the records of payloads/000002.zst: Restored data doesn't match checksum
    ! payloads/000002.zst is damaged: Restored data doesn't match checksum; 1 payload was lost
    ! a record of payloads/000003.zst was skipped: raw_payload:3 occurs twice
    ! payloads/000004.zst is damaged: it ends within a record; 1 payload was lost
    ! payloads/000006.zst is damaged: it ends within a record; 0 payloads were lost
    ! payloads/000007.zst is damaged: no file payloads/000007.zst; 1 payload was lost
    ");
    insta::assert_snapshot!(unclosed.losses(), @"
    payloads/000002.zst: it is damaged, and was copied as it is: Restored data doesn't match checksum; 1 payload is lost
    payloads/000004.zst: it is damaged, and was copied as it is: it ends within a record; 1 payload is lost
    payloads/000006.zst: it ends within a record, and was copied as it is
    payloads/000007.zst: no file payloads/000007.zst
    ");
    assert_eq!(unclosed.kept(), ["000002.zst", "000003.zst", "000004.zst", "000005.zst", "000006.zst"]);
    let closed = Both::of(with_references(&shards, &references[..5], End::Closed));
    closed.draw(&references);
    assert!(closed.losses().contains("payloads/000006.zst: it ends within a record, and was copied as it is\n"));
}

#[test]
fn what_is_beyond_the_limits_stays_a_file() {
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    let shards = [frame(&record("raw_payload:1", &large)), frame(&record("raw_payload:2", "2"))];
    let references = [at("raw_payload:1", 1), at("raw_payload:2", 2)];
    let folder = with_references(&[&shards[0], &shards[1]], &references, End::Closed);
    let target = TempDir::new().unwrap();
    for (name, limits) in [
        ("payload", Limits { max_payload_bytes: 1 << 19, ..Limits::default() }),
        ("shard", Limits { max_shard_bytes: 1 << 19, ..Limits::default() }),
    ] {
        let packed = target.path().join(name);
        convert(&Bundle::open_with(folder.path(), limits).unwrap(), &packed, PayloadLayout::Packed).unwrap();
        assert!(packed.join("payloads/000001.zst").exists(), "{name}");
        assert_eq!(drawn(&packed, &references), drawn(folder.path(), &references), "{name}");
    }
}

/// Every byte of a pack is changed: a document is read as it was, or reported.
#[test]
fn damaged_packs() {
    let (shards, references) = mixed();
    let shards: Vec<&[u8]> = shards.iter().map(Vec::as_slice).collect();
    let both = Both::of(with_references(&shards, &references, End::Unclosed));
    let path = both.packed().join("payloads.pack");
    let sound = fs::read(&path).unwrap();
    let read = || -> BTreeMap<usize, Vec<u8>> {
        let mut source = Bundle::open(both.packed()).unwrap().payloads();
        let mut buffer = PayloadBuffer::default();
        let mut documents = BTreeMap::new();
        for (index, reference) in references.iter().enumerate() {
            let is_whole = source.load(reference, &mut buffer).is_ok()
                && buffer.holes().is_empty()
                && buffer.missing_parts().is_empty();
            if is_whole {
                documents.insert(index, buffer.bytes().to_vec());
            }
        }
        documents
    };
    let expected = read();
    assert_eq!(expected.len(), 10);
    let mut lost = 0;
    for at in (0..sound.len()).step_by(7) {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, damaged).unwrap();
        let found = read();
        for (index, document) in &found {
            assert!(expected[index] == *document, "{} with byte {at} changed", references[*index]);
        }
        lost += usize::from(found.len() < expected.len());
    }
    assert!(lost > 0);
}
