//! The help texts of the program.

use std::iter;

use insta::assert_snapshot;

use crate::support::{Root, draw, program};

#[test]
fn help_texts() {
    let commands = "reduce list check show why context diff time blame stats grep payload view record mcp import export convert pack unpack schema completions man";
    for command in iter::once("").chain(commands.split(' ')) {
        let output = program().args(command.split_whitespace()).arg("--help").output().unwrap();
        assert_snapshot!(format!("help-{command}"), draw(&output));
    }
}

#[test]
fn wrong_usage() {
    let root = Root::new(&[]);
    assert_snapshot!(root.run(""), @"
    stderr: The flight recorder for coding agents: reads trace bundles and shows what happened
    stderr: 
    stderr: Usage: rollout-trace [OPTIONS] <COMMAND>
    stderr: 
    stderr: Commands:
    stderr:   reduce         Reduces bundles to graphs of their rollouts, as state.json
    stderr:   list           Lists the bundles under a trace root, or the sessions in a store of another
    stderr:                  program, the newest first
    stderr:   check          Reads bundles completely and reports every problem
    stderr:   show           Shows a rollout: what was asked, how it went, and then everything that happened
    stderr:   why            Says what brought something about, hop by hop, down to the events that show it
    stderr:   context        Says what the model saw in a request, or what changed since another one
    stderr:   time           Says where the wall time of a rollout went, class by class and agent by agent
    stderr:   critical-path  Follows the chain of activities that determined the wall time of a rollout
    stderr:   blame          Says who fills the context: the estimated tokens of each part, times the requests
    stderr:                  that carried it
    stderr:   unseen         Lists what happened and was shown to no model, and what was shown but is sealed
    stderr:   diff           Says where two rollouts part, and under which different conditions they ran
    stderr:   verdict        Says in one word how complete the evidence of a rollout is, and lists every gap
    stderr:   findings       Lists what a reviewer of a rollout would want to be told
    stderr:   stats          Counts what rollouts consist of, under names that stay
    stderr:   grep           Searches the texts of a rollout, line by line, and says where each match is
    stderr:   sql            Asks the tables of rollouts in SQL
    stderr:   payload        Prints a payload exactly as it was recorded
    stderr:   view           Shows rollouts in the browser, or writes one as an HTML file
    stderr:   record         Runs a command and records what it says to its model, whichever agent it is
    stderr:   mcp            Answers an agent's questions about rollouts, as an MCP server on stdin and stdout
    stderr:   import         Writes a session of another program as a bundle
    stderr:   export         Writes rollouts in the formats of other tools
    stderr:   convert        Writes a copy of a bundle in another payload layout, or in schema 3
    stderr:   pack           Packs a bundle into one .tar.zst file
    stderr:   unpack         Unpacks the file that pack has created
    stderr:   schema         Prints the JSON Schema of state.json, or of the answers to questions
    stderr:   completions    Prints the script with which a shell completes commands, options, paths, and ids of
    stderr:                  rollouts in the trace root
    stderr:   man            Prints the manual page, for man -l -
    stderr:   help           Print this message or the help of the given subcommand(s)
    stderr: 
    stderr: Options:
    stderr:       --color <WHEN>  When to use color; NO_COLOR is respected [default: auto] [possible values:
    stderr:                       auto, always, never]
    stderr:   -h, --help          Print help
    stderr:   -V, --version       Print version
    stderr: 
    stderr: Exit codes:
    stderr:   0  success; check: the bundles are clean
    stderr:   1  damage: check found errors or warnings, or reduce --strict found errors
    stderr:   2  unreadable bundle, unknown schema version or wrong usage; existing files are unchanged
    exit code 2
    ");
    assert_snapshot!(root.run("recude x"), @"
    stderr: error: unrecognized subcommand 'recude'
    stderr: 
    stderr:   tip: some similar subcommands exist: 'record', 'reduce'
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
    stderr: error: unknown command "recude"
    stderr:   commands: reduce, list, check, show, why, context, time, critical-path, blame, unseen, diff, verdict, findings, stats, grep, sql, payload, view, record, mcp, import, export, convert, pack, unpack, schema, completions, man, help
    exit code 2
    "#);
}

#[test]
fn the_schema() {
    let printed: serde_json::Value = serde_json::from_str(&Root::new(&[]).run("schema")).unwrap();
    assert!(printed == rollout_trace::answers::state_schema());
    let printed: serde_json::Value = serde_json::from_str(&Root::new(&[]).run("schema answers")).unwrap();
    assert!(printed == rollout_trace::answers::json_schema());
}

#[test]
fn the_exit_codes_are_documented() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md")).unwrap();
    let help = Root::new(&[]).run("--help");
    let codes = help.split_once("Exit codes:\n").unwrap().1;
    assert!(docs.contains(codes.trim_end()), "docs/cli.md differs from --help in the exit codes");
}
