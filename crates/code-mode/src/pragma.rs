//! The pragma: a first line of a script that sets how the script is run.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

const MARK: &str = "// @exec:";

/// A script as the model wrote it, and the settings of its pragma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecSource {
    /// The whole text, including the pragma. To the engine the pragma is a comment, so line numbers in errors match the
    /// model's text.
    pub source: String,
    /// How long to wait before the cell yields.
    pub yield_time: Option<Duration>,
    /// The most text that one response may contain, in tokens.
    pub max_output_tokens: Option<usize>,
}

/// Why a script was refused before it ran. The text is written for the model.
#[derive(Debug, Error)]
pub enum PragmaError {
    /// There is no script.
    #[error(
        "the script is empty: write JavaScript, optionally after a first line `{MARK} {{\"yield_time_ms\": 10000}}`"
    )]
    Empty,
    /// The pragma is not a JSON object with known keys and whole numbers.
    #[error("line 1, `{MARK}`: {0}; write one JSON object with `yield_time_ms` and `max_output_tokens`, both optional")]
    Malformed(String),
    /// The pragma is not on the first line, where alone it has an effect.
    #[error("line {line}, `{MARK}`: the pragma has an effect only on the first line of the script; move it there")]
    Misplaced {
        /// The line, from 1.
        line: usize,
    },
    /// A number is out of range.
    #[error("line 1, `{MARK}`: `{key}` is {value}, but must be from 1 to {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The number.
        value: u64,
        /// The greatest number allowed.
        max: u64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pragma {
    yield_time_ms: Option<u64>,
    max_output_tokens: Option<u64>,
}

/// The longest yield time, in milliseconds: an hour.
const MAX_YIELD_TIME_MS: u64 = 3_600_000;
/// The greatest output limit, in tokens: the most output that a cell can hold.
const MAX_OUTPUT_TOKENS: u64 = 1_000_000;

/// Reads the pragma of a script.
///
/// # Errors
///
/// Returns an error, worded for the model, if the pragma is wrong or if the script has no code.
pub fn parse_exec_source(source: &str) -> Result<ExecSource, PragmaError> {
    let mut pragma = Pragma { yield_time_ms: None, max_output_tokens: None };
    let mut code = source;
    if let Some(arguments) = pragma_arguments(source.lines().next().unwrap_or_default()) {
        let arguments = arguments.map_err(|why| PragmaError::Malformed(why.to_owned()))?;
        pragma = serde_json::from_str(arguments).map_err(|error| PragmaError::Malformed(without_place(&error)))?;
        code = source.split_once('\n').map_or("", |(_, code)| code);
    }
    if code.trim().is_empty() {
        return Err(PragmaError::Empty);
    }
    let preamble = source.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with("//"));
    if let Some((line, _)) = preamble.enumerate().skip(1).find(|(_, line)| pragma_arguments(line).is_some()) {
        return Err(PragmaError::Misplaced { line: line + 1 });
    }
    Ok(ExecSource {
        source: source.to_owned(),
        yield_time: in_range("yield_time_ms", pragma.yield_time_ms, MAX_YIELD_TIME_MS)?.map(Duration::from_millis),
        max_output_tokens: in_range("max_output_tokens", pragma.max_output_tokens, MAX_OUTPUT_TOKENS)?
            .map(|tokens| usize::try_from(tokens).expect("a million fits into a usize")),
    })
}

/// Returns the text after the mark if the line is a pragma, an error if the line is so close to one that it cannot mean
/// anything else, and `None` otherwise. Blanks around the parts of the mark are optional.
fn pragma_arguments(line: &str) -> Option<Result<&str, &'static str>> {
    let rest = line.trim_start().strip_prefix("//")?.trim_start().strip_prefix("@exec")?.trim_start();
    match rest.strip_prefix(':').map(str::trim) {
        // Serde would accept an array as the fields of a struct.
        Some(arguments) if arguments.starts_with('[') => Some(Err("it is an array")),
        Some(arguments) => Some(Ok(arguments)),
        None => rest.starts_with('{').then_some(Err("the colon after `@exec` is missing")),
    }
}

/// Returns the message without serde's line and column, which count from the start of the JSON and not of the script.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

fn in_range(key: &'static str, value: Option<u64>, max: u64) -> Result<Option<u64>, PragmaError> {
    match value {
        Some(value) if value == 0 || value > max => Err(PragmaError::OutOfRange { key, value, max }),
        value => Ok(value),
    }
}
