//! Documents read back exactly as `serde_json` writes them.

mod reading;
mod shape;

use std::{ops::Range, sync::Mutex};

use proptest::prelude::*;
use rollout_trace_bundle::PayloadBuffer;
use rollout_trace_schema::{
    json_text::{MAX_NESTING, Nesting, check_document},
    packed::{FILE_HEADER_LEN, FileHeader, PackVersion, RecordHeader, RecordMeta},
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use self::reading::Reader;
use super::{
    Compared, FingerprintKey, Hint, HintOutcome, KnownTexts, NextBase, Scratch, Spares, WalkContext, WalkError,
    json_text, whole,
};
use crate::request_shape::RequestShape;

const HEADER: FileHeader = FileHeader { version: PackVersion::NEWEST, salt: 0x5eed };

/// A pack in memory with one thread's comparison state.
struct Pack {
    key: FingerprintKey,
    known: Mutex<KnownTexts>,
    spares: Spares,
    compared: Compared,
    bytes: Vec<u8>,
    expected: Vec<Vec<u8>>,
}

/// How a document is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Request,
    Relative,
    Whole,
    Body,
    Shrunk,
}

impl Pack {
    fn new() -> Self {
        Self {
            key: FingerprintKey::random(),
            known: Mutex::default(),
            spares: Spares::default(),
            compared: Compared::default(),
            bytes: HEADER.encode().to_vec(),
            expected: Vec::new(),
        }
    }

    /// Records a document. Returns how many bytes of data it took.
    fn put<T: Serialize + ?Sized>(&mut self, document: &T, way: Way, unchanged: usize) -> Result<usize, WalkError> {
        let context = WalkContext {
            key: &self.key,
            known: &self.known,
            spares: &self.spares,
            redaction: None,
            max_document: 1 << 24,
        };
        let (mut scratch, next): (Scratch, NextBase) = match way {
            Way::Request | Way::Shrunk => {
                if way == Way::Shrunk {
                    self.compared.shrink();
                }
                (self.compared.request(&context, document, hint(unchanged))?.scratch, NextBase::Walked)
            }
            Way::Relative => (self.compared.relative(&context, document)?.scratch, NextBase::Unchanged),
            Way::Whole => (whole(&context, document)?.scratch, NextBase::Unchanged),
            Way::Body => {
                let body = json_text(document)?;
                self.compared.body(&context, &body)?
            }
        };
        let number = self.expected.len() as u64 + 1;
        let data_len = scratch.draft.record.data_len();
        let mut sealed = self.compared.seal(&mut scratch.draft, number, HEADER.checksums());
        let bytes = sealed.at(self.bytes.len() as u64).to_vec();
        self.bytes.extend(bytes);
        self.known.lock().expect("not poisoned").learn(&scratch.draft, number);
        self.compared.advance(number, &mut scratch, next);
        scratch.draft.reuse(sealed);
        self.spares.give(scratch);
        self.expected.push(serde_json::to_vec(document).map_err(|error| WalkError::Custom(error.to_string()))?);
        Ok(data_len)
    }

    /// Reads all documents back, each into an empty buffer and each into one that contains the document before it.
    fn check(&self) {
        let mut one_by_one = Reader::open(&self.bytes);
        let mut buffer = PayloadBuffer::default();
        for (number, expected) in (1_u64..).zip(&self.expected) {
            let before = buffer.bytes().to_vec();
            one_by_one.load(number, &mut buffer).expect("a document");
            let document = buffer.bytes();
            assert_eq!(String::from_utf8_lossy(document), String::from_utf8_lossy(expected), "record {number}");
            assert_eq!(buffer.holes(), []);
            let (prefix, suffix) = (buffer.unchanged_prefix(), buffer.unchanged_suffix());
            assert_eq!(before.get(..prefix), document.get(..prefix));
            assert!(before.ends_with(&document[document.len() - suffix..]));
            let mut alone = PayloadBuffer::default();
            one_by_one.another().load(number, &mut alone).expect("a document");
            assert!(alone.bytes() == expected);
        }
    }
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        6 => Just(Way::Request),
        1 => Just(Way::Relative),
        1 => Just(Way::Whole),
        1 => Just(Way::Body),
        1 => Just(Way::Shrunk),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_shape_is_read_back(session in shape::session(false), ways in prop::collection::vec(way(), 9)) {
        let mut pack = Pack::new();
        for (document, way) in session.iter().zip(ways) {
            pack.put(document, way, 0).expect("nothing fails");
        }
        pack.check();
    }

