//! Payloads in a pack: read back exactly, and damage is found wherever it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use rollout_trace_bundle::{
    Bundle, Limits, PayloadBuffer, PayloadError, PayloadLayout, PayloadPack, PayloadSource, Problem, convert,
};
use rollout_trace_schema::{
    PayloadKind, PayloadPlace, PayloadRef,
    packed::{FILE_HEADER_LEN, FileHeader, PACK_ROOM, RECORD_HEADER_LEN, RecordHeader},
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    dependants::Dependants,
    support::{bundle, write_manifest},
};

/// A document and the thread whose request it is.
type Document = (Option<u8>, Vec<u8>);

/// A bundle of files and the pack that it was converted to.
struct Pack {
    folder: TempDir,
    documents: BTreeMap<u64, Vec<u8>>,
}

impl Pack {
    fn of(documents: &[Document]) -> Self {
        let mut log = String::new();
        for (number, (thread, _)) in (1..).zip(documents) {
            let Some(thread) = thread else { continue };
            let reference = json!({
                "raw_payload_id": format!("raw_payload:{number}"), "kind": {"type": "inference_request"},
                "path": format!("payloads/{number}.json"),
            });
            let event = json!({
                "schema_version": 2, "seq": number, "wall_time_unix_ms": 1, "rollout_id": "rollout",
                "payload": {"type": "inference_started", "inference_call_id": "i", "thread_id": format!("t{thread}"),
                    "codex_turn_id": "u", "model": "m", "provider_name": "p", "request_payload": reference},
            });
            log += &format!("{event}\n");
        }
        let files = bundle(2, log.as_bytes());
        fs::create_dir(files.path().join("payloads")).unwrap();
        for (number, (_, bytes)) in (1..).zip(documents) {
            fs::write(files.path().join(format!("payloads/{number}.json")), bytes).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let bundle = Bundle::open(files.path()).unwrap();
        let converted = convert(&bundle, folder.path().join("packed"), PayloadLayout::Packed).unwrap();
        assert_eq!((converted.payloads, converted.losses.len()), (documents.len() as u64, 0));
        let documents = (1..).zip(documents).map(|(number, (_, bytes))| (number, bytes.clone())).collect();
        Self { folder, documents }
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("packed")
    }

    fn path(&self) -> PathBuf {
        self.bundle().join("payloads.pack")
    }

    fn source(&self) -> PayloadPack {
        PayloadPack::open(self.bundle(), &Limits::default()).unwrap()
    }

    /// Returns the records' headers and their offsets.
    fn records(&self) -> Vec<(u64, RecordHeader)> {
        let bytes = fs::read(self.path()).unwrap();
        let checksums = FileHeader::decode(&bytes).unwrap().checksums();
        let mut at = FILE_HEADER_LEN as u64;
        let mut records = Vec::new();
        while at < bytes.len() as u64 {
            let header = RecordHeader::decode(&bytes[at as usize..], checksums, at).unwrap();
            records.push((at, header));
            at += header.record_len();
        }
        records
    }

    /// Loads every document into one buffer. A document without marks must be what was written.
    fn read(&self) -> Read {
        let mut read = Read::default();
        let mut payloads = Bundle::open(self.bundle()).unwrap().payloads();
        let mut buffer = PayloadBuffer::default();
        for (&number, written) in &self.documents {
            let before = buffer.bytes().to_vec();
            match payloads.load(&reference(number), &mut buffer) {
                Ok(()) if buffer.holes().is_empty() => {
                    assert!(buffer.bytes() == written, "document {number} differs");
                    assert_unchanged(&before, &buffer);
                    read.whole.push(number);
                }
                Ok(()) => {
                    serde_json::from_slice::<serde_json::Value>(buffer.bytes()).unwrap();
                    read.marked.push(number);
                }
                Err(_) => {
                    assert!(buffer.bytes() == before, "a failure leaves the buffer as it was");
                    read.lost.push(number);
                }
            }
        }
        read
    }
}

/// Which documents could be read.
#[derive(Debug, Default, PartialEq)]
struct Read {
    whole: Vec<u64>,
    marked: Vec<u64>,
    lost: Vec<u64>,
}

fn reference(number: u64) -> PayloadRef {
    PayloadRef::at_path(
        format!("raw_payload:{number}"),
        PayloadKind::InferenceRequest,
        format!("payloads/{number}.json"),
    )
}

fn assert_unchanged(before: &[u8], buffer: &PayloadBuffer) {
    let (prefix, suffix, bytes) = (buffer.unchanged_prefix(), buffer.unchanged_suffix(), buffer.bytes());
    assert!(prefix + suffix <= before.len().min(bytes.len()));
    assert_eq!(before[..prefix], bytes[..prefix]);
    assert_eq!(before[before.len() - suffix..], bytes[bytes.len() - suffix..]);
}

fn request(items: &[String]) -> Vec<u8> {
    format!(r#"{{"model":"m","input":[{}],"tools":[{{"name":"t"}}],"store":false}}"#, items.join(",")).into_bytes()
}

/// Returns the requests of two threads whose histories grow, with the results of their tools in between. They are long
/// enough for a list of pieces without a base.
fn session(requests: usize) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut histories = [vec![json!({"task": "a"}).to_string()], vec![json!({"task": "b"}).to_string()]];
    for number in 0..requests {
        let thread = usize::from(number % 5 == 4);
        documents.push((Some(thread as u8), request(&histories[thread])));
        let output = format!("output {number} ").repeat(12);
        documents.push((None, json!({"result": output}).to_string().into_bytes()));
        histories[thread].push(json!({"call": number}).to_string());
        histories[thread].push(json!({"output": output, "n": number}).to_string());
    }
    documents
}

fn flip(file: &mut File, at: u64, byte: u8) {
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte]).unwrap();
}

