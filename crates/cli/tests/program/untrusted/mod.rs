//! Text from others never reaches a stream as it is: all texts of bundles, names of files, and the command line.

mod bundles;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
    process::Output,
};

use serde_json::Value;

use crate::support::{Root, program};
pub(crate) use bundles::HOSTILE;
use bundles::Spared;

/// What the stdout of a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stdout {
    /// Text for people.
    Text,
    /// Text for people, in color.
    Colored,
    /// JSON, which is the same in a pipe.
    Json,
    /// Other data, which is the same in a pipe.
    Data,
}

/// A command line.
struct Call {
    arguments: Vec<OsString>,
    stdout: Stdout,
}

/// Returns a command line of arguments separated by spaces. `@` stands for the hostile text, and an argument that ends
/// with `%` for one that is not UTF-8.
fn call(stdout: Stdout, line: &str) -> Call {
    let arguments = line.split(' ').map(|argument| match argument.strip_suffix('%') {
        Some(start) => OsStr::from_bytes(&[start.as_bytes(), b"\x1b\xff\x9b"].concat()).to_owned(),
        None => argument.replace('@', HOSTILE).into(),
    });
    Call { arguments: arguments.collect(), stdout }
}

/// The questions with their own arguments, after the bundle.
const QUESTIONS: [&str; 16] = [
    "time BUNDLE",
    "critical-path BUNDLE",
    "why BUNDLE 1",
    "why BUNDLE /root",
    "context BUNDLE 2",
    "context BUNDLE 2 --diff",
    "diff BUNDLE b@ --ignore input",
    "stats BUNDLE",
    "unseen BUNDLE",
    "verdict BUNDLE",
    "findings BUNDLE",
    "blame BUNDLE",
    "blame BUNDLE --by item",
    "blame BUNDLE --thread @",
    "grep BUNDLE .",
    "grep BUNDLE . --thread /root --kind @ --role @ --tool @ --where item",
];

/// The options that all questions and all commands that read one bundle have.
const READING: &str = "--best-effort --max-payload-bytes 99999 --max-line-bytes 9999 --max-nesting 9 \
    --max-archive-bytes 9 --max-events 30 --max-total-payload-bytes 99999 --max-amplified-bytes 9999 \
    --max-archive-entries 99 --max-damaged-lines 9";

/// Returns calls of every question about every bundle, with every option.
fn questions() -> Vec<Call> {
    let mut calls = Vec::new();
    for question in QUESTIONS {
        let ask = |stdout, bundle: &str, options: &str| {
            call(stdout, format!("{} {options}", question.replace("BUNDLE", bundle)).trim_end())
        };
        calls.extend(["a@", "b@", "c@", "no@", "no%"].map(|bundle| ask(Stdout::Text, bundle, "")));
        calls.push(ask(Stdout::Colored, "a@", "--color always"));
        calls.extend(["a@", "b@", "c@"].map(|bundle| ask(Stdout::Json, bundle, "--json")));
        calls.push(ask(Stdout::Text, "a@", READING));
        calls.push(ask(Stdout::Text, "t", "--root ."));
        calls.push(ask(Stdout::Text, "a@", "--latest --root no@"));
        calls.push(ask(Stdout::Text, "sessions@", "--session @"));
        calls.push(ask(Stdout::Text, "sessions@/session@.jsonl", ""));
        calls.push(call(Stdout::Text, &question.replace("BUNDLE", "--latest --root .")));
    }
    calls
}

