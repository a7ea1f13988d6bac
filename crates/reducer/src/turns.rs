//! Turns.
//!
//! Source: reduction, sections 3.4 and 3.5.

use rollout_trace_model::{CodexTurn, DiagnosticCode, Durations, Execution};
use rollout_trace_schema::{CodexTurnEnded, CodexTurnId, CodexTurnStarted, ThreadId};

use crate::{context::Context, threads};

pub(crate) fn started(cx: &mut Context<'_>, event: &CodexTurnStarted) {
    let id = &event.codex_turn_id;
    threads::ensure_known(cx, &event.thread_id);
    let (time, seq) = (cx.at.time, cx.at.seq);
    match cx.graph.codex_turns.get(id) {
        None => add(cx, id, &event.thread_id, Execution::started(time, seq)),
        Some(known) if known.execution.start_unobserved => {
            let turn = cx.graph.object_mut(id);
            turn.execution.start(time, seq);
            turn.thread_id = event.thread_id.clone();
        }
        Some(_) => {
            let message = format!("turn {id} starts a second time; the first start counts");
            cx.report.event(DiagnosticCode::DuplicateStart, &[id], message);
        }
    }
}

pub(crate) fn ended(cx: &mut Context<'_>, event: &CodexTurnEnded) {
    let id = &event.codex_turn_id;
    if !cx.graph.codex_turns.contains_key(id) {
        let thread = cx.at.thread.clone().unwrap_or_else(|| cx.graph.root_thread_id.clone());
        ensure_known(cx, id, &thread);
    }
    let turn = cx.graph.object_mut(id);
    if !turn.execution.is_running() {
        let message = format!("turn {id} ends a second time; the later end counts");
        cx.report.event(DiagnosticCode::RepeatedEnd, &[id], message);
    }
    turn.execution.end(cx.at.time, cx.at.seq, event.status.clone());
}

/// Adds the turn with what is known about it, and its thread, if the start of the turn is lost.
pub(crate) fn ensure_known(cx: &mut Context<'_>, turn: &CodexTurnId, thread: &ThreadId) {
    if cx.graph.codex_turns.contains_key(turn) {
        return;
    }
    threads::ensure_known(cx, thread);
    let message = format!("turn {turn} was never started; it is in the graph with what is known about it");
    cx.report.once(DiagnosticCode::UnknownTurn, turn, message);
    add(cx, turn, thread, Execution { start_unobserved: true, ..Execution::started(cx.at.time, cx.at.seq) });
}

/// Returns the thread that the event belongs to: the envelope's, else that of its turn, else the root. The thread and
/// the turn are in the graph afterwards. `what` names the object of the event in a diagnostic.
///
/// Source: reduction, section 2.3.
pub(crate) fn thread_of_event(cx: &mut Context<'_>, what: &str) -> ThreadId {
    let of_turn = || Some(cx.graph.codex_turns.get(cx.at.turn.as_ref()?)?.thread_id.clone());
    let thread = cx.at.thread.clone().or_else(of_turn).unwrap_or_else(|| {
        let message = format!("the event names no thread for {what}; the root thread is assumed");
        cx.report.event(DiagnosticCode::UnknownThread, &[&what], message);
        cx.graph.root_thread_id.clone()
    });
    threads::ensure_known(cx, &thread);
    if let Some(turn) = &cx.at.turn {
        ensure_known(cx, turn, &thread);
    }
    thread
}

fn add(cx: &mut Context<'_>, turn: &CodexTurnId, thread: &ThreadId, execution: Execution) {
    let codex_turn = CodexTurn {
        codex_turn_id: turn.clone(),
        thread_id: thread.clone(),
        execution,
        input_item_ids: Vec::new(),
        new_input_item_ids: Vec::new(),
        durations: Durations::default(),
        evidence: cx.at.evidence.clone(),
        evidence_source: cx.at.source,
    };
    cx.graph.insert(turn, codex_turn);
}
