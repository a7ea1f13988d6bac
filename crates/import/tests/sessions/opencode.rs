//! Stores of opencode, and damaged ones.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{codes, events, reduce, texts};
use rollout_trace_import::{Format, Limits, Session, detect, find_sessions, session_at, store_of};
use rollout_trace_schema::ExecutionStatus;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tempfile::TempDir;

/// When the first session of a store began.
const START: i64 = 1_770_000_000_000;

const TABLES: &str = "
CREATE TABLE session (id text PRIMARY KEY, parent_id text, directory text, title text, version text, agent text,
    model text, revert text, time_created integer, time_updated integer);
CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, time_updated integer, data text);
CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, time_created integer, time_updated integer,
    data text);
CREATE INDEX message_session ON message (session_id, time_created, id);
CREATE INDEX part_message ON part (message_id, id);
CREATE INDEX part_session ON part (session_id);";

/// A store that a test makes.
struct Made {
    folder: TempDir,
    connection: Connection,
    session: String,
    message: String,
    messages: i64,
    parts: i64,
}

impl Made {
    fn new() -> Self {
        let made = Self::with(TABLES);
        made.session("s", None)
    }

    fn with(tables: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("opencode.db")).unwrap();
        connection.execute_batch(tables).unwrap();
        Self { folder, connection, session: "s".to_owned(), message: String::new(), messages: 0, parts: 0 }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("opencode.db")
    }

    /// Adds a session, to which the next messages belong.
    fn session(mut self, id: &str, parent: Option<&str>) -> Self {
        let time = START + self.messages * 1000;
        let row = params![id, parent, format!("Work on {id} (@general subagent)"), time];
        let insert = "INSERT INTO session (id, parent_id, title, directory, version, agent, time_created, time_updated) \
                      VALUES (?1, ?2, ?3, '/p', '1.2.3', 'build', ?4, ?4)";
        self.connection.execute(insert, row).unwrap();
        self.session = id.to_owned();
        self
    }

    /// Adds the next messages to a session that is there.
    fn back_to(self, session: &str) -> Self {
        Self { session: session.to_owned(), ..self }
    }

    /// Adds a message, to which the next parts belong.
    fn message(mut self, mut data: Value) -> Self {
        self.messages += 1;
        self.message = format!("m{:03}", self.messages);
        let time = START + self.messages * 1000;
        data["time"]["created"] = json!(time);
        let insert = "INSERT INTO message (id, session_id, time_created, data) VALUES (?1, ?2, ?3, ?4)";
        let row = params![self.message, self.session, time, data.to_string()];
        self.connection.execute(insert, row).unwrap();
        self
    }

    fn part(mut self, data: Value) -> Self {
        self.parts += 1;
        let id = format!("p{:03}", self.parts);
        let insert = "INSERT INTO part (id, message_id, session_id, data) VALUES (?1, ?2, ?3, ?4)";
        self.connection.execute(insert, params![id, self.message, self.session, data.to_string()]).unwrap();
        self
    }

    fn prompt(self, text: &str) -> Self {
        self.message(json!({"role": "user"})).part(json!({"type": "text", "text": text}))
    }

    fn answer(self, finish: &str) -> Self {
        let completed = START + (self.messages + 1) * 1000 + 900;
        let cache = json!({"read": 5, "write": 3});
        self.message(json!({
            "role": "assistant", "modelID": "m", "providerID": "anthropic", "time": {"completed": completed},
            "finish": finish, "tokens": {"total": 17, "input": 2, "output": 4, "reasoning": 3, "cache": cache},
        }))
    }

    fn says(self, text: &str) -> Self {
        self.answer("stop").part(json!({"type": "text", "text": text}))
    }

    fn tool(self, name: &str, call: &str, mut state: Value) -> Self {
        let start = START + self.messages * 1000 + 100;
        state["time"] = json!({"start": start, "end": start + 250});
        self.part(json!({"type": "tool", "tool": name, "callID": call, "state": state}))
    }

    fn codes(&self) -> Vec<&'static str> {
        codes(&reduce(&self.path()))
    }
}