/// Returns calls of every command with every option, in a folder with the bundles `a@`, `b@` and `c@`, the folder `empty@`
/// and the folder `sessions@`, in which `session@.jsonl` is a session of another program.
fn calls() -> Vec<Call> {
    let text = [
        "check a@ b@ empty@ no@ no%",
        "check --from-list list@",
        "check --from-list no@",
        "check --from-list no%",
        "sql",
        "sql --tables",
        "sql SELECT(@",
        "sql a@ SELECT\t*\tFROM\trollouts",
        "sql a@ b@ c@ SELECT\t*\tFROM\titems,turns",
        "sql a@ SELECT\t*\tFROM\tterminal_operations",
        "sql a@ SELECT\t*\tFROM\tcode_cells",
        "sql a@ SELECT\t*\tFROM\tdiagnostics",
        "sql a@ SELECT\t*\tFROM\tfindings",
        "sql a@ SELECT\t*\tFROM\tblame",
        "sql a@ SELECT\t*\tFROM\tunseen",
        "sql a@ SELECT\t*\tFROM\ttool_calls",
        "sql a@ SELECT\t'@'\tAS\t'@'",
        "sql no@ SELECT\t*\tFROM\trollouts",
        "sql no% SELECT\t*\tFROM\trollouts",
        "sql a@ no%",
        "sql empty@ SELECT\t*\tFROM\trollouts",
        "sql sessions@ --session @ SELECT\t*\tFROM\trollouts",
        "sql --latest --root . SELECT\t*\tFROM\trollouts",
        "sql a@ --db kept@ --content full SELECT\t*\tFROM\t_sources",
        "sql --db kept@ SELECT\t*\tFROM\titems",
        "sql --db a@/trace.jsonl SELECT\t1",
        "sql --db no@/x@ SELECT\t1",
        "sql a@ --content @ SELECT\t1",
        "sql a@ --max-seconds 9 --max-memory-bytes 99999999 --best-effort --max-payload-bytes 100 SELECT\t1\tFROM\titems",
        "sql a@ --max-line-bytes 300 --max-nesting 3 --max-archive-bytes 9 --max-events 30 SELECT\t1\tFROM\titems",
        "sql a@ --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9 SELECT\t1\tFROM\titems",
        "check . --latest",
        "check a@ --best-effort --max-payload-bytes 100",
        "check a@ --max-line-bytes 300",
        "check a@ --max-nesting 2",
        "check a@ --max-events 9 --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "check a@ --max-archive-bytes 10",
        "check a@/trace.jsonl",
        "list .",
        "list empty@",
        "list no@",
        "list . --status @",
        "list . --agent @ --model a --cwd /",
        "list . --grep [@",
        "list . --grep . --limit 2",
        "list . --since @",
        "list . --since 2020-01-01 --until 1d",
        "view no@ --port 1 --no-open --at x@",
        "view no@ --follow",
        "view a@ --output a@.html --with-payloads 9 --at @",
        "view a@ -o no@/x@.html",
        "record no@",
        "record --root no@ --view --redact none --upstream x@=@ -- no@",
        "record --redact @ no@",
        "record --root record@ true @",
        "import sessions@ --session @ -o imported@",
        "import sessions@ --latest --output imported@",
        "import sessions@/session@.jsonl -o imported@",
        "import no@ -o x@",
        "import no% -o x@",
        "import a@ -o x@",
        "import sessions@ -o few@ --max-payload-bytes 9 --max-line-bytes 99 --max-nesting 9 --max-archive-bytes 9 --max-events 9",
        "import sessions@ -o few@ --max-total-payload-bytes 9 --max-amplified-bytes 9 --max-archive-entries 9 --max-damaged-lines 9",
        "export a@ --format otlp --encoding protobuf -o pb@",
        "export a@ --format otlp --encoding protobuf",
        "export a@ b@ empty@ no@ --format parquet -o tables@",
        "export . --format ndjson -o tables@ --content full --max-text 9 --strict",
        "export a@ --format ndjson -o a@/trace.jsonl --content hash",
        "export a@ --format parquet",
        "export a@ --format atif",
        "export a@ --format inspect --content full --output log@.json",
        "export a@ --format mermaid --diagram sequence --content full",
        "export a@ --format mermaid --diagram flow",
        "export a@ --format dot -o no@/x@",
        "export a@ --format @",
        "export --from-list no@ --format dot",
        "export a@ --format dot --diagram flow",
        "export a@ b@ empty@ no@ no% --format dot",
        "export a@ b@ empty@ no@ no% --format dot -o dots@",
        "export a@ --format dot --best-effort --max-payload-bytes 100 --max-line-bytes 300 --max-nesting 3 --max-archive-bytes 9 --max-events 9",
        "export a@ --format dot --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "check imported@",
        "show imported@",
        "list sessions@",
        "check sessions@ --session @",
        "check sessions@/session@.jsonl",
        "show sessions@ --session @",
        "show sessions@/session@.jsonl",
        "reduce sessions@ --session @ -o out@",
        "payload sessions@ 1 --session @",
        "payload sessions@/session@.jsonl 1",
        "mcp a@",
        "mcp no@",
        "list a@ --max-payload-bytes 9 --max-line-bytes 99 --max-nesting 9 --max-archive-bytes 9 --max-events 9",
        "list a@ --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "show a@",
        "show b@",
        "show c@",
        "show empty@",
        "show no@",
        "show no%",
        "show no@ --follow",
        "show a@ --best-effort --max-payload-bytes 100 --max-line-bytes 300 --max-nesting 3 --max-archive-bytes 9",
        "show a@ --max-events 30 --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "show a@ --agent nope@",
        "show a@ --agent /root@",
        "show a@ --turn 1",
        "show a@ --turn nope@",
        "show a@ --request 1 --width 40",
        "show a@ --request nope@",
        "show a@ --call nope@",
        "show a@ --call c",
        "show a@ --errors --width 60",
        "show b@ --errors",
        "show c@ --since 20 --no-pager",
        "show a@ --since 99999",
        "show a@ --since @",
        "show a@ --width 20",
        "show a@ --width @",
        "show a@ --thread nope@",
        "show a@ --thread 0",
        "show a@ --thread no%",
        "show a@ --thread /root@",
        "show a@ --item nope@",
        "show a@ --item 999",
        "reduce a@ b@ empty@ no@",
        "reduce . --latest --strict --compact --runs --with-facts --force -o out@",
        "reduce a@ b@ --output out@",
        "reduce a@ --output no@/out@",
        "reduce a@ --output out@ --best-effort --max-payload-bytes 100",
        "reduce a@ --max-line-bytes 300 --max-nesting 3 --max-archive-bytes 9 --max-events 30",
        "reduce a@ --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "payload a@ nope@",
        "payload a@ ../@ --best-effort --max-line-bytes 999 --max-nesting 9 --max-archive-bytes 9 --max-events 9",
        "payload a@ 1 --max-payload-bytes 1 --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "payload no@ 1",
        "convert a@ --layout packed --output packed@",
        "convert a@ --layout packed -o packed@",
        "convert a@ --layout packed -o a@/inside@",
        "convert a@ --layout @ -o x@",
        "convert a@ --schema 3 -o new@",
        "convert b@ --schema 3 -o new@",
        "convert b@ --schema @ -o x@",
        "check new@",
        "show new@",
        "convert no@ --layout files -o x@",
        "convert packed@ --layout files -o files@ --best-effort --max-payload-bytes 100",
        "convert b@ --layout packed -o small@ --max-line-bytes 300 --max-nesting 3 --max-archive-bytes 9 --max-events 9",
        "convert b@ --layout packed -o other@ --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "check packed@",
        "show packed@",
        "pack a@",
        "pack a@ --output a@.tar.zst",
        "pack b@ -o no@/x@ --best-effort",
        "pack b@ -o b@.tar.zst --max-payload-bytes 9 --max-line-bytes 99 --max-nesting 9 --max-archive-bytes 9 --max-events 9",
        "pack b@ -o again@.tar.zst --max-total-payload-bytes 99999 --max-amplified-bytes 9999 --max-archive-entries 99 --max-damaged-lines 9",
        "check a@.tar.zst",
        "show a@.tar.zst",
        "check a@.tar.zst --max-archive-bytes 9000",
        "unpack a@.tar.zst --output unpacked@",
        "unpack a@.tar.zst -o unpacked@",
        "unpack a@.tar.zst -o few@ --max-archive-bytes 9000 --max-archive-entries 9",
        "unpack a@",
        "unpack no@",
        "unpack no%",
        "unpack no@.tar.zst",
        "unpack a@/manifest.json -o x@",
        "list .",
        "schema",
        "schema @",
        "completions bash",
        "completions @",
        "man",
        "man show",
        "man @",
        "help",
        "help @",
        "help show @",
        "@",
        "--@",
        "--color @ schema",
        "list --@",
        "list . @",
        "list -@",
        "check --max-nesting @ a@",
        "show a@ --item 1 --thread @",
        "grep a@ [@",
        "grep a@ . --where @",
        "stats a@ b@ no@",
        "stats . --by model",
        "stats a@ b@ --by agent",
        "stats a@ no@ --by tool",
        "stats . --by day",
        "stats a@ --by @",
        "findings .",
        "findings empty@",
        "schema answers",
        "why a@ nothing@",
        "why a@ item:@",
        "why a@ c",
        "context a@ nothing@",
        "context a@ 2 --diff 1",
        "blame a@ --by @",
        "show --latest --root .",
        "show --latest --root no@",
        "show @ --root .",
        "payload @ payload:@ --root .",
    ];
    let mut calls: Vec<Call> = text.iter().map(|line| call(Stdout::Text, line)).collect();
    for line in
        ["show a@", "show a@ --width 50", "show a@ --errors", "show a@ --item 1", "check a@", "reduce a@", "list ."]
    {
        calls.push(call(Stdout::Colored, &format!("{line} --color always")));
    }
    for line in [
        "check a@ b@ --json",
        "stats . --by day --json",
        "sql a@ --json SELECT\t*,*\tFROM\trollouts",
        "reduce --from-list list@",
        "reduce --from-list no@",
        "list . --json",
        "reduce a@ -o -",
        "export a@ --format chrome",
        "export a@ --format chrome --content full --max-text 9 --strict",
        "export a@ --format otlp --content new --service @ --project @",
        "export a@ --format atif --content full",
        "export . --latest --format chrome",
        "export sessions@ --session @ --format chrome",
        "export a@ --format inspect --content full -o -",
        "reduce b@ --compact --runs --output -",
        "payload a@ 2",
        "payload --latest --root . 1",
        "payload a@ raw_payload:3@",
    ] {
        calls.push(call(Stdout::Json, line));
    }
    // A rollout may have nothing that these could print.
    for line in ["stats . --by agent --json", "findings . --json"] {
        calls.push(call(Stdout::Data, line));
    }
    calls.push(call(Stdout::Data, "sql a@ --csv SELECT\t*\tFROM\titems"));
    calls.extend(questions());
    calls
}

