//! The words that explain the program.

use insta::assert_snapshot;

use crate::support::{Root, draw, program};

#[test]
fn help_texts() {
    for command in
        ["", "reduce", "list", "check", "show", "payload", "convert", "pack", "unpack", "schema", "completions", "man"]
    {
        let output = program().args(command.split_whitespace()).arg("--help").output().unwrap();
        assert_snapshot!(format!("help-{command}"), draw(&output));
    }
}

#[test]
fn wrong_use() {
    let root = Root::new(&[]);
    assert_snapshot!(root.run(""), @"
    stderr: The flight recorder for coding agents: reads trace bundles and shows what happened
    stderr: 
    stderr: Usage: rollout-trace [OPTIONS] <COMMAND>
    stderr: 
    stderr: Commands:
    stderr:   reduce       Reduces bundles to the graph of what happened, as state.json
    stderr:   list         Lists the bundles under a trace root, the newest first
    stderr:   check        Reads everything in bundles and tells every surprise
    stderr:   show         Draws what happened in a bundle
    stderr:   payload      Prints a payload, byte for byte as it was recorded
    stderr:   convert      Writes a bundle anew with its payloads stored in another way
    stderr:   pack         Packs a bundle into one .tar.zst file
    stderr:   unpack       Unpacks a bundle that pack made one file of
    stderr:   schema       Prints the JSON Schema of state.json
    stderr:   completions  Prints the shell's completion script
    stderr:   man          Prints the manual page, for man -l -
    stderr:   help         Print this message or the help of the given subcommand(s)
    stderr: 
    stderr: Options:
    stderr:       --color <WHEN>  When to colour what is printed; NO_COLOR is honoured [default: auto] [possible
    stderr:                       values: auto, always, never]
    stderr:   -h, --help          Print help
    stderr:   -V, --version       Print version
    stderr: 
    stderr: Exit codes:
    stderr:   0  done; for check: clean
    stderr:   1  damage: check found errors or warnings, or reduce --strict found errors
    stderr:   2  unreadable or wrong use; nothing that was on disk before is lost
    exit code 2
    ");
    assert_snapshot!(root.run("recude x"), @"
    stderr: error: unrecognized subcommand 'recude'
    stderr: 
    stderr:   tip: a similar subcommand exists: 'reduce'
    stderr: 
    stderr: Usage: rollout-trace [OPTIONS] <COMMAND>
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(root.run("reduce"), @"
    stderr: error: the following required arguments were not provided:
    stderr:   <BUNDLE>...
    stderr: 
    stderr: Usage: rollout-trace reduce <BUNDLE>...
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
    assert_snapshot!(root.run("check x --max-nesting 100000"), @"
    stderr: error: invalid value '100000' for '--max-nesting <LEVELS>': 100000 is not in 1..=2048
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn completions_and_manual() {
    let root = Root::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(root.run(&format!("completions {shell}")).contains("rollout-trace"), "{shell}");
    }
    assert!(root.run("man").contains(".TH rollout-trace 1"));
    assert!(root.run("man reduce").contains("rollout\\-trace\\-reduce"));
    assert_snapshot!(root.run("man recude"), @r#"
    stderr: error: there is no command "recude"
    stderr:   commands: reduce, list, check, show, payload, convert, pack, unpack, schema, completions, man, help
    exit code 2
    "#);
}

#[test]
fn the_schema() {
    let printed: serde_json::Value = serde_json::from_str(&Root::new(&[]).run("schema")).unwrap();
    assert!(printed == rollout_trace::model::json_schema());
}

#[test]
fn the_exit_codes_are_documented() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md")).unwrap();
    let help = Root::new(&[]).run("--help");
    let codes = help.split_once("Exit codes:\n").unwrap().1;
    assert!(docs.contains(codes.trim_end()), "docs/cli.md does not have the exit codes as --help has them");
}
