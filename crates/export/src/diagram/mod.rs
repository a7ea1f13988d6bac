//! Diagrams in the languages of Mermaid and Graphviz.
//!
//! Source: exports, section 6.

mod agents;
mod label;
mod sequence;

use std::io::{self, Write};

use rollout_trace_answers::Rollout;
use rollout_trace_model::Severity;

use self::{
    agents::Agents,
    label::count,
    sequence::{Part, Sequence, Shape, Step},
};
use crate::{LeftOut, Texts, Written, subject::Subject};

/// The version of the mapping. A change that alters what a diagram means raises it.
const MAPPING: u32 = 1;

/// The most agents, and the most arrows, of a Mermaid flowchart. Mermaid refuses larger ones.
const FLOWCHART: usize = 200;

/// Writes what happened in a rollout, in order, as a Mermaid sequence diagram.
///
/// # Errors
///
/// Writing fails.
pub fn write_sequence(rollout: &Rollout<'_>, texts: Texts, out: &mut dyn Write) -> io::Result<Written> {
    let subject = Subject::of(rollout);
    let sequence = Sequence::of(&subject, texts);
    let mut left_out = not_drawn(&subject, sequence.without_both_ends);
    left_out.add(sequence.agents_left_out, "agent", "agents");
    left_out.add(sequence.arrows_left_out, "arrow", "arrows");
    writeln!(out, "%% {}", header(&subject, &left_out))?;
    writeln!(out, "sequenceDiagram")?;
    for (place, agent) in sequence.agents.iter().enumerate() {
        writeln!(out, "  participant a{} as {agent}", place + 1)?;
    }
    writeln!(out, "  participant model\n  participant tools")?;
    let name = |part: &Part| match part {
        Part::Agent(place) => format!("a{}", place + 1),
        Part::Model => "model".to_owned(),
        Part::Tools => "tools".to_owned(),
    };
    if let Some(damage) = damage(&subject) {
        writeln!(out, "  Note over model: {damage}")?;
    }
    for step in &sequence.steps {
        match step {
            Step::Arrow { from, to, shape, label } => {
                let arrow = match shape {
                    Shape::Start => "->>",
                    Shape::End => "-->>",
                    Shape::Broken => "-x",
                };
                writeln!(out, "  {}{arrow}{}: {label}", name(from), name(to))?;
            }
            Step::Note { agent, label } => writeln!(out, "  Note over {}: {label}", name(&Part::Agent(*agent)))?,
        }
    }
    if sequence.arrows_left_out + sequence.agents_left_out > 0 {
        let (arrows, agents) = (count(sequence.arrows_left_out, "arrow"), count(sequence.agents_left_out, "agent"));
        writeln!(out, "  Note over model,tools: not shown: {arrows}, {agents}")?;
    }
    Ok(Written { left_out, advice: None })
}

/// Writes the agents of a rollout, and what passes between them, as a Mermaid flowchart.
///
/// # Errors
///
/// Writing fails.
pub fn write_flowchart(rollout: &Rollout<'_>, out: &mut dyn Write) -> io::Result<Written> {
    let subject = Subject::of(rollout);
    let agents = Agents::of(&subject);
    let shown: Vec<_> = agents.arrows.iter().filter(|((from, to, _), _)| *from.max(to) < FLOWCHART).collect();
    let arrows = &shown[..shown.len().min(FLOWCHART)];
    let mut left_out = not_drawn(&subject, agents.without_both_ends);
    left_out.add(agents.list.len().saturating_sub(FLOWCHART), "agent", "agents");
    left_out.add(agents.arrows.len() - arrows.len(), "arrow", "arrows");
    writeln!(out, "%% {}", header(&subject, &left_out))?;
    writeln!(out, "flowchart TD")?;
    for (place, lines) in agents.list.iter().take(FLOWCHART).enumerate() {
        writeln!(out, "  a{}[\"{}\"]", place + 1, lines.join("<br/>"))?;
    }
    for ((from, to, kind), times) in arrows {
        writeln!(out, "  a{} -->|\"{kind} {times}\"| a{}", from + 1, to + 1)?;
    }
    if let Some(damage) = damage(&subject) {
        writeln!(out, "  damage[\"{damage}\"]")?;
    }
    if agents.list.len() > FLOWCHART || arrows.len() < agents.arrows.len() {
        writeln!(out, "  rest[\"not in this diagram: {left_out}\"]")?;
    }
    Ok(Written { left_out, advice: None })
}

/// Writes the agents of a rollout, and what passes between them, in the language of Graphviz.
///
/// # Errors
///
/// Writing fails.
pub fn write_dot(rollout: &Rollout<'_>, out: &mut dyn Write) -> io::Result<Written> {
    let subject = Subject::of(rollout);
    let agents = Agents::of(&subject);
    let left_out = not_drawn(&subject, agents.without_both_ends);
    writeln!(out, "// {}", header(&subject, &left_out))?;
    writeln!(out, "digraph rollout {{\n  node [shape=box];")?;
    if let Some(damage) = damage(&subject) {
        writeln!(out, "  label=\"{damage}\";")?;
    }
    for (place, lines) in agents.list.iter().enumerate() {
        writeln!(out, "  a{} [label=\"{}\"];", place + 1, lines.join("\\n"))?;
    }
    for ((from, to, kind), times) in &agents.arrows {
        writeln!(out, "  a{} -> a{} [label=\"{kind} {times}\"];", from + 1, to + 1)?;
    }
    writeln!(out, "}}")?;
    Ok(Written { left_out, advice: None })
}

/// Returns what no diagram shows.
fn not_drawn(subject: &Subject<'_, '_>, without_both_ends: usize) -> LeftOut {
    let graph = subject.graph;
    let mut left_out = LeftOut::default();
    left_out.add(graph.conversation_items.len(), "conversation item", "conversation items");
    left_out.add(graph.code_cells.len(), "code cell", "code cells");
    left_out.add(graph.terminal_operations.len(), "terminal operation", "terminal operations");
    left_out.add(graph.undelivered_messages.len(), "undelivered message", "undelivered messages");
    left_out.add(without_both_ends, "edge without both ends", "edges without both ends");
    left_out
}

/// Returns the first line of a diagram, a comment.
fn header(subject: &Subject<'_, '_>, left_out: &LeftOut) -> String {
    let went_back = subject.clock.went_back();
    format!("rollout-trace, mapping {MAPPING}; clock went back: {went_back}; not in this diagram: {left_out}")
}

/// Returns what is wrong with the evidence, if something is.
fn damage(subject: &Subject<'_, '_>) -> Option<String> {
    let diagnostics = &subject.graph.diagnostics;
    let of = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    (errors + warnings > 0).then(|| format!("evidence: {}, {}", count(errors, "error"), count(warnings, "warning")))
}
