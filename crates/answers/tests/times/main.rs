//! Where the time goes in graphs that were made from scripts.

#[cfg(test)]
mod property;
mod script;

use insta::assert_snapshot;
use rollout_trace_answers::{CriticalPath, Time};
use rollout_trace_model::{Line, RolloutTrace};

use script::graph;

/// Draws where the time went and the critical path.
fn answers(graph: &RolloutTrace) -> String {
    let lines = Time::of(graph).lines().into_iter().chain(CriticalPath::of(graph).lines(graph));
    lines.map(|line: Line| format!("{}\n", line.visible())).collect()
}

#[test]
fn the_first_class_that_applies_counts() {
    let graph = graph(
        "
        rollout 100
        thread /root 5 95
        turn turn-1 /root 10 90
        request r1 /root 20 40
        tool call-1 /root 30 70 exec_command 50
        cell cell-1 /root 60 80 85
        compaction k1 /root 75 78
        ",
    );
    assert_snapshot!(answers(&graph), @"
    wall time 100 ms
              20 ms   20.0 %  the model
              20 ms   20.0 %  tools
              20 ms   20.0 %  nothing recorded
              20 ms   20.0 %  nobody's turn
              10 ms   10.0 %  before a command ran
               7 ms    7.0 %  scripts
               3 ms    3.0 %  compaction
    critical path 100 of 100 ms: nothing recorded 22, tools 20, before a command ran 20, nobody's turn 20, the model 10, scripts 5, compaction 3
             0       10 ms  /root  nobody's turn
            10       10 ms  /root  nothing recorded
            20       10 ms  /root  the model             request 1
            30       20 ms  /root  before a command ran  exec_command call-1
            50       20 ms  /root  tools                 exec_command call-1
            70        5 ms  /root  scripts               cell-1
            75        3 ms  /root  compaction            k1
            78       12 ms  /root  nothing recorded
            90       10 ms  /root  nobody's turn
    ");
}

#[test]
fn agents_that_work_while_another_waits() {
    let graph = graph(
        "
        rollout 200
        thread /root 0 200
        thread /root/child 30 -
        turn turn-1 /root 0 200
        turn turn-2 /root/child 40 120
        request r1 /root 0 20
        tool spawn /root 20 30 spawn_agent
        tool wait /root 30 130 wait_agent
        request r2 /root/child 50 110
        edge spawned spawn_agent spawn /root/child 25
        edge result agent_result /root/child /root 120
        request r3 /root 140 190
        ",
    );
    assert_snapshot!(answers(&graph), @"
    wall time 200 ms
             130 ms   65.0 %  the model
              40 ms   20.0 %  waiting for agents
              20 ms   10.0 %  nothing recorded
              10 ms    5.0 %  tools
    /root 200 ms
             100 ms   50.0 %  waiting for agents
              70 ms   35.0 %  the model
              20 ms   10.0 %  nothing recorded
              10 ms    5.0 %  tools
    /root/child 170 ms
              90 ms   52.9 %  nobody's turn
              60 ms   35.3 %  the model
              20 ms   11.8 %  nothing recorded
    critical path 200 of 200 ms: the model 130, nothing recorded 55, waiting for agents 10, tools 5
             0       20 ms  /root        the model             request 1
            20        5 ms  /root        tools                 spawn_agent spawn
            25             /root/child was begun by
            25       25 ms  /root/child  nothing recorded
            50       60 ms  /root/child  the model             request 2
           110       10 ms  /root/child  nothing recorded
           120             /root got a result
           120       10 ms  /root        waiting for agents    wait_agent wait
           130       10 ms  /root        nothing recorded
           140       50 ms  /root        the model             request 3
           190       10 ms  /root        nothing recorded
    ");
}

#[test]
fn what_has_not_ended_ends_with_the_trace() {
    let graph = graph(
        "
        thread /root 0 -
        turn turn-1 /root 0 -
        request r1 /root 10 30
        tool call-1 /root 30 - exec_command
        request r2 /root/lost 40 60
        tool backward /root 50 45 web
        ",
    );
    assert_snapshot!(answers(&graph), @"
    wall time 60 ms
              40 ms   66.7 %  the model
              10 ms   16.7 %  tools
              10 ms   16.7 %  nothing recorded
    critical path 60 of 60 ms: tools 30, the model 20, nothing recorded 10
             0       10 ms  /root  nothing recorded
            10       20 ms  /root  the model             request 1
            30       30 ms  /root  tools                 exec_command call-1
    ");
}

#[test]
fn an_empty_graph() {
    assert_snapshot!(answers(&graph("")), @"
    wall time 0 ms
    critical path 0 of 0 ms
    ");
    assert_snapshot!(answers(&graph("rollout 10")), @"
    wall time 10 ms
              10 ms  100.0 %  nobody's turn
    critical path 10 of 10 ms: nobody's turn 10
             0       10 ms  -  nobody's turn
    ");
}

#[test]
fn results_that_wait_for_each_other_end() {
    let graph = graph(
        "
        thread /root 0 10
        thread /root/child 0 10
        tool wait-1 /root 0 10 wait_agent
        tool wait-2 /root/child 0 10 wait_agent
        edge one agent_result /root/child /root 10
        edge two agent_result /root /root/child 10
        ",
    );
    assert_snapshot!(answers(&graph), @"
    wall time 10 ms
              10 ms  100.0 %  waiting for agents
    /root 10 ms
              10 ms  100.0 %  waiting for agents
    /root/child 10 ms
              10 ms  100.0 %  waiting for agents
    critical path 10 of 10 ms: waiting for agents 10
             0       10 ms  /root        waiting for agents    wait_agent wait-1
            10             /root/child got a result
            10             /root got a result
    ");
}
