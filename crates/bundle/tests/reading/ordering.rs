//! The ordering pass on logs whose lines are missing, repeated, moved or damaged.

use crate::support::{bundle, draw, event};
use rollout_trace_bundle::Limits;

/// Writes the log that a script describes and draws what is read: `3` is event 3, `3b` another event 3, `?` garbage,
/// `-` an event without seq, `{3}` an object with seq 3 that is not an event, `end` the end marker with the next seq.
/// `/5` cuts the line before to 5 bytes, and a last word `~` removes the final newline.
fn read(schema_version: u32, script: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut newline = "\n";
    let mut last = 0;
    for word in script.split_whitespace() {
        let digits = word.trim_matches(|char: char| !char.is_ascii_digit());
        let seq = digits.parse().unwrap_or(last + 1);
        match word {
            "?" => lines.push("garbage".into()),
            "-" => lines.push(event(schema_version, 0, "unnumbered").replace("\"seq\":0,", "")),
            "~" => newline = "",
            _ if word.starts_with('{') => lines.push(format!("{{\"seq\":{seq}}}")),
            _ if word.starts_with('/') => lines.last_mut().unwrap().truncate(digits.parse().unwrap()),
            _ => {
                lines.push(event(schema_version, seq, word));
                last = seq;
            }
        }
    }
    draw(bundle(schema_version, (lines.join("\n") + newline).as_bytes()).path(), Limits::default())
}

