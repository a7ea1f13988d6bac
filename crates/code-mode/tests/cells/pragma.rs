//! The pragma on the first line of a script.

use insta::assert_snapshot;
use rollout_trace_code_mode::parse_exec_source;

fn parsed(source: &str) -> String {
    match parse_exec_source(source) {
        Ok(parsed) => {
            assert_eq!(parsed.source, source);
            format!("{:?} {:?}", parsed.yield_time, parsed.max_output_tokens)
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_settings_of_a_pragma() {
    assert_snapshot!(parsed("text(1)"), @"None None");
    assert_snapshot!(parsed("// @exec: {\"yield_time_ms\": 250, \"max_output_tokens\": 20}\ntext(1)"), @"Some(250ms) Some(20)");
    assert_snapshot!(parsed("// @exec: {\"max_output_tokens\": 1}\r\ntext(1)"), @"None Some(1)");
    assert_snapshot!(parsed("  //@exec:{}\ntext(1)"), @"None None");
    assert_snapshot!(parsed("// @executive: order\ntext(1)"), @"None None");
    assert_snapshot!(parsed("// @exec runs this {}\ntext(1)"), @"None None");
    assert_snapshot!(parsed("text('// @exec: {}')\n// @exec: {}"), @"None None");
}

#[test]
fn errors_in_a_pragma() {
    assert_snapshot!(parsed(""), @r#"the script is empty: write JavaScript, optionally after a first line `// @exec: {"yield_time_ms": 10000}`"#);
    assert_snapshot!(parsed(" \n"), @r#"the script is empty: write JavaScript, optionally after a first line `// @exec: {"yield_time_ms": 10000}`"#);
    assert_snapshot!(parsed("// @exec: {\"yield_time_ms\": 250}"), @r#"the script is empty: write JavaScript, optionally after a first line `// @exec: {"yield_time_ms": 10000}`"#);
    assert_snapshot!(parsed("// @exec: {\"yield_time_ms\": 250\ntext(1)"), @"line 1, `// @exec:`: EOF while parsing an object; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec:\ntext(1)"), @"line 1, `// @exec:`: EOF while parsing a value; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec: [250, 20]\ntext(1)"), @"line 1, `// @exec:`: it is an array; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec {\"yield_time_ms\": 250}\ntext(1)"), @"line 1, `// @exec:`: the colon after `@exec` is missing; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec: {} {}\ntext(1)"), @"line 1, `// @exec:`: trailing characters; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec: {\"yield_ms\": 250}\ntext(1)"), @"line 1, `// @exec:`: unknown field `yield_ms`, expected `yield_time_ms` or `max_output_tokens`; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec: {\"yield_time_ms\": \"250\"}\ntext(1)"), @r#"line 1, `// @exec:`: invalid type: string "250", expected u64; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional"#);
    assert_snapshot!(parsed("// @exec: {\"yield_time_ms\": -1}\ntext(1)"), @"line 1, `// @exec:`: invalid value: integer `-1`, expected u64; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec: {\"yield_time_ms\": 0}\ntext(1)"), @"line 1, `// @exec:`: `yield_time_ms` is 0, but must be from 1 to 3600000");
    assert_snapshot!(parsed("// @exec: {\"yield_time_ms\": 1, \"yield_time_ms\": 2}\ntext(1)"), @"line 1, `// @exec:`: duplicate field `yield_time_ms`; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec: {\"max_output_tokens\": 1e99}\ntext(1)"), @"line 1, `// @exec:`: invalid type: floating point `1e+99`, expected u64; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional");
    assert_snapshot!(parsed("// @exec: {\"max_output_tokens\": 10000000}\ntext(1)"), @"line 1, `// @exec:`: `max_output_tokens` is 10000000, but must be from 1 to 1000000");
    assert_snapshot!(parsed("\n// what it does\n// @exec: {}\ntext(1)"), @"line 3, `// @exec:`: the pragma has an effect only on the first line of the script; move it there");
}