fn ran(command: &str, output: &str, exit: i64) -> Value {
    json!({"status": "completed", "input": {"command": command}, "output": output, "metadata": {"exit": exit}})
}

#[test]
fn a_turn_with_commands() {
    let made = Made::new()
        .prompt("list")
        .answer("tool-calls")
        .part(json!({"type": "step-start"}))
        .part(json!({"type": "reasoning", "text": "hm", "metadata": {"anthropic": {"signature": "c2ln"}}}))
        .tool("bash", "c1", ran("ls", "a\n", 0))
        .tool("bash", "c2", ran("false", "", 1))
        .tool("read", "c3", json!({"status": "error", "input": {}, "error": "no file"}))
        .part(json!({"type": "step-finish"}))
        .says("done");
    let graph = reduce(&made.path());
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let calls: Vec<_> = graph.inference_calls.values().collect();
    let second = [
        "message: list",
        "reasoning: hm",
        r#"function_call: {"command":"ls"}"#,
        r#"function_call: {"command":"false"}"#,
        "function_call: {}",
        "function_call_output: a\n",
        "function_call_output: ",
        "function_call_output: no file",
    ];
    assert_eq!(texts(&graph, calls[1].request_item_ids.iter()), second);
    let usage = calls[0].usage.as_ref().unwrap();
    assert_eq!((usage.input_tokens, usage.cached_input_tokens, usage.output_tokens), (10, 5, 7));
    assert_eq!(calls[0].execution.started_at_unix_ms, START + 2000);
    assert_eq!(calls[0].execution.ended_at_unix_ms, Some(START + 2900));
    let exit_codes = graph.terminal_operations.values().map(|run| run.result.as_ref().unwrap().exit_code);
    assert_eq!(exit_codes.collect::<Vec<_>>(), [Some(0), Some(1)]);
    let tools: Vec<_> = graph.tool_calls.values().map(|tool| &tool.execution).collect();
    assert_eq!((tools[0].started_at_unix_ms, tools[0].ended_at_unix_ms), (START + 2100, Some(START + 2350)));
    assert_eq!(tools[2].status, ExecutionStatus::Failed);
    assert!(graph.codex_turns.values().all(|turn| turn.execution.status == ExecutionStatus::Completed));
}

