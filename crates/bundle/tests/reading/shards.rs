//! Payloads in the compressed shards of schema 3.

use std::{fs, ops::Range, path::Path, slice, sync::Arc};

use proptest::prelude::*;
use rollout_trace_bundle::{Bundle, Limits, PayloadBuffer, PayloadError, PayloadSource, Payloads};
use rollout_trace_schema::{Capture, PayloadKind, PayloadPlace, PayloadRef};
use tempfile::TempDir;

use crate::support::{bundle, event};

/// A record of a shard.
pub(crate) fn record(id: impl AsRef<[u8]>, document: impl AsRef<[u8]>) -> Vec<u8> {
    let (id, document) = (id.as_ref(), document.as_ref());
    let lens = [&(id.len() as u16).to_le_bytes()[..], &(document.len() as u64).to_le_bytes()].concat();
    [&lens, id, document].concat()
}

/// A frame as Codex writes it.
pub(crate) fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.include_contentsize(false).unwrap();
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// A frame that its writer flushed after every record and did not end.
pub(crate) fn open_frame(records: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    for record in records {
        std::io::Write::write_all(&mut encoder, record).unwrap();
        std::io::Write::flush(&mut encoder).unwrap();
    }
    encoder.get_ref().clone()
}

/// A bundle with these shards, numbered from 1, whose recording is closed.
pub(crate) fn closed(shards: &[&[u8]]) -> TempDir {
    with_log(shards, &format!("{}\n", event(3, 1, "end")))
}

/// A bundle with these shards, numbered from 1, whose recording is not closed.
pub(crate) fn unclosed(shards: &[&[u8]]) -> TempDir {
    with_log(shards, &format!("{}\n", event(3, 1, "turn")))
}

pub(crate) fn with_log(shards: &[&[u8]], log: &str) -> TempDir {
    let folder = bundle(3, log.as_bytes());
    fs::create_dir(folder.path().join("payloads")).unwrap();
    for (index, bytes) in shards.iter().enumerate() {
        write(folder.path(), index + 1, bytes);
    }
    folder
}

pub(crate) fn write(folder: &Path, shard: usize, bytes: &[u8]) {
    fs::write(folder.join(format!("payloads/{shard:06}.zst")), bytes).unwrap();
}

fn payloads(folder: &TempDir) -> Payloads {
    Bundle::open(folder.path()).unwrap().payloads()
}

pub(crate) fn at(id: &str, shard: u64) -> PayloadRef {
    PayloadRef::in_shard(id, PayloadKind::ModelItem, shard)
}

pub(crate) fn with_parts(reference: PayloadRef, parts: &[PayloadRef]) -> PayloadRef {
    PayloadRef { parts: parts.into(), ..reference }
}

pub(crate) fn truncated(reference: PayloadRef, original_bytes: u64, retained_bytes: u64) -> PayloadRef {
    PayloadRef { capture: Capture::Truncated { original_bytes, retained_bytes }, ..reference }
}

pub(crate) fn omitted(reference: PayloadRef) -> PayloadRef {
    let capture = Capture::Omitted { original_bytes: 9 };
    PayloadRef { capture, place: PayloadPlace::Shard(None), ..reference }
}

fn draw(folder: &TempDir, references: &[PayloadRef]) -> String {
    drawn(folder.path(), references)
}

/// Draws the documents and the problems, one per line.
pub(crate) fn drawn(folder: &Path, references: &[PayloadRef]) -> String {
    let mut source = Bundle::open(folder).unwrap().payloads();
    let mut drawing = String::new();
    for reference in references {
        let mut buffer = PayloadBuffer::default();
        let checked = source.is_json(reference, 512);
        drawing += &match source.load(reference, &mut buffer) {
            Err(error) => format!("{error}\n"),
            Ok(()) => {
                let text = String::from_utf8_lossy(buffer.bytes());
                let missing: Vec<&str> = buffer.missing_parts().iter().map(|id| id.as_str()).collect();
                let missing =
                    if missing.is_empty() { String::new() } else { format!(" without {}", missing.join(" ")) };
                let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
                assert!(is_json || !checked, "{text} is not JSON");
                format!("{} {text}{missing}\n", if is_json { "=" } else { "?" })
            }
        };
    }
    for problem in source.problems() {
        drawing += &format!("! {problem}\n");
    }
    drawing
}

