//! Questions, and the choice of the bundle that they are about.

use std::{fs, path::Path};

use insta::assert_snapshot;

use crate::support::{Root, program};

#[test]
fn where_the_time_went() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(root.run("time bundle"), @"
    wall time 12,945 ms
           8,600 ms   66.4 %  the model
           3,590 ms   27.7 %  tools
             435 ms    3.4 %  nothing recorded
             240 ms    1.9 %  nobody's turn
              80 ms    0.6 %  before a command ran
    /root 12,825 ms
           6,600 ms   51.5 %  the model
           3,560 ms   27.8 %  tools
           2,505 ms   19.5 %  nothing recorded
             120 ms    0.9 %  nobody's turn
              40 ms    0.3 %  before a command ran
    /root/reviewer 4,695 ms
           2,410 ms   51.3 %  nobody's turn
           2,000 ms   42.6 %  the model
             215 ms    4.6 %  nothing recorded
              40 ms    0.9 %  before a command ran
              30 ms    0.6 %  tools
    ");
    assert_snapshot!(root.run("critical-path bundle"), @"
    critical path 12,945 of 12,945 ms: the model 6,600, tools 3,560, nothing recorded 2,505, nobody's turn 240, before a command ran 40
             0      120 ms  /root  nobody's turn
           120       50 ms  /root  nothing recorded
           170    2,200 ms  /root  the model             request 1
         2,370       25 ms  /root  nothing recorded
         2,395       40 ms  /root  before a command ran  exec_command call_1
         2,435    3,410 ms  /root  tools                 exec_command call_1
         5,845       45 ms  /root  nothing recorded
         5,890    2,200 ms  /root  the model             request 2
         8,090       20 ms  /root  nothing recorded
         8,110      150 ms  /root  tools                 spawn_agent call_2
         8,260    2,320 ms  /root  nothing recorded
        10,580    2,200 ms  /root  the model             request 5
        12,780       45 ms  /root  nothing recorded
        12,825      120 ms  /root  nobody's turn
    ");
    assert!(root.run("time bundle --json").starts_with(r#"{"question":"time","wall_ms":"#));
}

#[test]
fn why_something_happened() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(
        "why",
        ["1", "5 @ 2", "call_2", "/root/reviewer"].map(|words| root.run(&format!("why bundle {words}"))).concat()
    );
    assert!(root.run("why bundle item:1 --json").starts_with(r#"{"question":"why","subject":{"type":"item","id":"#));
    for (words, same) in
        [("request 2", "inference-2"), ("5 @ request 2", "5 @ 2"), ("request 2 @ request 3", "inference-2 @ 3")]
    {
        assert_eq!(root.run(&format!("why bundle {words}")), root.run(&format!("why bundle {same}")));
    }
    assert_eq!(root.run("context bundle request 2"), root.run("context bundle 2"));
    assert_eq!(root.run("payload bundle payload 7"), root.run("payload bundle 7"));
    for words in ["no-such-thing", "1 @ 99", "1 2", "item:99999", "@ 2", "1 @", "1 @ 2 @ 3"] {
        assert!(root.run(&format!("why bundle {words}")).ends_with("exit code 2\n"), "{words}");
    }
}

#[test]
fn what_a_model_saw() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(
        "context",
        ["2", "request:2 --diff", "2 --diff 1"].map(|words| root.run(&format!("context bundle {words}"))).concat()
    );
    assert!(root.run("context bundle 2 --diff --json").starts_with(r#"{"question":"context-diff","before":"#));
    assert!(root.run("context bundle item:1").ends_with("exit code 2\n"));
}

#[test]
fn where_two_rollouts_part() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!("diff", root.run("diff bundle bundle"));
    assert!(root.run("diff bundle bundle --json").starts_with(r#"{"question":"diff","same":true,"first":null,"#));
    assert!(root.run("diff bundle").ends_with("exit code 2\n"));
}

#[test]
fn a_rollout_in_numbers() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(root.run("stats bundle"), @"
    rollout thread-root · schema 2 · completed
      wall time        12,945 ms
      models           example-large, example-small
      agents           2
      turns            2
      requests         5
      reported         5 of 5 requests: 6650 in (3910 cached, 2740 written to the cache), 272 out (83 reasoning)
      contexts         ~440 tokens
      items            14
      tool calls       3
      tools            exec_command 2, spawn_agent 1
      commands         1 with an exit code other than 0
      code cells       0
      terminals        2
      compactions      0
      interactions     agent_result 1, spawn_agent 1
      diagnostics      none
      largest context  ~181 tokens
      files changed    none
    ");
    let both = root.run("stats bundle bundle");
    assert!(both.contains("total of 2 rollouts\n  agents           4\n"), "{both}");
    assert_eq!(root.run("stats bundle bundle --json").lines().count(), 2);
}

#[test]
fn what_no_model_saw() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(root.run("unseen bundle"), @"
    nothing is known that the model did not see
      sealed: only the provider can read it
        12 bytes               conversation_item:3: 1 × reasoning: only the provider can read it
    ");
    assert_snapshot!(root.run("verdict bundle"), @"
    sealed · rollout completed · the recording ends with its end marker
      sealed       1  sealed_content: 12 bytes that only the provider can read · seq 7
    ");
    root.edit("bundle/trace.jsonl", |text| text.lines().take(20).map(|line| format!("{line}\n")).collect());
    assert_snapshot!(root.run("unseen bundle"), @"
    what the model did not see: 1 case, 0 bytes
      call without a result
        ? bytes                call_2: spawn_agent gave no result · seq 18
      sealed: only the provider can read it
        12 bytes               conversation_item:3: 1 × reasoning: only the provider can read it
    ");
    assert_snapshot!(root.run("verdict bundle"), @"
    cut · rollout running · the recording has no end marker
      cut          5  running_at_end: 5 objects were still running when the trace ended: thread-reviewer, thread-root, turn-1, turn-reviewer-1, call_2
      cut          1  trace_stops_early: the trace stops before the rollout ended: it is still being written, or its writer was stopped
      sealed       1  sealed_content: 12 bytes that only the provider can read · seq 7
    ");
}

#[test]
fn what_a_reviewer_would_want_to_be_told() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(root.run("findings bundle"), @"
    1 finding
      note     usage_does_not_fit: the usage of 5 of 5 requests is not that of their text: costs and cache shares mean little · seq 6
    ");
}

#[test]
fn who_fills_the_context() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(root.run("blame bundle --by tool"), @"
    context by tool · 5 calls · rent = ~tokens × calls that carried them
             ~rent   share     ~size  calls  parts   cached
               233   52.9%       113      5      6        ?  no tool
               120   27.3%        78      3      2        ?  answers of exec_command
                43    9.8%        43      1      1        ?  calls of spawn_agent
                35    8.0%        24      3      2        ?  calls of exec_command
                 9    2.1%         9      1      1        ?  answers of spawn_agent
      reported for 5 of 5 calls: 6,650 in (3,910 cached), 272 out; their text ~440; residual 6,210; the usage of 5 does not fit its text
    ");
    assert_snapshot!(root.run("blame bundle --thread nobody"), @r#"
    stderr: error: no agent is named "nobody"
    stderr:   agents of this rollout: /root/reviewer (thread-reviewer), /root (thread-root)
    exit code 2
    "#);
    assert_snapshot!(root.run("blame bundle --by nothing"), @"
    stderr: error: invalid value 'nothing' for '--by <AXIS>': possible values: source, item, tool, server, agent, file, turn, section, thread
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn lines_that_match() {
    let root = Root::new(&["bundle"]);
    assert_snapshot!(root.run("grep bundle (?i)failed"), @"
    4 lines
      seq    12  /root  output terminal_operation:1:2:32  test price::rounds_half_up ... FAILED
      seq    12  /root  output terminal_operation:1:4:27  assertion `left == right` failed
      seq    15  /root  [5]:4:32  test price::rounds_half_up ... FAILED
      seq    15  /root  [5]:6:27  assertion `left == right` failed
    ");
    assert_snapshot!(root.run("grep bundle test --where command --thread /root"), @"
    1 line
      seq    11  /root  command terminal_operation:1:1:18  /bin/sh -c cargo test price
    ");
    assert_snapshot!(root.run("grep bundle test --thread typo"), @r#"
    stderr: error: no agent is named "typo"
    stderr:   agents of this rollout: /root/reviewer (thread-reviewer), /root (thread-root)
    exit code 2
    "#);
    assert_eq!(root.run("grep bundle test --thread agent:/root"), root.run("grep bundle test --thread thread-root"));
    assert_snapshot!(root.run("grep bundle ("), @r"
    stderr: error: the pattern is no regular expression: unclosed group
    stderr:   escape special characters with \
    exit code 2
    ");
    assert_snapshot!(root.run("grep bundle"), @"
    stderr: error: a pattern is missing
    stderr:   give it after the bundle
    exit code 2
    ");
    assert_snapshot!(root.run("grep bundle x --where nowhere"), @"
    stderr: error: invalid value 'nowhere' for '--where <WHERE>': possible values: item, command, output, source
    stderr: 
    stderr: For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn a_bundle_by_the_id_of_its_rollout() {
    let root = Root::new(&["traces/one", "traces/two"]);
    root.edit("traces/two/manifest.json", |text| {
        text.replace("\"rollout_id\": \"thread-root\"", "\"rollout_id\": \"thread-second\"")
            .replace("1767258000000", "1767258001000")
    });
    let first_line = |arguments: &str| root.run(arguments).lines().next().unwrap_or_default().to_owned();
    assert_eq!(first_line("time thread-r --root traces"), "wall time 12,945 ms");
    assert_eq!(first_line("time thread-second --root traces"), "wall time 11,945 ms");
    assert_eq!(first_line("time --latest --root traces"), "wall time 11,945 ms");
    assert!(root.run("show --latest --root traces").contains("rollout"));
    assert_eq!(
        root.run("payload thread-r raw_payload:1 --root traces"),
        root.run("payload traces/one payloads/1.json")
    );
    assert_snapshot!(root.run("time thread- --root traces"), @r#"
    stderr: error: more than one rollout has an id that begins with "thread-": give more of it, or a path
    stderr:   thread-second  traces/two
    stderr:   thread-root  traces/one
    exit code 2
    "#);
    assert_snapshot!(root.run("time other --root traces"), @"
    stderr: error: other does not exist
    stderr:   check the path; bundles are folders named trace-<trace id>-<thread id>
    exit code 2
    ");
    assert_snapshot!(root.run("time --latest"), @"
    stderr: error: --latest needs a trace root
    stderr:   give --root DIR, or set CODEX_ROLLOUT_TRACE_ROOT to the folder that the agent writes to
    exit code 2
    ");
    assert_snapshot!(root.run("time --latest --root traces/none"), @"
    stderr: error: cannot list traces/none: No such file or directory (os error 2)
    stderr:   check the path and its permissions
    exit code 2
    ");
    assert_snapshot!(root.run("time traces/one --latest --root traces"), @"
    stderr: error: both a bundle and --latest are given
    stderr:   leave one of them out
    exit code 2
    ");
    assert_snapshot!(root.run("time"), @"
    stderr: error: no bundle is given
    stderr:   give a bundle, or use --latest for the newest one
    exit code 2
    ");
    assert_snapshot!(root.run("payload traces/one"), @"
    stderr: error: no payload is given
    stderr:   give its id or number after the bundle
    exit code 2
    ");
}

#[test]
fn the_examples_of_the_documentation() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(repository.join("docs/questions.md")).unwrap();
    let mut count = 0;
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        let (command, expected) = block.split_once('\n').unwrap();
        let arguments = command.strip_prefix("$ rollout-trace ").unwrap().replace('\'', "");
        let output = program().args(arguments.split(' ')).current_dir(&repository).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{command}");
        count += 1;
    }
    assert!(count >= 11, "{count} examples");
}
