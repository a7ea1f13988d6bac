//! What the model is told about a command.

use serde_json::Value;

/// What an output tells the model about a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) output: String,
    pub(super) exit_code: Option<i64>,
    /// The process, if it still runs.
    pub(super) process_id: Option<String>,
    pub(super) seconds: Option<f64>,
}

/// Reads an output of a command: JSON, or a head and what the command wrote. Returns `None` if it is neither.
pub(super) fn told(text: &str) -> Option<Told> {
    of_json(text).or_else(|| of_head(text))
}

fn of_json(text: &str) -> Option<Told> {
    let value: Value = serde_json::from_str(text).ok()?;
    let metadata = value.get("metadata")?;
    Some(Told {
        output: value.get("output")?.as_str()?.to_owned(),
        exit_code: Some(metadata.get("exit_code")?.as_i64()?),
        process_id: None,
        seconds: metadata.get("duration_seconds").and_then(Value::as_f64),
    })
}

fn of_head(text: &str) -> Option<Told> {
    let (head, output) = text.split_once("\nOutput:\n").or_else(|| Some((text.strip_suffix("\nOutput:")?, "")))?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let exit_code = field("Process exited with code ").or_else(|| field("Exit code: "));
    let process_id = field("Process running with session ID ").map(str::to_owned);
    if exit_code.is_none() && process_id.is_none() {
        return None;
    }
    let seconds = field("Wall time: ").and_then(|time| time.split(' ').next()?.parse().ok());
    Some(Told {
        output: output.to_owned(),
        exit_code: exit_code.and_then(|code| code.parse().ok()),
        process_id,
        seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let check = |text: &str, output: &str, exit_code, process_id: Option<&str>, seconds| {
            let process_id = process_id.map(str::to_owned);
            assert_eq!(told(text), Some(Told { output: output.to_owned(), exit_code, process_id, seconds }), "{text}");
        };
        check(r#"{"output":"a\n","metadata":{"exit_code":3,"duration_seconds":0.5}}"#, "a\n", Some(3), None, Some(0.5));
        let head = "Chunk ID: 1\nWall time: 0.25 seconds\n";
        check(&format!("{head}Process exited with code 1\nOutput:\na\n"), "a\n", Some(1), None, Some(0.25));
        check(&format!("{head}Process running with session ID 7\nOutput:\n$ "), "$ ", None, Some("7"), Some(0.25));
        check("Exit code: 0\nWall time: 2 seconds\nOutput:\nx", "x", Some(0), None, Some(2.0));
        assert_eq!(told("unsupported call: x"), None);
        assert_eq!(told("the text\nOutput:\nof something else"), None);
    }
}