#[test]
fn events_name_the_table_and_the_row() {
    let made = Made::new().prompt("list").says("done");
    let mut session = Session::open(&made.path(), Limits::default()).unwrap();
    let places: Vec<_> = session.by_ref().map(|imported| imported.event.source.unwrap()).collect();
    let sources = session.manifest().evidence.unwrap().sources;
    let named: Vec<_> = sources.iter().map(|source| source.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(named, ["opencode.db#session", "opencode.db#message", "opencode.db#part"]);
    assert!(sources.iter().all(|source| store_of(Path::new(&source.path)) == Some(made.path())));
    assert!(sources.iter().all(|source| source.bytes == fs::metadata(made.path()).unwrap().len()));
    let has = |file, line| places.iter().any(|place| (place.file, place.line) == (file, line));
    assert!(has(0, 1) && has(1, 1) && has(1, 2) && has(2, 1), "{places:?}");
}

#[test]
fn a_call_that_started_an_agent() {
    let task = json!({
        "status": "completed", "input": {"prompt": "read"}, "output": "it says x", "metadata": {"sessionId": "child"},
        "time": {"start": START + 2100, "end": START + 9000},
    });
    let made = Made::new()
        .prompt("ask")
        .answer("tool-calls")
        .part(json!({"type": "tool", "tool": "task", "callID": "c1", "state": task}))
        .session("child", Some("s"))
        .prompt("read")
        .says("it says x")
        .session("unnamed", Some("child"))
        .prompt("more")
        .back_to("s")
        .says("done");
    let graph = reduce(&made.path());
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let mut paths: Vec<_> = graph.threads.values().map(|thread| thread.agent_path.to_string()).collect();
    paths.sort();
    assert_eq!(paths, ["/root", "/root/work_on_child", "/root/work_on_child/work_on_unnamed"]);
    let edges: Vec<_> = graph.interaction_edges.values().map(|edge| edge.kind.as_str()).collect();
    assert!(edges.contains(&"spawn_agent") && edges.contains(&"agent_result"), "{edges:?}");
    // The sessions of agents are those of their first one, but can be read by themselves.
    assert_eq!(find_sessions(&made.path()).len(), 1);
    let child = made.folder.path().join("opencode.db#child");
    assert_eq!(reduce(&child).threads.len(), 2);
}

#[test]
fn an_agent_that_is_not_there() {
    let task = json!({"status": "completed", "input": {}, "output": "x", "metadata": {"sessionId": "gone"}});
    let made = Made::new().prompt("ask").answer("tool-calls").tool("task", "c1", task);
    assert_eq!(made.codes(), ["source_file_missing"]);
}

#[test]
fn sessions_that_lead_back_to_themselves() {
    let made = Made::with(TABLES).session("a", Some("b")).prompt("1").session("b", Some("a")).prompt("2");
    assert!(find_sessions(&made.path()).is_empty());
    let graph = reduce(&made.folder.path().join("opencode.db#a"));
    assert_eq!(graph.threads.len(), 2);
}

#[test]
fn a_store_with_several_sessions() {
    let made = Made::new().prompt("first").session("t", None).prompt("second").says("x");
    assert_eq!(detect(&made.path()), Some(Format::OpenCode));
    assert!(session_at(&made.path()).is_none());
    let error = Session::open(&made.path(), Limits::default()).unwrap_err();
    assert!(format!("{error:?}").contains("the store has 2 sessions"), "{error:?}");
    let found = find_sessions(made.folder.path());
    let outlines: Vec<_> = found.iter().map(|found| found.outline()).collect();
    let known: Vec<_> = outlines.iter().map(|outline| (outline.session.as_str(), outline.prompt.as_deref())).collect();
    assert_eq!(known, [("t", Some("second")), ("s", Some("first"))]);
    assert_eq!(outlines[0].agent, "opencode 1.2.3");
    assert_eq!(Session::open(&found[1].path, Limits::default()).unwrap().id(), "s");
    assert!(Session::open(&made.folder.path().join("opencode.db#none"), Limits::default()).is_err());
}

#[test]
fn answers_that_failed_were_aborted_or_have_no_end() {
    let error = |name: &str| json!({"role": "assistant", "error": {"name": name, "data": {"message": "why"}}});
    let running = json!({"status": "running", "input": {"command": "sleep 9"}});
    let made = Made::new()
        .prompt("1")
        .message(error("APIError"))
        .part(json!({"type": "text", "text": "lost"}))
        .prompt("2")
        .message(error("MessageAbortedError"))
        .part(json!({"type": "text", "text": "kept"}))
        .prompt("3")
        .message(json!({"role": "assistant"}))
        .prompt("4")
        .message(json!({"role": "assistant"}))
        .part(json!({"type": "text", "text": "so"}))
        .tool("bash", "c", running);
    let graph = reduce(&made.path());
    let calls: Vec<_> = graph.inference_calls.values().collect();
    let statuses: Vec<_> = calls.iter().map(|call| call.execution.status.as_str()).collect();
    assert_eq!(statuses, ["failed", "cancelled", "failed", "running"]);
    let last = ["message: 1", "message: 2", "message: kept", "message: 3", "message: 4"];
    assert_eq!(texts(&graph, calls[3].request_item_ids.iter()), last);
    assert_eq!(graph.codex_turns.values().last().unwrap().execution.status, ExecutionStatus::Running);
}

#[test]
fn a_compaction_keeps_the_end_of_the_history() {
    let completed = START + 5900;
    let summary = json!({
        "role": "assistant", "summary": true, "finish": "stop", "modelID": "m", "time": {"completed": completed},
    });
    let made = Made::new()
        .prompt("1")
        .says("one")
        .prompt("2")
        .message(json!({"role": "user"}))
        .part(json!({"type": "compaction", "auto": true, "tail_start_id": "m003"}))
        .message(summary)
        .part(json!({"type": "text", "text": "so far"}))
        .prompt("3")
        .says("three");
    let graph = reduce(&made.path());
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    let compaction = graph.compactions.values().next().unwrap();
    assert_eq!(texts(&graph, compaction.input_item_ids.clone()), ["message: 1", "message: one", "message: 2"]);
    assert_eq!(texts(&graph, compaction.replacement_item_ids.clone()), ["message: so far", "message: 2"]);
    let calls: Vec<_> = graph.inference_calls.values().collect();
    assert_eq!(calls.len(), 2);
    let last = ["message: so far", "message: 2", "message: 3"];
    assert_eq!(texts(&graph, calls[1].request_item_ids.iter()), last);
}

#[test]
fn calls_whose_ids_are_used_again() {
    let made = Made::new()
        .prompt("1")
        .answer("tool-calls")
        .tool("bash", "call_0", ran("a", "1", 0))
        .answer("tool-calls")
        .tool("bash", "call_0", ran("b", "2", 0));
    let graph = reduce(&made.path());
    assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    assert_eq!(graph.tool_calls.len(), 2);
}

#[test]
fn rows_that_are_no_objects() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for damaged in ["'{'", "x'ff00'", "NULL", "12", "'[]'", &format!("'{{\"type\":{deep}}}'")] {
        let made = Made::new().prompt("1").says("one");
        let update = format!("UPDATE part SET data = {damaged} WHERE id = 'p002'");
        made.connection.execute_batch(&update).unwrap();
        assert_eq!(made.codes(), ["source_unparsable_line"], "{damaged}");
        let update = format!("UPDATE message SET data = {damaged} WHERE id = 'm002'");
        made.connection.execute_batch(&update).unwrap();
        assert_eq!(made.codes(), ["source_unparsable_line"], "{damaged}");
    }
}

