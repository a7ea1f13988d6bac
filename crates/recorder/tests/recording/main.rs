//! Recording sessions and reading them back.

#[path = "../../examples/traced_agent.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod traced_agent;

mod faults;
mod forked;
mod forms;
mod kill;
mod lifecycle;
mod limits;
mod misuse;
mod overlap;
mod redaction;
mod session;
mod support;
mod wires;