    #[test]
    fn a_failed_document_changes_nothing(session in shape::session(true), ways in prop::collection::vec(way(), 9)) {
        let mut pack = Pack::new();
        for (document, way) in session.iter().zip(ways) {
            let taken = pack.put(document, way, 0).is_ok();
            let text = json_text(document);
            prop_assert_eq!(taken, text.is_ok());
            if let Ok(text) = text {
                // What is taken is JSON. (The raw values of this test are.)
                prop_assert!(check_document(&text, Nesting::default()).is_ok());
                prop_assert_eq!(text, serde_json::to_vec(document).expect("it has a text"));
            }
        }
        pack.check();
    }
}

fn hint(unchanged: usize) -> Hint {
    Hint { shape: RequestShape::RESPONSES, unchanged }
}

fn item(index: usize) -> Value {
    json!({"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": format!("item {index} says \"something\"\n").repeat(20)}]})
}

fn request(items: &[Value]) -> Value {
    json!({"model": "m", "instructions": "be good ".repeat(100), "input": items, "tools": [{"name": "exec_command"}], "turn": items.len()})
}

#[derive(Serialize)]
struct Wrapped<'w> {
    id: u32,
    body: &'w Value,
}

#[test]
fn only_what_is_new_is_stored() {
    for way in [Way::Request, Way::Body, Way::Shrunk] {
        let mut pack = Pack::new();
        let mut items: Vec<Value> = (0..50).map(item).collect();
        let first = pack.put(&request(&items), way, 0).expect("plain");
        assert!(first > 10_000);
        for turn in 0..100 {
            items.push(item(1000 + turn));
            let new = serde_json::to_vec(&items[items.len() - 1]).expect("JSON").len();
            let took = pack.put(&request(&items), way, 0).expect("plain");
            assert!(took < new + 100, "{way:?}: {took} bytes for an item of {new}");
        }
        pack.check();
    }
}

#[test]
fn an_edit_at_the_start_stores_the_edit_alone() {
    for way in [Way::Request, Way::Shrunk] {
        let mut pack = Pack::new();
        let items: Vec<Value> = (0..50).map(item).collect();
        pack.put(&request(&items), way, 0).expect("plain");
        let mut edited = items.clone();
        edited[0] = item(77);
        edited.remove(20);
        edited.swap(30, 31);
        let took = pack.put(&request(&edited), way, 0).expect("plain");
        assert!(took < 900, "{way:?}: {took}");
        let took = pack.put(&request(&items), way, 0).expect("plain");
        assert!(took < 100, "{way:?}: {took}");
        pack.check();
    }
}

#[test]
fn a_compaction_stores_the_new_items_alone() {
    let mut pack = Pack::new();
    let items: Vec<Value> = (0..50).map(item).collect();
    pack.put(&request(&items), Way::Request, 0).expect("plain");
    let replacement = [item(0), item(90), item(49)];
    let checkpoint = json!({"input_history": items, "replacement_history": replacement});
    let took = pack.put(&checkpoint, Way::Relative, 0).expect("plain");
    assert!(took < 900, "{took}");
    let took = pack.put(&request(&replacement), Way::Request, 0).expect("plain");
    assert!(took < 100, "{took}");
    pack.check();
}