#[test]
fn values_of_other_types() {
    let made = Made::new().prompt("1").says("one");
    let update = "UPDATE session SET time_created = 'soon', title = x'ff', version = 7, model = 'x', revert = '{';
                  UPDATE message SET time_created = -1, data = json_set(data, '$.tokens', 'many');
                  UPDATE part SET data = json_set(data, '$.text', 5) WHERE id = 'p001';";
    made.connection.execute_batch(update).unwrap();
    let graph = reduce(&made.path());
    assert_eq!(codes(&graph), ["source_time_unknown"]);
    assert_eq!(graph.inference_calls.len(), 1);
}

#[test]
fn unknown_parts_and_parts_of_no_message() {
    let made = Made::new().prompt("1").says("one").part(json!({"type": "hologram"}));
    made.connection.execute_batch("UPDATE part SET message_id = 'gone' WHERE id = 'p001'").unwrap();
    assert_eq!(made.codes(), ["source_unknown_record", "source_unparsable_line"]);
}

#[test]
fn tables_with_fewer_columns() {
    let tables = "CREATE TABLE session (id text);
                  CREATE TABLE message (id text, session_id text, data text);
                  CREATE TABLE part (id text, message_id text, data text);
                  INSERT INTO session VALUES ('s');
                  INSERT INTO message VALUES ('m', 's', '{\"role\":\"user\",\"time\":{\"created\":1770000000000}}');
                  INSERT INTO part VALUES ('p', 'm', '{\"type\":\"text\",\"text\":\"hello\"}');
                  INSERT INTO message VALUES ('n', 's', '{\"role\":\"assistant\",\"finish\":\"stop\"}');";
    let made = Made::with(tables);
    let graph = reduce(&made.path());
    assert_eq!(graph.conversation_items.len(), 1);
    assert_eq!(find_sessions(&made.path())[0].outline().session, "s");
}

#[test]
fn databases_of_other_programs() {
    let views = "CREATE VIEW session AS SELECT 's' AS id; CREATE TABLE message (id, session_id, data);
                 CREATE TABLE part (id, message_id, data);";
    let tables = ["CREATE TABLE t (x)", "CREATE TABLE session (id); CREATE TABLE message (id); CREATE TABLE part (id)"];
    for tables in tables {
        let made = Made::with(tables);
        assert_eq!(detect(&made.path()), None);
        let error = Session::open(&made.path(), Limits::default()).unwrap_err().to_string();
        assert!(error.contains("it is no store of opencode: it"), "{error}");
    }
    let made = Made::with(views);
    assert!(find_sessions(&made.path()).is_empty());
}