#[test]
fn what_was_written_is_read() {
    let pack = Pack::of(&session(80));
    let written: usize = pack.documents.values().map(Vec::len).sum();
    let packed = fs::metadata(pack.path()).unwrap().len() as usize;
    assert!(packed * 8 < written, "{packed} for {written}");
    assert_eq!(pack.read().whole.len(), pack.documents.len());

    // The documents are read from the last to the first, and also each into a buffer of its own.
    let mut source = pack.source();
    assert_eq!(source.numbers().unwrap(), pack.documents.keys().copied().collect::<Vec<_>>());
    assert_eq!(source.unsound_bytes().unwrap(), 0);
    let mut backwards = PayloadBuffer::default();
    for (&number, written) in pack.documents.iter().rev() {
        let before = backwards.bytes().to_vec();
        source.load(&reference(number), &mut backwards).unwrap();
        assert_eq!(backwards.bytes(), written);
        assert_unchanged(&before, &backwards);
        let mut fresh = PayloadBuffer::default();
        pack.source().load(&reference(number), &mut fresh).unwrap();
        assert_eq!(fresh.bytes(), written);
    }
}

#[test]
fn what_a_request_repeats_is_not_touched() {
    let pack = Pack::of(&session(80));
    let mut source = pack.source();
    let mut buffer = PayloadBuffer::default();
    for number in pack.documents.keys().filter(|number| *number % 2 == 1 && *number % 10 != 9) {
        let before = buffer.bytes().len();
        source.load(&reference(*number), &mut buffer).unwrap();
        if before > 0 {
            assert!(buffer.unchanged_prefix() + buffer.unchanged_suffix() >= before, "document {number}");
        }
    }
}

#[test]
fn a_buffer_of_another_pack_is_not_patched() {
    let (left, right) = (Pack::of(&session(6)), Pack::of(&session(7)));
    let mut buffer = PayloadBuffer::default();
    left.source().load(&reference(3), &mut buffer).unwrap();
    right.source().load(&reference(5), &mut buffer).unwrap();
    assert_eq!(buffer.bytes(), right.documents[&5]);
}