#[test]
fn a_tool_output_is_shared_with_the_request_that_repeats_it() {
    let mut pack = Pack::new();
    let output = "a long line of output with \"quotes\"\n".repeat(50);
    let result = json!({"type": "direct_response", "response_item":
        {"type": "function_call_output", "call_id": "c", "output": output}});
    let first = pack.put(&result, Way::Whole, 0).expect("plain");
    assert!(first > output.len());
    let item = json!({"type": "function_call_output", "id": "fco_1", "call_id": "c", "output": output});
    for way in [Way::Request, Way::Body] {
        let took = pack.put(&json!({"input": [item]}), way, 0).expect("plain");
        assert!(took < 150, "{way:?}: {took}");
    }
    let took = pack.put(&json!({"output_items": [item]}), Way::Whole, 0).expect("plain");
    assert!(took < 50, "a whole item is shared, too: {took}");
    pack.check();
}

#[test]
fn a_wrapped_history_is_compared_as_well() {
    let mut pack = Pack::new();
    let items: Vec<Value> = (0..50).map(item).collect();
    pack.put(&Wrapped { id: 1, body: &request(&items) }, Way::Request, 0).expect("plain");
    let took = pack.put(&Wrapped { id: 2, body: &request(&items[..49]) }, Way::Request, 0).expect("plain");
    assert!(took < 100, "{took}");
    pack.check();
}

#[test]
fn a_correct_hint_changes_nothing_and_a_wrong_one_is_found() {
    let mut pack = Pack::new();
    let mut items: Vec<Value> = (0..10).map(item).collect();
    pack.put(&request(&items), Way::Request, 5).expect("a hint without a base is of no use");
    items.push(item(10));
    pack.put(&request(&items), Way::Request, 10).expect("plain");
    pack.put(&request(&items[..4]), Way::Request, 99).expect("more than there are");
    pack.check();
    let context = WalkContext {
        key: &pack.key,
        known: &pack.known,
        spares: &pack.spares,
        redaction: None,
        max_document: 1 << 24,
    };
    items[2] = item(99);
    let walked = pack.compared.request(&context, &request(&items), hint(4)).expect("plain");
    assert_eq!(walked.hint == HintOutcome::Wrong, cfg!(debug_assertions));
}

#[test]
fn a_chain_of_bases_ends() {
    let mut pack = Pack::new();
    let mut items = vec![item(0)];
    for turn in 1..100 {
        items.push(item(turn));
        pack.put(&request(&items), Way::Request, 0).expect("plain");
    }
    let mut chains = vec![0];
    let mut at = FILE_HEADER_LEN;
    while at < pack.bytes.len() {
        let header = RecordHeader::decode(&pack.bytes[at..], HEADER.checksums(), at as u64).expect("a record");
        let meta = at + header.meta_offset() as usize;
        let meta = &pack.bytes[meta..meta + header.meta_len as usize];
        let meta = RecordMeta::decode(meta, header.number, header.data_len).expect("a sound description");
        chains.push(meta.base.map_or(0, |base| chains[base as usize] + 1));
        at += header.record_len() as usize;
    }
    assert_eq!(chains.iter().max(), Some(&31));
    pack.check();
}

#[test]
fn a_document_has_a_limit() {
    let pack = Pack::new();
    let context =
        WalkContext { key: &pack.key, known: &pack.known, spares: &pack.spares, redaction: None, max_document: 1000 };
    let check = |document: &Value, fits: bool| {
        let result = whole(&context, document);
        assert_eq!(result.is_ok(), fits, "{:?}", result.err());
    };
    check(&json!("x".repeat(900)), true);
    check(&json!("x".repeat(1001)), false);
    check(&json!(vec!["x".repeat(90); 9]), true);
    check(&json!(vec!["x".repeat(90); 11]), false);
}

/// Returns lines of a file in the form in which a tool shows them.
fn lines(numbers: Range<usize>) -> String {
    numbers.map(|line| format!("{line:5} let \"value\" = {};\n", line * line)).collect()
}