/// Returns the names and contents of the files in a folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn what_is_in_the_write_ahead_log_is_read_and_nothing_is_written() {
    let made = Made::new();
    made.connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    made.connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let made = made.prompt("in the log").says("yes");
    let before = files(made.folder.path());
    assert_eq!(before.len(), 3);
    let graph = reduce(&made.path());
    assert_eq!(graph.conversation_items.len(), 2);
    assert_eq!(find_sessions(made.folder.path())[0].outline().prompt.as_deref(), Some("in the log"));
    assert_eq!(files(made.folder.path()), before);
    // Of a program that was killed, only these two files are left.
    let other = tempfile::tempdir().unwrap();
    for name in ["opencode.db", "opencode.db-wal"] {
        fs::copy(made.folder.path().join(name), other.path().join(name)).unwrap();
    }
    let before = files(other.path());
    assert_eq!(reduce(&other.path().join("opencode.db")).conversation_items.len(), 2);
    assert_eq!(files(other.path()), before);
}

#[test]
fn a_database_without_its_log_is_read_as_it_is() {
    let made = Made::new().prompt("1").says("one");
    made.connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    let Made { folder, connection, .. } = made;
    drop(connection);
    let path = folder.path().join("opencode.db");
    let before = files(folder.path());
    assert_eq!(before.len(), 1);
    assert_eq!(reduce(&path).conversation_items.len(), 2);
    assert_eq!(files(folder.path()), before);
}

/// A store on several pages.
fn long() -> Made {
    (0..40).fold(Made::new(), |made, turn| made.prompt(&format!("{turn} {}", "x".repeat(500))).says("yes"))
}

#[test]
fn a_database_that_is_cut() {
    let made = long();
    let bytes = fs::read(made.path()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("cut.db");
    let mut read = 0;
    for end in (0..bytes.len()).step_by(1024) {
        fs::write(&path, &bytes[..end]).unwrap();
        if let Ok(session) = Session::open(&path, Limits::default()) {
            read += usize::from(session.count() > 0);
        } else {
            assert!(!Session::open(&path, Limits::default()).unwrap_err().to_string().is_empty());
        }
    }
    assert!(read > 0, "nothing of a cut database is read");
}

#[test]
fn a_database_with_damaged_pages() {
    let made = long();
    let bytes = fs::read(made.path()).unwrap();
    let page = 4096;
    let whole = events(&made.path()).len();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("damaged.db");
    let (mut damaged, mut reported) = (0, 0);
    for start in (page..bytes.len()).step_by(page) {
        for byte in [0x00, 0xFF, 0x0D] {
            let mut bytes = bytes.clone();
            bytes[start..start + page].fill(byte);
            fs::write(&path, &bytes).unwrap();
            let Ok(mut session) = Session::open(&path, Limits::default()) else { continue };
            let count = session.by_ref().count();
            let has_losses = session.manifest().evidence.unwrap().losses.values().sum::<u64>() > 0;
            damaged += usize::from(count != whole);
            reported += usize::from(count != whole && has_losses);
        }
    }
    assert!(damaged > 0);
    assert_eq!(damaged, reported, "something was lost in silence");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let made = Made::new().prompt("1");
    let link = made.folder.path().join("link.db");
    std::os::unix::fs::symlink(made.path(), &link).unwrap();
    assert!(Session::open(&link, Limits::default()).is_err());
}

#[test]
fn names_that_mean_something_in_a_uri() {
    let made = Made::new().prompt("1").says("one");
    for name in ["a b%20?immutable=0&mode=rwc#x.db", "é.db"] {
        let path = made.folder.path().join(name);
        fs::copy(made.path(), &path).unwrap();
        assert_eq!(reduce(&path).conversation_items.len(), 2, "{name}");
    }
}