#[test]
fn any_byte_flipped() {
    let pack = Pack::of(&session(40));
    let sound = fs::read(pack.path()).unwrap();
    let dependants = Dependants::of(&sound);
    let mut file = OpenOptions::new().write(true).open(pack.path()).unwrap();
    for (at, byte) in sound.iter().copied().enumerate() {
        // Every bit is flipped at some bytes.
        flip(&mut file, at as u64, byte ^ (1 << (at % 8)));
        let read = pack.read();
        flip(&mut file, at as u64, byte);
        if at < FILE_HEADER_LEN {
            assert_eq!(read.whole.len(), pack.documents.len(), "the header, byte {at}");
            continue;
        }
        let expected = dependants.of_byte(at as u64);
        let concerned: BTreeSet<u64> = read.marked.iter().chain(&read.lost).copied().collect();
        assert_eq!(concerned, expected, "byte {at} of record {}", dependants.record_at(at as u64));
        assert!(!expected.is_empty(), "byte {at} has no purpose");
    }
    assert_eq!(fs::read(pack.path()).unwrap(), sound);
}

#[test]
fn a_damaged_item_is_a_mark() {
    let pack = Pack::of(&session(40));
    let sound = fs::read(pack.path()).unwrap();
    let mut file = OpenOptions::new().write(true).open(pack.path()).unwrap();
    for (offset, header) in pack.records() {
        // The first record of a thread has the text around the items, which all its requests share; the other records
        // have only items.
        let has_items = header.number % 2 == 1 && ![1, 9].contains(&header.number);
        let data = offset + RECORD_HEADER_LEN as u64..offset + header.meta_offset();
        for at in data.filter(|_| has_items) {
            let byte = sound[at as usize];
            flip(&mut file, at, byte ^ 1);
            let read = pack.read();
            flip(&mut file, at, byte);
            assert!(read.lost.is_empty() && !read.marked.is_empty(), "byte {at} of record {}", header.number);
        }
    }
}

#[test]
fn cut_at_any_byte() {
    let pack = Pack::of(&session(12));
    let sound = fs::read(pack.path()).unwrap();
    let records = pack.records();
    for length in 0..sound.len() {
        fs::write(pack.path(), &sound[..length]).unwrap();
        let whole = records.iter().filter(|(offset, header)| offset + header.record_len() <= length as u64).count();
        let read = pack.read();
        assert_eq!((read.whole.len(), read.marked.len()), (whole, 0), "cut at {length}");
        // A bundle that is being written is not damaged.
        assert_eq!(Bundle::open(pack.bundle()).unwrap().problems(), [], "cut at {length}");
    }
}

#[test]
fn a_pack_that_grows() {
    let pack = Pack::of(&session(12));
    let (sound, records) = (fs::read(pack.path()).unwrap(), pack.records());
    fs::write(pack.path(), b"").unwrap();
    let mut payloads = Bundle::open(pack.bundle()).unwrap().payloads();
    let mut buffer = PayloadBuffer::default();
    let mut file = OpenOptions::new().append(true).open(pack.path()).unwrap();
    let mut written = 0;
    for (offset, header) in records {
        for until in [offset + 10, offset + header.record_len() - 1, offset + header.record_len()] {
            assert!(payloads.load(&reference(header.number), &mut buffer).is_err());
            file.write_all(&sound[written..until as usize]).unwrap();
            written = until as usize;
        }
        payloads.load(&reference(header.number), &mut buffer).unwrap();
        assert_eq!(buffer.bytes(), pack.documents[&header.number]);
    }
}