#[test]
fn lines_that_are_shown_again_are_stored_once() {
    let mut pack = Pack::new();
    let result = |text: String| json!({"type": "output", "text": text});
    let first = pack.put(&result(lines(0..400)), Way::Whole, 0).expect("plain");
    let from_another_line = pack.put(&result(lines(37..400)), Way::Whole, 0).expect("plain");
    assert!(from_another_line * 3 < first, "{from_another_line} of {first}");
    let changed =
        pack.put(&result(lines(0..400).replacen("  200 let", "  200 const", 1)), Way::Whole, 0).expect("plain");
    assert!(changed * 3 < first, "{changed} of {first}");
    let in_another_frame = pack.put(&json!([{"chunk": 1, "output": lines(0..400)}]), Way::Whole, 0).expect("plain");
    assert!(in_another_frame < 60, "{in_another_frame}");
    // One request that shows the text, and one that is passed as bytes.
    let mut items: Vec<Value> = (0..4).map(item).collect();
    pack.put(&request(&items), Way::Request, 0).expect("plain");
    items.push(result(lines(10..390)));
    let shown = pack.put(&request(&items), Way::Request, 0).expect("plain");
    assert!(shown * 2 < first, "{shown} of {first}");
    items.push(result(lines(37..400)));
    let as_bytes = pack.put(&request(&items), Way::Body, 0).expect("plain");
    assert!(as_bytes < 10_000, "{as_bytes}");
    pack.check();
}

#[test]
fn each_byte_of_a_pack_may_be_damaged() {
    let mut pack = Pack::new();
    let mut items: Vec<Value> = (0..4).map(item).collect();
    for turn in 0..4 {
        items.push(item(10 + turn));
        pack.put(&request(&items), Way::Request, 0).expect("plain");
        pack.put(&json!({"output": "y".repeat(200), "turn": turn}), Way::Whole, 0).expect("plain");
    }
    for shown in [0..70, 5..70] {
        items.push(json!({"text": lines(shown)}));
        pack.put(&request(&items), Way::Request, 0).expect("plain");
    }
    let documents = pack.expected.len() as u64;
    let (mut lost, mut with_holes, mut whole_ones) = (0, 0, 0);
    for at in FILE_HEADER_LEN..pack.bytes.len() {
        let mut damaged = pack.bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let mut reader = Reader::open(&damaged);
        let mut affected = 0;
        for number in 1..=documents {
            let expected = &pack.expected[number as usize - 1];
            let mut buffer = PayloadBuffer::default();
            let loaded = reader.load(number, &mut buffer);
            let document = buffer.bytes();
            match loaded {
                Err(_) => (lost, affected) = (lost + 1, affected + 1),
                Ok(()) if !buffer.holes().is_empty() => {
                    (with_holes, affected) = (with_holes + 1, affected + 1);
                    assert!(serde_json::from_slice::<Value>(document).is_ok(), "byte {at}, record {number}");
                }
                Ok(()) => {
                    whole_ones += 1;
                    assert!(document == expected, "byte {at}, record {number}");
                }
            }
        }
        assert!(affected > 0, "the damage of byte {at} was not found");
    }
    assert!(with_holes > lost && whole_ones > lost, "{lost} lost, {with_holes} with holes, {whole_ones} whole");
}

#[test]
fn a_pack_may_be_cut_at_each_byte() {
    let mut pack = Pack::new();
    let mut ends = Vec::new();
    let mut items = Vec::new();
    for turn in 0..5 {
        items.push(item(turn));
        pack.put(&request(&items), Way::Request, 0).expect("plain");
        ends.push(pack.bytes.len());
    }
    for cut in FILE_HEADER_LEN..pack.bytes.len() {
        let mut growing = Reader::open(&pack.bytes[..cut]);
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        for number in 1..=whole as u64 {
            growing.load(number, &mut PayloadBuffer::default()).expect("a whole record");
        }
        growing.load(whole as u64 + 1, &mut PayloadBuffer::default()).expect_err("a record that is cut");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
                                      cut: prop::sample::Index, twice: bool) {
        let mut pack = Pack::new();
        for turn in 1..6 {
            pack.put(&request(&(0..turn).map(item).collect::<Vec<_>>()), Way::Request, 0).expect("plain");
        }
        let mut bytes = pack.bytes.clone();
        if twice {
            bytes.extend_from_slice(&pack.bytes);
        }
        bytes.truncate(FILE_HEADER_LEN + cut.index(bytes.len() - FILE_HEADER_LEN));
        for (at, byte) in edits {
            if bytes.len() > FILE_HEADER_LEN {
                let at = FILE_HEADER_LEN + at.index(bytes.len() - FILE_HEADER_LEN);
                bytes[at] = byte;
            }
        }
        let mut reader = Reader::open(&bytes);
        for number in 0..8 {
            let mut buffer = PayloadBuffer::default();
            if reader.load(number, &mut buffer).is_ok() && buffer.holes().is_empty() {
                prop_assert!(buffer.bytes() == pack.expected[number as usize - 1]);
            }
        }
    }
}

