//! The scanner of JSON text accepts exactly what `serde_json` accepts, and finds nothing outside of the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_trace_schema::json_text::{
    Cursor, JsonTextReason, Nesting, check_document, check_nesting, pair_surrogates, strings, unescape_written,
    write_inside,
};
use serde_json::value::RawValue;

fuzz_target!(|bytes: &[u8]| {
    let checked = check_document(bytes, Nesting::new(usize::MAX));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let text = text.trim_start_matches('\u{feff}');
        if text.len() == bytes.len() {
            assert_eq!(checked.is_ok(), serde_json::from_str::<&RawValue>(text).is_ok(), "{checked:?}");
        }
        assert_eq!(pair_surrogates(text).len(), text.len());
    }
    for limit in 0..4 {
        let error = check_document(bytes, Nesting::new(limit)).err();
        let is_too_deep = matches!(error, Some(error) if error.reason == JsonTextReason::TooDeep { limit });
        // Only the check of a whole document reads the text to its end.
        if checked.is_ok() {
            assert_eq!(is_too_deep, check_nesting(bytes, limit).is_err());
        }
    }
    if let Ok(value) = Cursor::new(bytes, 0).value(Nesting::default()) {
        assert!(check_document(&bytes[value], Nesting::default()).is_ok());
    }
    let mut text = Vec::new();
    for string in strings(bytes) {
        let inside = &bytes[string.start + 1..string.end - 1];
        if unescape_written(inside, &mut text) {
            let mut written = Vec::new();
            write_inside(&text, &mut written);
            assert_eq!(written, inside);
        }
    }
});