#[test]
fn a_pack_whose_writer_reserves_room() {
    let pack = Pack::of(&session(6));
    let whole = fs::read(pack.path()).unwrap();
    let (last, header) = pack.records().pop().unwrap();
    let number = header.number;
    let write_at = |at: u64, bytes: &[u8]| {
        let mut file = OpenOptions::new().write(true).open(pack.path()).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
    };
    // The record is not written yet. Room is not damage, and the file already has its full length.
    let mut with_room = whole[..last as usize].to_vec();
    with_room.resize(whole.len() + 1000, 0);
    fs::write(pack.path(), &with_room).unwrap();
    let mut source = pack.source();
    let mut buffer = PayloadBuffer::default();
    assert_eq!(source.unsound_bytes().unwrap(), 0);
    assert!(matches!(source.load(&reference(number), &mut buffer), Err(PayloadError::NotPacked { .. })));

    // The record is being written.
    let half = last as usize + header.record_len() as usize / 2;
    write_at(last, &whole[last as usize..half]);
    assert!(source.load(&reference(number), &mut buffer).is_err());
    assert!(source.unsound_bytes().unwrap() > 0);

    // The record is complete.
    write_at(half as u64, &whole[half..]);
    source.load(&reference(number), &mut buffer).unwrap();
    assert!(buffer.bytes() == pack.documents[&number]);
    assert_eq!(source.unsound_bytes().unwrap(), 0);

    // More zeros than a writer reserves are damage.
    write_at(whole.len() as u64 + PACK_ROOM, &[0]);
    assert_eq!(pack.source().unsound_bytes().unwrap(), PACK_ROOM + 1);
}

#[test]
fn records_after_a_torn_one() {
    let pack = Pack::of(&session(4));
    let sound = fs::read(pack.path()).unwrap();
    let records = pack.records();
    // A write failed halfway and the writer continued. The later records know their own offsets.
    let (offset, header) = records[3];
    let mut torn = sound.clone();
    let (from, to) = ((offset + header.record_len() / 2) as usize, (offset + header.record_len()) as usize);
    torn[from..to].fill(0);
    fs::write(pack.path(), &torn).unwrap();
    let read = pack.read();
    assert!(!read.whole.contains(&header.number) && read.whole.len() >= 3, "{read:?}");
    assert!(pack.source().unsound_bytes().unwrap() >= header.record_len());
}

#[test]
fn headers_of_the_file() {
    let pack = Pack::of(&session(2));
    let sound = fs::read(pack.path()).unwrap();
    let problems = || Bundle::open(pack.bundle()).unwrap().problems().to_vec();
    fs::write(pack.path(), b"{\"not\": \"a pack\", \"but\": \"some text\"}").unwrap();
    assert!(matches!(problems()[..], [Problem::PackUnreadable { .. }]));
    assert_eq!(pack.read().lost.len(), 4);
    let mut newer = FileHeader::new(7).encode();
    newer[7] = 3;
    // The header's checksum has the seed 0.
    let check = FileHeader::new(0).checksums().of_header(&newer[..16], 0);
    newer[16..].copy_from_slice(&check.to_le_bytes());
    fs::write(pack.path(), newer).unwrap();
    insta::assert_snapshot!(problems()[0], @"payloads.pack cannot be read: version 3 of the packed layout is unknown: update rollout-trace");
    let mut damaged = sound;
    damaged[9] ^= 4;
    fs::write(pack.path(), damaged).unwrap();
    assert!(matches!(problems()[..], [Problem::PackHeader { .. }]));
}