fn is_hidden(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{e000}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Removes the styles of the program. None of them is that of the hostile text.
fn without_styles(text: &str) -> String {
    let mut plain = text.to_owned();
    for code in [0, 1, 2, 31, 32, 33, 36] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    plain
}

fn assert_harmless(call: &Call, output: &Output) {
    let arguments = &call.arguments;
    assert!(output.status.code().is_some(), "{arguments:?} ends by itself");
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    let stdout = match call.stdout {
        Stdout::Text => stdout,
        Stdout::Colored => without_styles(&stdout),
        Stdout::Json => {
            let values = serde_json::Deserializer::from_str(&stdout).into_iter::<Value>();
            let count = values.map(Result::unwrap).count();
            assert!(count > 0 || !output.status.success(), "{arguments:?} prints JSON");
            String::new()
        }
        Stdout::Data => String::new(),
    };
    for text in [stdout, stderr] {
        let hidden = text.lines().find(|line| line.contains(is_hidden) || line.starts_with("FORGED"));
        assert_eq!(hidden, None, "{arguments:?}");
    }
}

#[test]
fn nothing_that_a_bundle_or_a_name_contains_reaches_a_stream_as_it_is() {
    let mut fields = BTreeMap::new();
    for spared in Spared::ALL {
        let root = Root::new(&[]);
        let [a, b, c] = ["a", "b", "c"].map(|name| format!("{name}{HOSTILE}"));
        bundles::write_all(&root.path(""), [&a, &b, &c], spared);
        fs::create_dir(root.path(&format!("empty{HOSTILE}"))).unwrap();
        fs::write(root.path(&format!("list{HOSTILE}")), format!("{a}\nno{HOSTILE}\n{b}\n")).unwrap();
        bundles::write_session(&root.path(&format!("sessions{HOSTILE}")), spared);
        let run = |call: &Call| {
            let mut program = program();
            program.args(&call.arguments).current_dir(root.path(""));
            let output = program.output().unwrap();
            assert_harmless(call, &output);
            output
        };
        calls().iter().for_each(|call| drop(run(call)));

        let output = run(&call(Stdout::Json, "reduce a@ -o -"));
        let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
        note_fields("", &graph, &mut fields);
        for line in ["reduce b@ -o -", "reduce c@ -o -"] {
            let output = run(&call(Stdout::Json, line));
            note_fields("", &serde_json::from_slice(&output.stdout).unwrap(), &mut fields);
        }
        let items = graph["conversation_items"].as_object().unwrap().len();
        for number in 1..=items {
            let output = run(&call(Stdout::Text, &format!("show a@ --item {number}")));
            assert!(output.status.success());
        }
        for id in graph["threads"].as_object().unwrap().keys() {
            let arguments = ["show", &a, "--thread", id].map(OsString::from).to_vec();
            run(&Call { arguments, stdout: Stdout::Text });
        }
        if spared == Spared::TypesAndValues {
            assert!(items > 30, "{items} items");
            assert_every_kind_of_object_is_there(&graph);
        }
    }
    // All fields have been hostile but those with ids, words and hashes of ours, and with names of known types.
    let ours: Vec<&str> =
        fields.iter().filter(|(_, is_hostile)| !**is_hostile).map(|(field, _)| field.as_str()).collect();
    insta::assert_snapshot!(ours.join("\n"), @"
    code_cells.*.output_item_ids
    code_cells.*.source_item_id
    codex_turns.*.new_input_item_ids
    compaction_requests.*.execution.status
    compactions.*.input_item_ids
    compactions.*.marker_item_id
    compactions.*.replacement_item_ids
    conversation_items.*.body.parts.content_sha256
    conversation_items.*.body.parts.type
    conversation_items.*.channel
    conversation_items.*.inferred_producers.type
    conversation_items.*.item_id
    conversation_items.*.kind
    conversation_items.*.produced_by.type
    cut_off.type
    diagnostics.code
    diagnostics.severity
    inference_calls.*.execution.status
    inference_calls.*.request_item_ids
    inference_calls.*.response_item_ids
    interaction_edges.*.carried_item_ids
    interaction_edges.*.kind
    interaction_edges.*.source.item_id
    interaction_edges.*.source.type
    interaction_edges.*.target.item_id
    interaction_edges.*.target.type
    markers.kind
    reduced_by
    terminal_operations.*.kind
    terminal_operations.*.model_observations.call_item_ids
    terminal_operations.*.model_observations.output_item_ids
    terminal_operations.*.model_observations.source
    terminal_operations.*.operation_id
    terminal_operations.*.request.type
    terminal_sessions.*.created_by_operation_id
    terminal_sessions.*.execution.status
    terminal_sessions.*.operation_ids
    threads.*.conversation_item_ids
    threads.*.markers.kind
    threads.*.markers.metadata.type
    threads.*.origin.type
    tool_calls.*.model_visible_call_item_ids
    tool_calls.*.model_visible_output_item_ids
    tool_calls.*.terminal_operation_id
    undelivered_messages.kind
    ");
}

/// Notes which fields of the objects of a graph have text, and whether any text in them is hostile.
fn note_fields(place: &str, value: &Value, fields: &mut BTreeMap<String, bool>) {
    match value {
        Value::String(text) => *fields.entry(place.to_owned()).or_default() |= text.contains('\u{202e}'),
        Value::Array(values) => values.iter().for_each(|value| note_fields(place, value, fields)),
        Value::Object(object) => {
            for (key, value) in object {
                // The keys of maps are ids.
                let is_map = value.is_object() && !place.is_empty() && !place.contains('.');
                let key = if is_map { "*" } else { key };
                note_fields(format!("{place}.{key}").trim_start_matches('.'), value, fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn assert_every_kind_of_object_is_there(graph: &Value) {
    for kind in [
        "threads",
        "codex_turns",
        "conversation_items",
        "inference_calls",
        "tool_calls",
        "code_cells",
        "terminal_sessions",
        "terminal_operations",
        "compactions",
        "compaction_requests",
        "interaction_edges",
        "undelivered_messages",
        "cut_off",
        "markers",
        "diagnostics",
        "raw_payloads",
    ] {
        let count = graph[kind].as_object().map(|map| map.len()).or_else(|| graph[kind].as_array().map(Vec::len));
        assert!(count.is_some_and(|count| count > 0), "{kind}: {count:?}");
    }
}

#[test]
fn nothing_that_the_environment_contains_reaches_a_stream_as_it_is() {
    let root = Root::new(&["a"]);
    fs::create_dir(root.path(HOSTILE)).unwrap();
    root.run("pack a");
    for (line, variable, value) in [
        ("list", "CODEX_ROLLOUT_TRACE_ROOT", HOSTILE.to_owned()),
        ("list", "CODEX_ROLLOUT_TRACE_ROOT", format!("no{HOSTILE}")),
        ("show a.tar.zst", "TMPDIR", format!("no{HOSTILE}")),
        ("list .", "TERM", HOSTILE.to_owned()),
    ] {
        let call = call(Stdout::Text, line);
        let output = program().args(&call.arguments).env(variable, value).current_dir(root.path("")).output().unwrap();
        assert_harmless(&call, &output);
    }
}

/// Returns the names after a heading of a help text that begin their lines.
fn names(help: &str, is_name: fn(&str) -> bool) -> BTreeSet<String> {
    let words = help.lines().filter_map(|line| line.split_whitespace().find(|word| !word.ends_with(',')));
    words.filter(|word| is_name(word)).map(str::to_owned).collect()
}

#[test]
fn every_command_and_option_is_tried() {
    let root = Root::new(&[]);
    let help = root.run("--help");
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    // The rest of a description that does not fit on a line is indented deeper.
    let commands = commands.split_once("\n\n").unwrap().0.lines().filter(|line| !line.starts_with("   "));
    let commands = names(&commands.collect::<Vec<_>>().join("\n"), |_| true);
    assert!(commands.len() > 10, "{commands:?}");
    let calls = calls();
    for command in &commands {
        let calls: Vec<&Call> = calls.iter().filter(|call| call.arguments[0] == *command.as_str()).collect();
        assert!(!calls.is_empty(), "{command} is not tried");
        if command == "help" {
            continue;
        }
        let options = names(&root.run(&format!("{command} --help")), |word| word.starts_with("--"));
        assert!(options.contains("--help") && options.contains("--color"), "{command}: {options:?}");
        for option in options.iter().filter(|option| !["--help", "--color"].contains(&option.as_str())) {
            let is_tried = calls.iter().any(|call| call.arguments.iter().any(|argument| argument == option.as_str()));
            assert!(is_tried, "{command} {option} is not tried");
        }
    }
}