#[test]
fn in_order() {
    insta::assert_snapshot!(read(2, "1 2 3 end"), @"
    1 1 (line 1)
    2 2 (line 2)
    3 3 (line 3)
    4 recording_completed (line 4)
    ");
}

#[test]
fn no_final_newline() {
    insta::assert_snapshot!(read(2, "1 2 end ~"), @"
    1 1 (line 1)
    2 2 (line 2)
    3 recording_completed (line 3, no newline)
    ");
}

#[test]
fn torn() {
    insta::assert_snapshot!(read(2, "1 2 3 /20 ~"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: the last line is torn after 20 bytes; its event is lost
    ");
}

#[test]
fn gap() {
    insta::assert_snapshot!(read(2, "1 2 5 6"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: seq 3 to 4 are missing before seq 5
    5 5 (line 3)
    6 6 (line 4)
    ");
}

#[test]
fn begins_late() {
    insta::assert_snapshot!(read(2, "5 6"), @"
    ! line 1: seq 1 to 4 are missing before seq 5
    5 5 (line 1)
    6 6 (line 2)
    ");
}

#[test]
fn begins_with_zero() {
    insta::assert_snapshot!(read(2, "0 1 2"), @"
    ! line 1: the event's envelope is damaged: seq is 0, but the first seq is 1
    0 0 (line 1)
    1 1 (line 2)
    2 2 (line 3)
    ");
}

#[test]
fn zero_twice() {
    insta::assert_snapshot!(read(2, "0 0 1"), @"
    ! line 1: the event's envelope is damaged: seq is 0, but the first seq is 1
    0 0 (line 1)
    ! line 2: seq 0 occurs twice, with the same content; the second event was ignored
    1 1 (line 3)
    ");
}

#[test]
fn swapped() {
    insta::assert_snapshot!(read(2, "1 3 2 4"), @"
    1 1 (line 1)
    2 2 (line 3)
    3 3 (line 2)
    ! line 3: seq 2 is out of order; it was moved as close to its place as possible
    4 4 (line 4)
    ");
}

#[test]
fn one_too_early() {
    insta::assert_snapshot!(read(2, "1 5 2 3 4 6"), @"
    1 1 (line 1)
    2 2 (line 3)
    3 3 (line 4)
    4 4 (line 5)
    5 5 (line 2)
    ! line 2: seq 5 is out of order; it was moved as close to its place as possible
    6 6 (line 6)
    ");
}

#[test]
fn one_too_late() {
    insta::assert_snapshot!(read(2, "1 3 4 5 2 6"), @"
    1 1 (line 1)
    2 2 (line 5)
    3 3 (line 2)
    4 4 (line 3)
    5 5 (line 4)
    ! line 5: seq 2 is out of order; it was moved as close to its place as possible
    6 6 (line 6)
    ");
}

#[test]
fn two_gaps_filled() {
    insta::assert_snapshot!(read(2, "1 3 6 2 4 5 7"), @"
    1 1 (line 1)
    2 2 (line 4)
    3 3 (line 2)
    ! line 4: seq 2 is out of order; it was moved as close to its place as possible
    4 4 (line 5)
    5 5 (line 6)
    6 6 (line 3)
    ! line 3: seq 6 is out of order; it was moved as close to its place as possible
    7 7 (line 7)
    ");
}

#[test]
fn repeated() {
    insta::assert_snapshot!(read(2, "1 2 2 3"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: seq 2 occurs twice, with the same content; the second event was ignored
    3 3 (line 4)
    ");
}

#[test]
fn repeated_schema_1() {
    insta::assert_snapshot!(read(1, "1 2 2 3"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: seq 2 occurs twice, with the same content; the second event was ignored
    3 3 (line 4)
    ");
}

#[test]
fn other_with_same_seq() {
    insta::assert_snapshot!(read(2, "1 2 2b 3"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: seq 2 occurs twice, with different content; the second event was ignored
    3 3 (line 4)
    ");
}

#[test]
fn other_with_same_seq_schema_1() {
    insta::assert_snapshot!(read(1, "1 2 2b 3"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: seq 2 occurs twice, with different content; the second event was applied after the first
    2 2b (line 3)
    3 3 (line 4)
    ");
}

#[test]
fn other_with_same_seq_while_waiting_schema_1() {
    insta::assert_snapshot!(read(1, "1 3 3b 2 4"), @"
    1 1 (line 1)
    ! line 2: the event's envelope is damaged: its seq 3 cannot be right; it was read as seq 2, which is missing here
    2 3 (line 2)
    3 3b (line 3)
    ! line 4: seq 2 occurs twice, with different content; the second event was applied after the first
    2 2 (line 4)
    4 4 (line 5)
    ");
}

#[test]
fn seq_of_the_next() {
    insta::assert_snapshot!(read(2, "1 3x 3 4"), @"
    1 1 (line 1)
    ! line 2: the event's envelope is damaged: its seq 3 cannot be right; it was read as seq 2, which is missing here
    2 3x (line 2)
    3 3 (line 3)
    4 4 (line 4)
    ");
}

#[test]
fn seq_of_a_later_one() {
    insta::assert_snapshot!(read(2, "1 5x 3 4 5 6"), @"
    1 1 (line 1)
    ! line 2: the event's envelope is damaged: its seq 5 cannot be right; it was read as seq 2, which is missing here
    2 5x (line 2)
    3 3 (line 3)
    4 4 (line 4)
    5 5 (line 5)
    6 6 (line 6)
    ");
}

#[test]
fn seq_of_an_earlier_one() {
    insta::assert_snapshot!(read(2, "1 2 3 2x 5"), @"
    1 1 (line 1)
    2 2 (line 2)
    3 3 (line 3)
    ! line 4: the event's envelope is damaged: its seq 2 cannot be right; it was read as seq 4, which is missing here
    4 2x (line 4)
    5 5 (line 5)
    ");
}

#[test]
fn seq_of_an_earlier_one_and_no_place() {
    insta::assert_snapshot!(read(2, "1 2 3 2x 4"), @"
    1 1 (line 1)
    2 2 (line 2)
    3 3 (line 3)
    ! line 4: seq 2 occurs twice, with different content; the second event was ignored
    4 4 (line 5)
    ");
}

#[test]
fn seq_of_nothing() {
    insta::assert_snapshot!(read(2, "1 2 900 4 5"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: the event's envelope is damaged: its seq 900 cannot be right; it was read as seq 3, which is missing here
    3 900 (line 3)
    4 4 (line 4)
    5 5 (line 5)
    ");
}

#[test]
fn seq_of_the_next_schema_1() {
    insta::assert_snapshot!(read(1, "1 3x 3 4"), @"
    1 1 (line 1)
    ! line 2: the event's envelope is damaged: its seq 3 cannot be right; it was read as seq 2, which is missing here
    2 3x (line 2)
    3 3 (line 3)
    4 4 (line 4)
    ");
}

#[test]
fn garbage_in_place_of_an_event() {
    insta::assert_snapshot!(read(2, "1 ? 3 4"), @"
    1 1 (line 1)
    ! line 2: the line is not an event: expected value at column 1
    3 3 (line 3)
    4 4 (line 4)
    ");
}

#[test]
fn garbage_between_events() {
    insta::assert_snapshot!(read(2, "1 ? 2 3"), @"
    1 1 (line 1)
    ! line 2: the line is not an event: expected value at column 1
    2 2 (line 3)
    3 3 (line 4)
    ");
}

#[test]
fn garbage_and_a_gap() {
    insta::assert_snapshot!(read(2, "1 ? 4 5 7"), @"
    1 1 (line 1)
    ! line 2: the line is not an event: expected value at column 1
    ! line 3: seq 2 to 3 are missing before seq 4
    4 4 (line 3)
    5 5 (line 4)
    ! line 5: seq 6 is missing before seq 7
    7 7 (line 5)
    ");
}

#[test]
fn garbage_elsewhere() {
    insta::assert_snapshot!(read(2, "1 3 ? 5"), @"
    1 1 (line 1)
    ! line 3: the line is not an event: expected value at column 1
    ! line 2: seq 2 is missing before seq 3
    3 3 (line 2)
    5 5 (line 4)
    ");
}

#[test]
fn only_a_seq_left() {
    insta::assert_snapshot!(read(2, "1 {2} 3"), @"
    1 1 (line 1)
    ! line 2: the line is not an event: it has no payload
    3 3 (line 3)
    ");
}

#[test]
fn only_a_seq_left_and_the_event() {
    insta::assert_snapshot!(read(2, "1 {2} 2 3"), @"
    1 1 (line 1)
    ! line 2: the line is not an event: it has no payload
    ! line 3: seq 2 is out of order; it was moved as close to its place as possible
    2 2 (line 3)
    3 3 (line 4)
    ");
}

#[test]
fn only_a_seq_left_after_the_event() {
    insta::assert_snapshot!(read(2, "1 2 {2} 3"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: the line is not an event: it has no payload
    3 3 (line 4)
    ");
}

#[test]
fn no_seq() {
    insta::assert_snapshot!(read(2, "1 - 3"), @"
    1 1 (line 1)
    ! line 2: the event's envelope is damaged: seq is missing
    2 unnumbered (line 2)
    3 3 (line 3)
    ");
}

#[test]
fn no_seq_twice() {
    insta::assert_snapshot!(read(2, "1 - - 4"), @"
    1 1 (line 1)
    ! line 2: the event's envelope is damaged: seq is missing
    ! line 3: the event's envelope is damaged: seq is missing
    2 unnumbered (line 2)
    3 unnumbered (line 3)
    4 4 (line 4)
    ");
}

#[test]
fn no_seq_last() {
    insta::assert_snapshot!(read(2, "1 2 -"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: the event's envelope is damaged: seq is missing
    3 unnumbered (line 3)
    ");
}

#[test]
fn no_seq_and_no_place() {
    insta::assert_snapshot!(read(2, "1 2 - 3"), @"
    1 1 (line 1)
    2 2 (line 2)
    ! line 3: the event's envelope is damaged: seq is missing
    ! line 3: the line is not an event: it has no seq, and seq 3, which it should have, belongs to another line
    3 3 (line 4)
    ");
}

#[test]
fn event_after_the_end() {
    insta::assert_snapshot!(read(2, "1 end 3 4"), @"
    1 1 (line 1)
    2 recording_completed (line 2)
    ! line 3: the log continues after recording_completed
    3 3 (line 3)
    4 4 (line 4)
    ");
}

#[test]
fn garbage_after_the_end() {
    insta::assert_snapshot!(read(2, "1 end ? ?"), @"
    1 1 (line 1)
    2 recording_completed (line 2)
    ! line 3: the log continues after recording_completed
    ");
}

#[test]
fn end_twice() {
    insta::assert_snapshot!(read(2, "1 end 2end"), @"
    1 1 (line 1)
    2 recording_completed (line 2)
    ! line 3: the log continues after recording_completed
    ! line 3: seq 2 occurs twice, with different content; the second event was ignored
    ");
}

#[test]
fn end_repeated() {
    insta::assert_snapshot!(read(2, "1 end 1"), @"
    1 1 (line 1)
    2 recording_completed (line 2)
    ! line 3: the log continues after recording_completed
    ");
}

#[test]
fn end_before_the_last() {
    insta::assert_snapshot!(read(2, "1 3 end 2"), @"
    1 1 (line 1)
    2 2 (line 4)
    3 3 (line 2)
    4 recording_completed (line 3)
    ! line 4: seq 2 is out of order; it was moved as close to its place as possible
    ");
}

#[test]
fn torn_after_the_end() {
    insta::assert_snapshot!(read(2, "1 end 3 /9 ~"), @"
    1 1 (line 1)
    2 recording_completed (line 2)
    ! line 3: the log continues after recording_completed
    ");
}

#[test]
fn nothing() {
    insta::assert_snapshot!(read(2, "~"), @"");
}

#[test]
fn late_beyond_the_window() {
    let numbers: Vec<String> = [1].into_iter().chain(3..=70).chain([2, 71]).map(|seq| seq.to_string()).collect();
    let picture = read(2, &numbers.join(" "));
    let problems: Vec<&str> = picture.lines().filter(|line| line.starts_with('!')).collect();
    insta::assert_snapshot!(problems.join("\n"), @"
    ! line 2: seq 2 is missing before seq 3
    ! line 70: seq 2 is out of order; it was moved as close to its place as possible
    ");
    assert!(picture.ends_with("2 2 (line 70)\n71 71 (line 71)\n"), "{picture}");
}

#[test]
fn a_seq_far_ahead_waits_for_the_end() {
    let numbers: Vec<String> = [1, 1_000_000].into_iter().chain(2..=200).map(|seq| seq.to_string()).collect();
    let picture = read(2, &numbers.join(" "));
    let problems: Vec<&str> = picture.lines().filter(|line| line.starts_with('!')).collect();
    insta::assert_snapshot!(problems.join("\n"), @"
    ! line 2: seq 201 to 999999 are missing before seq 1000000
    ! line 2: seq 1000000 is out of order; it was moved as close to its place as possible
    ");
    assert_eq!(picture.lines().filter(|line| !line.starts_with('!')).count(), 201);
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let folder = bundle(2, "garbage\n".repeat(20).as_bytes());
    let limits = Limits { max_problems: 2, ..Limits::default() };
    insta::assert_snapshot!(draw(folder.path(), limits), @"
    ! line 1: the line is not an event: expected value at column 1
    ! line 2: the line is not an event: expected value at column 1
    ! 18 problems beyond the limit of 2 were left out
    ");
}

#[test]
fn events_beyond_the_limit_stay_unread() {
    let lines: String = (1..=5).map(|seq| event(2, seq, "turn") + "\n").collect();
    let limits = Limits { max_events: 2, ..Limits::default() };
    insta::assert_snapshot!(draw(bundle(2, lines.as_bytes()).path(), limits), @"
    1 turn (line 1)
    2 turn (line 2)
    ! line 3: the log has more events than the limit of 2; the rest was not read
    ");
}

#[test]
fn lines_beyond_the_limit_of_damage_stay_unread() {
    let lines =
        [event(2, 1, "turn"), "x\n".repeat(5), event(2, 2, "turn"), "\n".repeat(9), event(2, 3, "turn")].join("\n");
    let draw = |max_damaged_lines| {
        let limits = Limits { max_problems: 1, max_damaged_lines, ..Limits::default() };
        draw(bundle(2, lines.as_bytes()).path(), limits)
    };
    insta::assert_snapshot!(draw(4), @"
    1 turn (line 1)
    ! line 2: the line is not an event: expected value at column 1
    ! line 6: the log has more lines that are not events than the limit of 4 (max_damaged_lines); the rest was not read
    ! 4 problems beyond the limit of 1 were left out
    ");
    // Blank lines are no damage.
    insta::assert_snapshot!(draw(5), @"
    1 turn (line 1)
    ! line 2: the line is not an event: expected value at column 1
    2 turn (line 8)
    3 turn (line 19, no newline)
    ! 4 problems beyond the limit of 1 were left out
    ");
}