#[test]
fn files_beside_the_pack() {
    let pack = Pack::of(&session(2));
    let mut payloads = Bundle::open(pack.bundle()).unwrap().payloads();
    let mut buffer = PayloadBuffer::default();
    let mut load = |path: &str| {
        let reference = PayloadRef { place: PayloadPlace::Path(path.to_owned()), ..reference(1) };
        payloads.load(&reference, &mut buffer).map(|()| buffer.bytes().len())
    };
    fs::create_dir(pack.bundle().join("payloads")).unwrap();
    fs::write(pack.bundle().join("payloads/odd.json"), b"[]").unwrap();
    fs::write(pack.bundle().join("payloads/9.json"), b"{}").unwrap();
    assert_eq!(load("payloads/odd.json").unwrap(), 2);
    assert_eq!(load("payloads/9.json").unwrap(), 2);
    assert_eq!(load("./payloads//1.json").unwrap(), pack.documents[&1].len());
    insta::assert_snapshot!(load("payloads/10.json").unwrap_err(), @"payloads/10.json is neither in payloads.pack nor a file");
    assert!(matches!(load("../x/payloads/1.json"), Err(PayloadError::Escapes { .. })));

    // Without a manifest, a pack is used because it exists.
    fs::remove_file(pack.bundle().join("manifest.json")).unwrap();
    assert_eq!(pack.read().whole.len(), 4);
    // If the manifest names no layout, files come first.
    write_manifest(&pack.bundle(), 2);
    fs::write(pack.bundle().join("payloads/1.json"), b"[1]").unwrap();
    let mut payloads = Bundle::open(pack.bundle()).unwrap().payloads();
    payloads.load(&reference(1), &mut buffer).unwrap();
    assert_eq!(buffer.bytes(), b"[1]");
    payloads.load(&reference(2), &mut buffer).unwrap();
    assert_eq!(buffer.bytes(), pack.documents[&2]);
}

#[test]
fn folders_are_kept_even_empty_ones() {
    let pack = Pack::of(&session(1));
    fs::create_dir_all(pack.bundle().join("notes/empty")).unwrap();
    for (layout, name) in [(PayloadLayout::Packed, "packed again"), (PayloadLayout::Files, "files")] {
        let converted = pack.bundle().with_file_name(name);
        convert(&Bundle::open(pack.bundle()).unwrap(), &converted, layout).unwrap();
        assert!(converted.join("notes/empty").is_dir());
    }
}

#[test]
fn a_document_larger_than_the_limit() {
    let pack = Pack::of(&session(3));
    let limits = Limits { max_payload_bytes: 100, ..Limits::default() };
    let mut source = PayloadPack::open(pack.bundle(), &limits).unwrap();
    let error = source.load(&reference(5), &mut PayloadBuffer::default()).unwrap_err();
    assert!(matches!(error, PayloadError::TooLarge { limit: 100, .. }), "{error}");
}

/// Returns documents that repeat those before them, cut, joined and damaged in every way.
fn documents() -> impl Strategy<Value = Vec<Document>> {
    let item = prop_oneof![
        "[a-z\"\\\\{}, ]{0,200}".prop_map(|text| json!({"text": text}).to_string()),
        Just(json!({"text": "the same long text ".repeat(12)}).to_string()),
        Just("1".to_owned()),
        Just("\"s\"".to_owned()),
    ];
    let change = (0..6_u8, any::<prop::sample::Index>(), item, proptest::option::weighted(0.8, 0..3_u8));
    prop::collection::vec(change, 1..60).prop_map(|changes| {
        let mut histories: [Vec<String>; 3] = Default::default();
        let mut documents = Vec::new();
        for (change, at, item, thread) in changes {
            let history = &mut histories[usize::from(thread.unwrap_or(0))];
            match change {
                0 if !history.is_empty() => drop(history.remove(at.index(history.len()))),
                1 => history.insert(at.index(history.len() + 1), item),
                2 if history.len() > 10 => drop(history.drain(..5)),
                _ => history.push(item),
            }
            let mut document = request(history);
            if change == 5 {
                document.truncate(at.index(document.len()));
            }
            documents.push((thread, document));
        }
        documents
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_documents_come_back(documents in documents(), order: Vec<prop::sample::Index>) {
        let pack = Pack::of(&documents);
        prop_assert_eq!(pack.read().whole.len(), documents.len());
        let (mut source, mut buffer) = (pack.source(), PayloadBuffer::default());
        for index in order {
            let number = 1 + index.index(documents.len()) as u64;
            let before = buffer.bytes().to_vec();
            source.load(&reference(number), &mut buffer).unwrap();
            prop_assert_eq!(buffer.bytes(), &pack.documents[&number]);
            assert_unchanged(&before, &buffer);
        }
        let back = pack.folder.path().join("back");
        convert(&Bundle::open(pack.bundle()).unwrap(), &back, PayloadLayout::Files).unwrap();
        for (number, bytes) in &pack.documents {
            let path = back.join(format!("payloads/{number}.json"));
            prop_assert!(fs::read(path).unwrap() == *bytes);
        }
    }

    #[test]
    fn damage_of_any_kind(documents in documents(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 3]>()), 1..8)) {
        let pack = Pack::of(&documents);
        let mut bytes = fs::read(pack.path()).unwrap();
        for (at, garbage) in damage {
            let at = at.index(bytes.len());
            let end = (at + garbage.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&garbage[..end - at]);
        }
        fs::write(pack.path(), bytes).unwrap();
        // `read` checks every document.
        pack.read();
        let out = pack.folder.path().join("out");
        convert(&Bundle::open(pack.bundle()).unwrap(), &out, PayloadLayout::Files).unwrap();
        prop_assert!(Path::new(&out).join("trace.jsonl").exists());
    }
}