/// Arrays in one another.
struct Deep {
    levels: usize,
    inside: Inside,
}

/// What is between two arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    Options,
    /// An enum variant with fields, and no array.
    Variants,
    OptionsOnly,
}

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.levels == 0 {
            return s.serialize_unit();
        }
        let inner = Self { levels: self.levels - 1, inside: self.inside };
        match self.inside {
            Inside::Nothing => [inner].serialize(s),
            Inside::Options => [Some(inner)].serialize(s),
            Inside::Variants => s.serialize_newtype_variant("E", 0, "variant", &inner),
            Inside::OptionsOnly => s.serialize_some(&inner),
        }
    }
}

#[test]
fn a_value_may_nest_as_deep_as_readers_accept() {
    let pack = Pack::new();
    let context = WalkContext {
        key: &pack.key,
        known: &pack.known,
        spares: &pack.spares,
        redaction: None,
        max_document: 1 << 20,
    };
    let taken = |levels, inside| {
        let deep = Deep { levels, inside };
        let text = json_text(&deep);
        let walked = whole(&context, &deep).map(drop);
        assert_eq!(walked.is_ok(), text.is_ok(), "{levels} {inside:?}");
        let too_deep = Err(WalkError::TooDeep { limit: MAX_NESTING }.to_string());
        match &text {
            Ok(text) => assert!(check_document(text, Nesting::default()).is_ok()),
            Err(_) => assert_eq!(walked.map_err(|error| error.to_string()), too_deep),
        }
        text.is_ok()
    };
    for inside in [Inside::Nothing, Inside::Variants] {
        assert!(taken(MAX_NESTING, inside), "{inside:?}");
        assert!(!taken(MAX_NESTING + 1, inside), "{inside:?}");
    }
    for inside in [Inside::Nothing, Inside::Options, Inside::Variants, Inside::OptionsOnly] {
        assert!(taken(400, inside), "{inside:?}");
        assert!(!taken(1_000_000, inside), "{inside:?}");
    }
}

#[test]
fn brackets_in_strings_may_become_arrays() {
    let pack = Pack::new();
    let context = WalkContext {
        key: &pack.key,
        known: &pack.known,
        spares: &pack.spares,
        redaction: None,
        max_document: 1 << 20,
    };
    let levels = MAX_NESTING + 1;
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    // The last body of each nests too deep. Between it and the first one, strings begin and end elsewhere.
    for bodies in [
        [format!("[\"{open}{close}\"]"), format!("[{open}{close}\"]")],
        [format!("[\"\\\"{open}{close}\"]"), format!("[\"\"{open}{close}\"]")],
        [format!("[\"\\\\\\\"{open}{close}\"]"), format!("[\"\\\\\"{open}{close}\"]")],
    ] {
        let mut compared = Compared::default();
        let (mut scratch, next) = compared.body(&context, bodies[0].as_bytes()).expect("one level");
        drop(compared.seal(&mut scratch.draft, 1, HEADER.checksums()));
        compared.advance(1, &mut scratch, next);
        let again = compared.body(&context, bodies[0].as_bytes()).map(drop);
        assert!(again.is_ok(), "{again:?}");
        let second = compared.body(&context, bodies[1].as_bytes()).map(drop);
        assert!(matches!(second, Err(WalkError::TooDeep { .. })), "{second:?}: {:.20}", bodies[1]);
    }
}
