//! How lines are read that are not as a writer writes them.

use crate::support::{bundle, draw, event};
use proptest::prelude::*;
use rollout_trace_bundle::{Bundle, Limits};

fn read(lines: &[&[u8]]) -> String {
    draw(bundle(2, &lines.join(&b"\n"[..])).path(), Limits::default())
}

/// Returns event 1 with one text replaced.
fn changed(from: &str, to: &str) -> String {
    let line = event(2, 1, "turn");
    assert!(line.contains(from), "{line}");
    line.replace(from, to) + "\n"
}

#[test]
fn windows_line_ends_and_blank_lines() {
    insta::assert_snapshot!(read(&[b"\xEF\xBB\xBF", event(2, 1, "a").as_bytes(), b"\r\n  \r\n", event(2, 2, "b").as_bytes(), b""]), @"
    1 a (line 2)
    2 b (line 6)
    ");
}

#[test]
fn not_utf8() {
    let mut line = event(2, 1, "turn").into_bytes();
    let at = line.windows(4).position(|window| window == b"turn").unwrap();
    line[at] = 0xFF;
    insta::assert_snapshot!(read(&[&line, b""]), @"
    ! line 1: the line has bytes that are not UTF-8; they were replaced by U+FFFD
    1 turn (line 1)
    ");
}

#[test]
fn lone_surrogate() {
    insta::assert_snapshot!(read(&[changed("\"turn\"", r#""a\ud83db""#).as_bytes()]), @"1 a�b (line 1)");
}

#[test]
fn unknown_type() {
    insta::assert_snapshot!(read(&[changed("codex_turn_started", "invented").as_bytes()]), @"1 turn (line 1)");
}

#[test]
fn known_type_that_does_not_fit() {
    insta::assert_snapshot!(read(&[changed("\"turn\"", "7").as_bytes()]), @"1 codex_turn_started (line 1)");
}

#[test]
fn rollout_id_missing() {
    insta::assert_snapshot!(read(&[changed("\"rollout_id\":\"rollout\",", "").as_bytes()]), @"
    ! line 1: the event's envelope is damaged: rollout_id is missing
    1 turn (line 1)
    ");
}

#[test]
fn every_optional_field_missing() {
    insta::assert_snapshot!(read(&[br#"{"payload":{"type":"rollout_ended","status":"completed"}}"#]), @"
    ! line 1: the event's envelope is damaged: seq is missing; schema_version is missing; wall_time_unix_ms is missing; rollout_id is missing
    1 rollout_ended (line 1, no newline)
    ");
}

#[test]
fn fields_of_wrong_type() {
    let line = br#"{"schema_version":"2","seq":"1","wall_time_unix_ms":1.5,"rollout_id":7,"thread_id":[],"codex_turn_id":{},"payload":{"type":"thread_resumed","thread_id":"root"}}"#;
    insta::assert_snapshot!(read(&[line]), @r#"
    ! line 1: the event's envelope is damaged: seq: invalid type: string "1", expected u64; schema_version: invalid type: string "2", expected u32; wall_time_unix_ms: invalid type: floating point `1.5`, expected i64; rollout_id: invalid type: integer `7`, expected an id, which is a string; thread_id: invalid type: sequence, expected an id, which is a string; codex_turn_id: invalid type: map, expected an id, which is a string
    1 thread_resumed (line 1, no newline)
    "#);
}

#[test]
fn seq_without_successor() {
    insta::assert_snapshot!(read(&[changed("\"seq\":1", &format!("\"seq\":{}", u64::MAX)).as_bytes()]), @"
    ! line 1: the event's envelope is damaged: seq is 18446744073709551615, which no event can have
    1 turn (line 1)
    ");
}

#[test]
fn no_envelope() {
    insta::assert_snapshot!(read(&[b"[]", b"7", b"{}", b"{\"payload\":7}", b"\0\0\0", b"{\"seq\":1}"]), @"
    ! line 1: the line is not an event: it is JSON, but not an object
    ! line 2: the line is not an event: it is JSON, but not an object
    ! line 3: the line is not an event: it has no payload
    ! line 4: the line is not an event: its payload is not an object
    ! line 5: the line is not an event: expected value at column 1
    ! line 6: the line is not an event: it has no payload
    ");
}

#[test]
fn a_field_twice() {
    insta::assert_snapshot!(read(&[changed("\"seq\":1", "\"seq\":9,\"seq\":1").as_bytes()]), @"1 turn (line 1)");
}

#[test]
fn nesting() {
    let nested =
        |depth: usize| changed("\"turn\"", &format!("\"turn\",\"x\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    // The envelope and the payload are two levels.
    insta::assert_snapshot!(read(&[nested(510).as_bytes()]), @"1 turn (line 1)");
    insta::assert_snapshot!(read(&[nested(511).as_bytes()]), @"! line 1: the line is not an event: it nests deeper than the limit of 512 at byte 570");
    let shallow = Limits { max_nesting: 3, ..Limits::default() };
    insta::assert_snapshot!(draw(bundle(2, nested(2).as_bytes()).path(), shallow), @"! line 1: the line is not an event: it nests deeper than the limit of 3 at byte 61");
}

/// Returns an event in the form in which writers write it: the version comes first.
fn written(seq: u64) -> String {
    let payload = format!(r#"{{"type":"codex_turn_started","codex_turn_id":"turn {seq}","thread_id":"root"}}"#);
    format!(r#"{{"schema_version":2,"seq":{seq},"wall_time_unix_ms":1,"rollout_id":"rollout","payload":{payload}}}"#)
}

#[test]
fn damaged_newline() {
    let line = format!("{}x{}", written(1), written(2));
    insta::assert_snapshot!(read(&[line.as_bytes(), written(3).as_bytes(), b""]), @"
    ! line 1: the line is damaged; 2 events could be read from it
    1 turn 1 (line 1, no newline)
    2 turn 2 (line 1)
    3 turn 3 (line 2)
    ");
}

#[test]
fn nesting_of_events_that_share_a_line() {
    // The envelope and the payload are two levels.
    let nested = |depth: usize| {
        let field = format!("\"of_tomorrow\":{}{},\"thread_id\"", "[".repeat(depth - 2), "]".repeat(depth - 2));
        written(1).replace("\"thread_id\"", &field)
    };
    let line = |depth: usize| format!("{}x{}", nested(depth), written(2));
    for depth in [511, 512] {
        assert_eq!(read(&[line(depth).as_bytes()]), read(&[line(3).as_bytes()]), "{depth}");
    }
    insta::assert_snapshot!(read(&[line(512).as_bytes(), b""]), @"
    ! line 1: the line is damaged; 2 events could be read from it
    1 turn 1 (line 1, no newline)
    2 turn 2 (line 1)
    ");
    insta::assert_snapshot!(read(&[line(513).as_bytes(), b""]), @"
    ! line 1: the line is damaged; one event could be read from it
    2 turn 2 (line 1)
    ");
}

#[test]
fn a_writer_continues_after_a_torn_line() {
    let line = format!("{}{}", &written(2)[..40], written(3));
    insta::assert_snapshot!(read(&[written(1).as_bytes(), line.as_bytes(), written(4).as_bytes(), b""]), @"
    1 turn 1 (line 1)
    ! line 2: the line is damaged; one event could be read from it
    3 turn 3 (line 2)
    4 turn 4 (line 3)
    ");
}

#[test]
fn torn_after_a_damaged_newline() {
    let line = format!("{} {}", written(1), &written(2)[..60]);
    insta::assert_snapshot!(read(&[line.as_bytes()]), @"
    ! line 1: the line is damaged; one event could be read from it
    1 turn 1 (line 1, no newline)
    ");
}

#[test]
fn long_line() {
    let log = [event(2, 1, "a"), event(2, 2, &"b".repeat(1000)), event(2, 3, "c"), String::new()].join("\n");
    let limits = Limits { max_line_bytes: 500, ..Limits::default() };
    insta::assert_snapshot!(draw(bundle(2, log.as_bytes()).path(), limits), @"
    1 a (line 1)
    ! line 2: the line is longer than the limit of 500 bytes; its event is lost
    3 c (line 3)
    ");
}

/// Logs of whole events, damaged events and noise.
fn log() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => (0_u64..20, 1_u32..4).prop_map(|(seq, version)| event(version, seq, "turn").into_bytes()),
        1 => (0_u64..20).prop_map(|seq| event(2, seq, "end").into_bytes()),
        1 => any::<u64>().prop_map(|seq| event(2, seq, "turn").into_bytes()),
        2 => (0_u64..20, 0_usize..300, any::<u8>()).prop_map(|(seq, at, byte)| {
            let mut line = event(2, seq, "turn").into_bytes();
            let at = at % line.len();
            line[at] = byte;
            line
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(line, 0..100).prop_map(|lines| lines.join(&b"\n"[..]))
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(log in log(), schema_version in 0_u32..4) {
        let folder = bundle(schema_version, &log);
        let limits = Limits { max_line_bytes: 250, ..Limits::default() };
        let bundle = Bundle::open_best_effort(folder.path(), limits).unwrap();
        let lines = log.split(|byte| *byte == b'\n').count();
        let events = bundle.events().filter(|evidence| matches!(evidence, rollout_trace_bundle::Evidence::Event(_))).count();
        prop_assert!(events <= lines);
        prop_assert_eq!(draw(folder.path(), limits), draw(folder.path(), limits));
    }
}