/// Makes a bundle with a document and five more that repeat its text many times, so that its pack is far smaller than any
/// of them.
fn amplified() -> (TempDir, PathBuf) {
    let (folder, work) = (bundle(2, b""), tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join("payloads")).unwrap();
    let text = format!("\"{}\"", "x".repeat(10_000));
    for number in 1..=6 {
        let times = if number == 1 { 1 } else { 100 };
        let document = format!("{{\"input\":[{number}{}]}}", format!(",{text}").repeat(times));
        fs::write(folder.path().join(format!("payloads/{number}.json")), document).unwrap();
    }
    let packed = work.path().join("packed");
    convert(&Bundle::open(folder.path()).unwrap(), &packed, PayloadLayout::Packed).unwrap();
    assert!(fs::metadata(packed.join("payloads.pack")).unwrap().len() < 50_000);
    (work, packed)
}

#[test]
fn the_sum_of_the_documents_is_limited() {
    let (work, packed) = amplified();
    let load_all = |limits: Limits| -> Vec<String> {
        let (mut payloads, mut buffer) =
            (Bundle::open_with(&packed, limits).unwrap().payloads(), PayloadBuffer::default());
        let references = (1..=6).map(|number| {
            PayloadRef::at_path(
                format!("raw_payload:{number}"),
                PayloadKind::ProtocolEvent,
                format!("payloads/{number}.json"),
            )
        });
        let loaded = references.map(|reference| payloads.load(&reference, &mut buffer));
        loaded.filter_map(|loaded| loaded.err().map(|error| error.to_string())).collect()
    };
    assert_eq!(load_all(Limits::default()), [""; 0]);
    let amplified = Limits { max_amplified_bytes: 2_000_000, ..Limits::default() };
    insta::assert_snapshot!(load_all(amplified).join("\n"), @"
    payloads/5.json was not read: the payloads before it are more than 2000000 bytes longer than what is stored (max_amplified_bytes)
    payloads/6.json was not read: the payloads before it are more than 2000000 bytes longer than what is stored (max_amplified_bytes)
    ");
    let total = Limits { max_total_payload_bytes: 4_000_000, ..Limits::default() };
    insta::assert_snapshot!(load_all(total).join("\n"), @"
    payloads/6.json was not read: payloads of more than 4000000 bytes were (max_total_payload_bytes)
    ");
    // What a conversion writes is limited in the same way, and so is what it reports.
    let files = work.path().join("files");
    let converted = convert(&Bundle::open_with(&packed, amplified).unwrap(), &files, PayloadLayout::Files).unwrap();
    assert_eq!((converted.payloads, converted.losses.len()), (4, 2));
    // Files are as long as what is stored.
    let limits = Limits { max_amplified_bytes: 0, ..Limits::default() };
    let again = convert(&Bundle::open_with(&files, limits).unwrap(), work.path().join("again"), PayloadLayout::Packed);
    assert_eq!(again.unwrap().losses, []);
}