#[test]
fn records_in_any_order_and_frames_one_after_the_other() {
    let first = frame(&[record("a", "1"), record("c", "[3]"), record("", "0"), record("unused", "{")].concat());
    let skippable = [&0x184D_2A50_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"any"].concat();
    let folder = closed(&[&[first, frame(b""), skippable, frame(&record("b", "2"))].concat(), b""]);
    insta::assert_snapshot!(draw(&folder, &[at("b", 1), at("a", 1), at("c", 1), at("", 1), at("a", 2)]), @"
    = 2
    = 1
    = [3]
    = 0
    a is not in payloads/000002.zst
    ");
}

#[test]
fn garbage_in_a_shard_that_nothing_refers_to() {
    let folder = closed(&[&frame(&record("a", "1")), b"no shard"]);
    insta::assert_snapshot!(draw(&folder, &[at("a", 1)]), @"= 1");
}

#[test]
fn shard_that_is_missing() {
    let folder = closed(&[]);
    insta::assert_snapshot!(draw(&folder, &[at("a", 1), at("b", 1)]), @"
    no file payloads/000001.zst
    no file payloads/000001.zst
    ! payloads/000001.zst is damaged: no file payloads/000001.zst; 2 payloads were lost
    ");
}

#[test]
fn bytes_that_are_not_zstandard() {
    let folder = closed(&[&record("a", "1"), &[frame(&record("a", "1")), b"junk".to_vec()].concat()]);
    insta::assert_snapshot!(draw(&folder, &[at("a", 1), at("a", 2)]), @"
    a is not among the records of payloads/000001.zst: Unknown frame descriptor
    = 1
    ! payloads/000001.zst is damaged: Unknown frame descriptor; 1 payload was lost
    ! payloads/000002.zst is damaged: Unknown frame descriptor; 0 payloads were lost
    ");
}

#[test]
fn wrong_checksum() {
    let mut shard = frame(&record("a", "1"));
    *shard.last_mut().unwrap() ^= 1;
    insta::assert_snapshot!(draw(&closed(&[&shard]), &[at("a", 1)]), @"
    = 1
    ! payloads/000001.zst is damaged: Restored data doesn't match checksum; 0 payloads were lost
    ");
}

#[test]
fn frame_that_ends_within_a_record() {
    let whole = [record("a", "1"), record("b", "22")].concat();
    for cut in [whole.len() - 1, record("a", "1").len() + 4] {
        for folder in [closed(&[&frame(&whole[..cut])]), unclosed(&[&frame(&whole[..cut])])] {
            assert_eq!(
                draw(&folder, &[at("a", 1), at("b", 1)]),
                "= 1\nb is not among the records of payloads/000001.zst: it ends within a record\n\
                 ! payloads/000001.zst is damaged: it ends within a record; 1 payload was lost\n"
            );
        }
    }
}

#[test]
fn claimed_length_of_any_size() {
    for len in [1 << 20, 1 << 63, u64::MAX] {
        let claim = [&1_u16.to_le_bytes()[..], &len.to_le_bytes(), b"b2"].concat();
        let folder = closed(&[&frame(&[record("a", "1"), claim].concat())]);
        assert!(draw(&folder, &[at("a", 1)]).starts_with("= 1\n! payloads/000001.zst is damaged"), "{len}");
    }
}

#[test]
fn frame_that_does_not_end() {
    let shard = open_frame(&[record("a", "1"), record("b", "2")]);
    insta::assert_snapshot!(draw(&unclosed(&[&shard]), &[at("a", 1), at("b", 1)]), @"
    = 1
    = 2
    ");
    insta::assert_snapshot!(draw(&closed(&[&shard]), &[at("a", 1), at("b", 1)]), @"
    = 1
    = 2
    ! the last frame of payloads/000001.zst does not end; every payload that is needed from it was read
    ");
    let torn = open_frame(&[record("a", "1"), record("b", "22")[..12].to_vec()]);
    insta::assert_snapshot!(draw(&unclosed(&[&torn]), &[at("a", 1), at("b", 1)]), @"
    = 1
    b is not in payloads/000001.zst
    ");
    let lower = [&torn[..], &frame(&record("c", "3"))];
    insta::assert_snapshot!(draw(&unclosed(&lower), &[at("a", 1), at("c", 2)]), @"
    = 1
    = 3
    ! payloads/000001.zst is damaged: it ends within a record; 0 payloads were lost
    ");
}

#[test]
fn shard_that_grows() {
    let folder = unclosed(&[&open_frame(&[record("a", "1")])]);
    let mut source = payloads(&folder);
    let mut buffer = PayloadBuffer::default();
    source.load(&at("a", 1), &mut buffer).unwrap();
    source.load(&at("b", 1), &mut buffer).unwrap_err();
    write(folder.path(), 1, &open_frame(&[record("a", "1"), record("b", "2")]));
    source.load(&at("b", 1), &mut buffer).unwrap();
    assert_eq!(buffer.bytes(), b"2");
}

#[test]
fn one_id_twice_and_an_id_that_is_not_utf8() {
    let records = [record("a", "1"), record("a", "1"), record("b", "2"), record("b", "3"), record(b"\xFF", "4")];
    insta::assert_snapshot!(draw(&closed(&[&frame(&records.concat())]), &[at("a", 1), at("b", 1)]), @"
    = 1
    = 2
    ! a record of payloads/000001.zst was skipped: a occurs twice
    ! a record of payloads/000001.zst was skipped: the id of a record, �, is not UTF-8
    ! payloads/000001.zst has b twice, with different content; the first one counts
    ");
}

#[test]
fn windows() {
    let bytes = record("a", format!("\"{}\"", "x".repeat(20 << 20)));
    for window_log in [22, 24, 27] {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        std::io::Write::write_all(&mut encoder, &bytes).unwrap();
        let folder = closed(&[&encoder.finish().unwrap()]);
        assert!(payloads(&folder).load(&at("a", 1), &mut PayloadBuffer::default()).is_ok(), "2^{window_log}");
    }
}

#[test]
fn limits() {
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    let shard = frame(&[record("a", "1"), record("b", &large), record("c", r#"["[",",",",","]"]"#)].concat());
    let folder = closed(&[&shard]);
    let limits = Limits { max_shard_bytes: 1 << 19, ..Limits::default() };
    let mut source = Bundle::open_with(folder.path(), limits).unwrap().payloads();
    let mut buffer = PayloadBuffer::default();
    source.load(&at("a", 1), &mut buffer).unwrap();
    assert!(matches!(source.load(&at("b", 1), &mut buffer), Err(PayloadError::Damaged { .. })));
    let limits = Limits { max_payload_bytes: 3 << 20, ..Limits::default() };
    let mut source = Bundle::open_with(folder.path(), limits).unwrap().payloads();
    let joined = with_parts(at("c", 1), &[at("b", 1), at("b", 1), at("b", 1)]);
    let error = source.load(&joined, &mut buffer).unwrap_err();
    assert!(matches!(error, PayloadError::TooLarge { bytes, .. } if bytes > 3 << 20), "{error}");
    assert!(!source.is_json(&joined, 512));
}

#[test]
fn parts() {
    let records = [
        record("item", r#"{"type":"a"}"#),
        record("text", r#""x""#),
        record("number", "12"),
        record("prompt", r#"["{\"input\":[", ",", "]}"]"#),
        record("in a string", r#"["[\"a", "b\"]"]"#),
        record("nested", r#"["[",",","]"]"#),
        record("no JSON", r#"["[","]]"]"#),
    ];
    let folder = closed(&[&frame(&records.concat())]);
    let item = at("item", 1);
    let prompt = with_parts(at("prompt", 1), &[item.clone(), at("text", 1)]);
    insta::assert_snapshot!(draw(&folder, &[
        prompt.clone(),
        with_parts(at("in a string", 1), &[at("number", 1)]),
        with_parts(at("nested", 1), &[prompt, item.clone()]),
        with_parts(at("no JSON", 1), slice::from_ref(&item)),
        with_parts(at("prompt", 1), slice::from_ref(&item)),
        with_parts(item, &[at("text", 1)]),
    ]), @r#"
    = {"input":[{"type":"a"},"x"]}
    = ["a12b"]
    = [{"input":[{"type":"a"},"x"]},{"type":"a"}]
    ? [{"type":"a"}]]
    prompt in payloads/000001.zst cannot be assembled: its record has 3 fragments, but its parts require 2
    item in payloads/000001.zst cannot be assembled: its record is not an array of strings: invalid type: map, expected a sequence at line 1 column 0
    "#);
}

#[test]
fn what_was_not_recorded() {
    let records = [record("cut", "12345"), record("whole", "1"), record("p", r#"["[",",",",","]"]"#)];
    let folder = closed(&[&frame(&records.concat())]);
    let cut = truncated(at("cut", 1), 9, 5);
    let left_out = omitted(at("\"gone\"", 1));
    let partial = with_parts(at("p", 1), &[cut.clone(), at("whole", 1), left_out.clone()]);
    insta::assert_snapshot!(draw(&folder, &[cut.clone(), left_out, partial.clone(), with_parts(at("p", 1), &[partial, cut.clone(), cut])]), @r#"
    cut was cut or left out because the recording has limits
    "gone" was cut or left out because the recording has limits
    = [{"$trace_unavailable":"cut"},1,{"$trace_unavailable":"\"gone\""}] without "gone" cut
    = [[{"$trace_unavailable":"cut"},1,{"$trace_unavailable":"\"gone\""}],{"$trace_unavailable":"cut"},{"$trace_unavailable":"cut"}] without "gone" cut
    ! 1 payload was cut, and 1 payload was left out, because the recording has limits
    "#);
}

#[test]
fn captures_that_do_not_fit() {
    let folder = closed(&[&frame(&[record("a", "12345"), record("b", "12345"), record("empty", "")].concat())]);
    let in_a_shard = PayloadRef { place: PayloadPlace::Shard(Some(1)), ..omitted(at("c", 1)) };
    let nowhere = PayloadRef { place: PayloadPlace::Shard(None), ..at("d", 1) };
    insta::assert_snapshot!(draw(&folder, &[truncated(at("a", 1), 9, 4), truncated(at("b", 1), 5, 5), truncated(at("empty", 1), 1, 0), in_a_shard, nowhere]), @"
    a was cut or left out because the recording has limits
    b was cut or left out because the recording has limits
    empty was cut or left out because the recording has limits
    c was cut or left out because the recording has limits
    the reference to d does not say where the payload is
    ! a counts as not recorded, but its reference contradicts itself or the shard: it was cut to 4 bytes, but its record has 5
    ! b counts as not recorded, but its reference contradicts itself or the shard: it was cut to 5 bytes, but had only 5
    ! c counts as not recorded, but its reference contradicts itself or the shard: it was left out, but its reference names a shard
    ! 3 payloads were cut, and 1 payload was left out, because the recording has limits
    ");
}

#[test]
fn parts_that_are_lost() {
    let records = [record("bad", "{"), record("empty", ""), record("p", r#"["[",",",",","]"]"#)];
    let folder = closed(&[&frame(&records.concat())]);
    let lost = with_parts(at("p", 1), &[at("bad", 1), at("gone", 1), at("empty", 1)]);
    insta::assert_snapshot!(draw(&folder, &[lost.clone(), omitted(with_parts(at("q", 1), &[at("other", 1)])), lost]), @r#"
    = [{"$trace_unavailable":"bad"},{"$trace_unavailable":"gone"},{"$trace_unavailable":"empty"}] without bad empty gone
    q was cut or left out because the recording has limits
    = [{"$trace_unavailable":"bad"},{"$trace_unavailable":"gone"},{"$trace_unavailable":"empty"}] without bad empty gone
    ! bad, which is part of other payloads, is lost: it is not JSON: it ends after 1 byte, where the name of a field was expected
    ! empty, which is part of other payloads, is lost: it is empty
    ! gone, which is part of other payloads, is lost: gone is not in payloads/000001.zst
    ! other, which is part of other payloads, is lost: other is not in payloads/000001.zst
    ! 0 payloads were cut, and 1 payload was left out, because the recording has limits
    "#);
}

#[test]
fn parts_as_deep_as_a_line_may_nest() {
    let (mut records, mut reference) = (record("0", "1"), at("0", 1));
    for level in 1..256 {
        records.extend(record(level.to_string(), r#"["[","]"]"#));
        reference = with_parts(at(&level.to_string(), 1), &[reference]);
    }
    let folder = closed(&[&frame(&records)]);
    let mut buffer = PayloadBuffer::default();
    payloads(&folder).load(&reference, &mut buffer).unwrap();
    assert_eq!(buffer.bytes(), format!("{}1{}", "[".repeat(255), "]".repeat(255)).as_bytes());
}

#[test]
fn what_a_document_has_in_common_with_the_one_before() {
    let shard = frame(&[record("a", r#"{"input":[1,2]}"#), record("b", r#"{"input":[1,2,3]}"#)].concat());
    let folder = closed(&[&shard]);
    let (mut source, mut buffer) = (payloads(&folder), PayloadBuffer::default());
    source.load(&at("a", 1), &mut buffer).unwrap();
    source.load(&at("b", 1), &mut buffer).unwrap();
    assert_eq!(buffer.bytes(), br#"{"input":[1,2,3]}"#);
    assert_eq!((buffer.unchanged_prefix(), buffer.unchanged_suffix()), (13, 2));
}

/// Cuts a shard at every byte and changes every bit: nothing panics, and the records whose blocks precede the damage
/// are read.
#[test]
fn damage() {
    let documents = ["\"one\"", "[2,2]", "{\"three\":3}"];
    let ids = ["a", "b", "c"];
    let records: Vec<_> = ids.iter().zip(documents).map(|(id, document)| record(id, document)).collect();
    let ends: Vec<usize> = (1..=3).map(|count| open_frame(&records[..count]).len()).collect();
    let mut whole = open_frame(&records);
    whole.extend([1, 0, 0, 0, 0, 0, 0]);
    let folder = closed(&[&whole]);
    let read = |bytes: &[u8]| {
        write(folder.path(), 1, bytes);
        let mut source = payloads(&folder);
        let read = ids.map(|id| {
            let mut buffer = PayloadBuffer::default();
            source.load(&at(id, 1), &mut buffer).ok().map(|()| buffer.bytes().to_vec())
        });
        (read, source.problems())
    };
    for at in 0..whole.len() {
        let (cut, problems) = read(&whole[..at]);
        for (index, end) in ends.iter().enumerate() {
            let expected = (at >= *end).then(|| documents[index].as_bytes().to_vec());
            assert_eq!(cut[index], expected, "cut at {at}");
        }
        assert!(!problems.is_empty() || at == 0, "cut at {at}");
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            let (changed, _) = read(&changed);
            // The header of the frame and the blocks before the change are whole.
            for (index, end) in ends.iter().enumerate().filter(|(_, end)| **end <= at) {
                let before = changed[index].as_deref();
                assert_eq!(before, Some(documents[index].as_bytes()), "bit {bit} of {at}, after {end}");
            }
        }
    }
}

/// A document, and where it is cut into parts.
fn cut_document() -> impl Strategy<Value = (Vec<String>, Vec<Range<usize>>)> {
    let value = prop_oneof![
        Just("null".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<String>().prop_map(|text| format!("{{\"a\":[{}]}}", serde_json::to_string(&text).unwrap())),
    ];
    (proptest::collection::vec(value, 1..12), proptest::collection::vec((0..12_usize, 1..3_usize), 0..6)).prop_map(
        |(values, cuts)| {
            let mut ranges: Vec<Range<usize>> = Vec::new();
            let mut cuts: Vec<_> = cuts.into_iter().filter(|(start, _)| *start < values.len()).collect();
            cuts.sort_unstable();
            for (start, _) in cuts {
                if ranges.last().is_none_or(|range| range.end <= start) {
                    ranges.push(start..start + 1);
                }
            }
            (values, ranges)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A document is assembled as it was, however its values are distributed among parts and shards.
    #[test]
    fn assembled_is_as_it_was((values, cuts) in cut_document(), shards in proptest::collection::vec(1..3_usize, 12)) {
        let mut records = [Vec::new(), Vec::new()];
        let (mut fragments, mut parts) = (vec!["[".to_owned()], Vec::new());
        for (index, value) in values.iter().enumerate() {
            let comma = if index + 1 < values.len() { "," } else { "]" };
            if cuts.iter().any(|cut| cut.start == index) {
                let shard = shards[index];
                let id = format!("part {index}");
                records[shard - 1].extend(record(&id, value));
                parts.push(at(&id, shard as u64));
                fragments.push(comma.to_owned());
            } else {
                *fragments.last_mut().unwrap() += &format!("{value}{comma}");
            }
        }
        let whole = format!("[{}]", values.join(","));
        let document = if parts.is_empty() { whole.clone() } else { serde_json::to_string(&fragments).unwrap() };
        records[0].extend(record("whole", document));
        let folder = closed(&[&frame(&records[0]), &frame(&records[1])]);
        let reference = PayloadRef { parts: Arc::from(parts.as_slice()), ..at("whole", 1) };
        let mut source = payloads(&folder);
        prop_assert_eq!(source.is_json(&reference, 512), !parts.is_empty());
        let mut buffer = PayloadBuffer::default();
        source.load(&reference, &mut buffer).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(buffer.bytes()), whole);
        prop_assert_eq!(buffer.missing_parts(), &[]);
        prop_assert_eq!(source.problems(), vec![]);
    }
}
