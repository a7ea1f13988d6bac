//! Finding what a person means.
//!
//! Source: questions, section 1.4.

use rollout_trace_model::{CodeCellId, InferenceCall, ItemId, OperationId, TerminalId};
use rollout_trace_schema::{ThreadId, ToolKind};

use crate::{Node, rollout::Rollout, tool_name};

/// Why a selector means nothing, or nothing certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// Nothing in the rollout fits.
    Nothing,
    /// Several things fit.
    Several(Vec<Node>),
}

impl<'a> Rollout<'a> {
    /// Returns what a selector means: an id, a number, a name, or any of these after a prefix such as `item:` or
    /// `request:`. Everything that an answer prints as a name is a selector.
    ///
    /// # Errors
    ///
    /// Nothing fits, or several things do.
    pub fn select(&self, selector: &str) -> Result<Node, SelectError> {
        // What follows the word may also begin an id by chance.
        if let Some((prefix, rest)) = selector.split_once(':').or_else(|| Some(("request", spoken(selector)?)))
            && let Some(found) = self.after_prefix(prefix, rest)
            && !found.is_empty()
        {
            return one(found);
        }
        let steps: [&dyn Fn() -> Vec<Node>; 12] = [
            &|| self.item(selector),
            &|| self.tool_call(selector),
            &|| self.code_cell(selector),
            &|| self.terminal_operation(selector),
            &|| self.terminal_session(selector),
            &|| self.compaction(selector),
            &|| self.turn(selector),
            &|| self.agents(selector),
            // A name that several calls have may be that of something else.
            &|| self.calls_named(selector),
            &|| self.call_of_selector(selector).into_iter().map(node).collect(),
            &|| self.calls_with_prefix(selector).into_iter().map(node).collect(),
            &|| self.edge(selector),
        ];
        let mut several = Vec::new();
        for step in steps {
            let mut found = step();
            match found.len() {
                0 => {}
                1 => return Ok(found.swap_remove(0)),
                _ if several.is_empty() => several = found,
                _ => {}
            }
        }
        if several.is_empty() { Err(SelectError::Nothing) } else { Err(SelectError::Several(several)) }
    }

    /// Returns the inference call that a selector means: its number, its name, its id, or the beginning of its id.
    ///
    /// # Errors
    ///
    /// No call fits, or several do.
    pub fn select_call(&self, selector: &str) -> Result<&'a InferenceCall, SelectError> {
        let selector = selector.strip_prefix("request:").or_else(|| spoken(selector)).unwrap_or(selector);
        if let Some(call) = self.call_of_selector(selector) {
            return Ok(call);
        }
        let calls = self.calls_with_prefix(selector);
        match calls.as_slice() {
            [] => Err(SelectError::Nothing),
            [call] => Ok(call),
            calls => Err(SelectError::Several(calls.iter().copied().map(node).collect())),
        }
    }

    /// Returns the thread of the agent that a selector means: its name, its thread's id, or the beginning of the id.
    ///
    /// # Errors
    ///
    /// No agent fits, or several do.
    pub fn select_thread(&self, selector: &str) -> Result<&'a ThreadId, SelectError> {
        let rest = selector.strip_prefix("agent:").or_else(|| selector.strip_prefix("thread:"));
        let threads = self.graph().threads.keys();
        let begins = |thread: &&ThreadId| !selector.is_empty() && thread.starts_with(selector);
        let steps = [
            rest.map(|rest| self.threads_named(rest)).unwrap_or_default(),
            self.threads_named(selector),
            threads.filter(begins).collect(),
        ];
        match steps.into_iter().find(|found| !found.is_empty()).as_deref() {
            None => Err(SelectError::Nothing),
            Some([thread]) => Ok(thread),
            Some(several) => Err(SelectError::Several(several.iter().copied().cloned().map(Node::Thread).collect())),
        }
    }

    /// Returns a selector that means this thing and no other: the shortest that is usual, unless that is also the id or
    /// name of something else.
    pub fn selector(&self, node: &Node) -> String {
        let usual = match node {
            Node::Item(item) => format!("item:{}", item.0),
            Node::Inference(id) => self.call_name(id),
            Node::Turn(id) => self.turn_name(id),
            Node::Thread(id) => format!("thread:{id}"),
            Node::ToolCall(id) => format!("call:{id}"),
            Node::CodeCell(id) => format!("cell:{id}"),
            Node::TerminalSession(id) => format!("terminal:{id}"),
            Node::Compaction(id) => format!("compaction:{id}"),
            Node::TerminalOperation(_) | Node::Edge(_) | Node::Root(_) => node.to_string(),
        };
        let others = match node {
            Node::Inference(id) => [format!("request:{}", self.call_number(id)), id.to_string()],
            Node::Turn(id) => [format!("turn:{id}"), id.to_string()],
            Node::TerminalOperation(id) => [format!("terminal:{id}"), id.to_string()],
            _ => [format!("{}:{node}", node.kind()), node.to_string()],
        };
        let means_it = |selector: &String| self.select(selector).as_ref() == Ok(node);
        std::iter::once(usual.clone()).chain(others).find(means_it).unwrap_or(usual)
    }

    /// Returns what fits after a prefix, or `None` if it is no prefix.
    fn after_prefix(&self, prefix: &str, rest: &str) -> Option<Vec<Node>> {
        Some(match prefix {
            "item" => self.item(rest),
            "request" => match self.select_call(rest) {
                Ok(call) => vec![node(call)],
                Err(SelectError::Several(several)) => several,
                Err(SelectError::Nothing) => Vec::new(),
            },
            "turn" => self.turn(rest),
            "agent" | "thread" => self.agents(rest),
            "call" => match self.tool_call(rest) {
                found if found.is_empty() => self.calls_with_visible_id(rest),
                found => found,
            },
            "cell" => self.code_cell(rest),
            "terminal" => match self.terminal_session(rest) {
                found if found.is_empty() => self.terminal_operation(rest),
                found => found,
            },
            "process" => {
                let sessions = self.graph().terminal_sessions.values();
                let of_process = sessions.filter(|session| session.process_id.as_deref() == Some(rest));
                of_process.map(|session| Node::TerminalSession(session.terminal_id.clone())).collect()
            }
            "compaction" => self.compaction(rest),
            "edge" => self.edge(rest),
            _ => return None,
        })
    }

    fn item(&self, selector: &str) -> Vec<Node> {
        let number = selector.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(selector);
        let id = number.parse().map(ItemId).ok().or_else(|| selector.parse().ok());
        let known = id.filter(|id| self.graph().conversation_items.contains_key(id));
        known.map(Node::Item).into_iter().collect()
    }

    fn tool_call(&self, selector: &str) -> Vec<Node> {
        let call = self.graph().tool_calls.get(selector);
        call.map(|call| Node::ToolCall(call.tool_call_id.clone())).into_iter().collect()
    }

    fn code_cell(&self, selector: &str) -> Vec<Node> {
        let cells = &self.graph().code_cells;
        let by_id = [selector.to_owned(), format!("code_cell:{selector}")];
        if let Some(cell) = by_id.into_iter().find_map(|id| cells.get(&CodeCellId(id))) {
            return vec![Node::CodeCell(cell.code_cell_id.clone())];
        }
        let of_runtime = cells.values().filter(|cell| cell.runtime_cell_id.as_deref() == Some(selector));
        of_runtime.map(|cell| Node::CodeCell(cell.code_cell_id.clone())).collect()
    }

    fn terminal_operation(&self, selector: &str) -> Vec<Node> {
        let id = selector.parse().ok();
        let known = id.filter(|id: &OperationId| self.graph().terminal_operations.contains_key(id));
        known.map(Node::TerminalOperation).into_iter().collect()
    }

    fn terminal_session(&self, selector: &str) -> Vec<Node> {
        let session = self.graph().terminal_sessions.get(&TerminalId(selector.to_owned()));
        session.map(|session| Node::TerminalSession(session.terminal_id.clone())).into_iter().collect()
    }

    /// Returns a compaction by its id, or by the id of a request for it.
    fn compaction(&self, selector: &str) -> Vec<Node> {
        let graph = self.graph();
        let installed = graph.compactions.get(selector).map(|compaction| &compaction.compaction_id);
        let requested = || graph.compaction_requests.get(selector).map(|request| &request.compaction_id);
        installed.or_else(requested).cloned().map(Node::Compaction).into_iter().collect()
    }

    fn turn(&self, selector: &str) -> Vec<Node> {
        if let Some(turn) = self.graph().codex_turns.get(selector) {
            return vec![Node::Turn(turn.codex_turn_id.clone())];
        }
        let Ok(number) = selector.strip_prefix("turn-").unwrap_or(selector).parse::<usize>() else { return Vec::new() };
        let turn = self.graph().codex_turns.keys().find(|turn| self.turn_number(turn) == Some(number));
        turn.cloned().map(Node::Turn).into_iter().collect()
    }

    fn agents(&self, selector: &str) -> Vec<Node> {
        self.threads_named(selector).into_iter().cloned().map(Node::Thread).collect()
    }

    fn threads_named(&self, selector: &str) -> Vec<&'a ThreadId> {
        let threads = self.graph().threads.keys();
        threads.filter(|thread| thread.as_str() == selector || self.agent(thread) == selector).collect()
    }

    fn edge(&self, selector: &str) -> Vec<Node> {
        let edges = &self.graph().interaction_edges;
        let edge = edges.get(selector).or_else(|| edges.get(format!("edge:{selector}").as_str()));
        edge.map(|edge| Node::Edge(edge.edge_id.clone())).into_iter().collect()
    }

    fn calls_named(&self, selector: &str) -> Vec<Node> {
        let calls = self.graph().tool_calls.values().filter(|call| {
            let name = tool_name(&call.kind);
            let is_own = matches!(&call.kind, ToolKind::Mcp { tool, .. } if &**tool == selector);
            name == selector || is_own || call.model_visible_call_id.as_deref() == Some(selector)
        });
        calls.map(|call| Node::ToolCall(call.tool_call_id.clone())).collect()
    }

    fn calls_with_visible_id(&self, selector: &str) -> Vec<Node> {
        let calls = self.graph().tool_calls.values();
        let found = calls.filter(|call| call.model_visible_call_id.as_deref() == Some(selector));
        found.map(|call| Node::ToolCall(call.tool_call_id.clone())).collect()
    }

    fn call_of_selector(&self, selector: &str) -> Option<&'a InferenceCall> {
        let number = selector.strip_prefix("inference-").unwrap_or(selector).parse::<usize>().ok();
        let by_number = number.and_then(|number| self.calls().get(number.checked_sub(1)?)).copied();
        by_number.or_else(|| self.graph().inference_calls.get(selector))
    }

    fn calls_with_prefix(&self, selector: &str) -> Vec<&'a InferenceCall> {
        let calls = self.calls().iter().copied();
        calls.filter(|call| !selector.is_empty() && call.inference_call_id.starts_with(selector)).collect()
    }
}

/// Returns the number of a request that is named as text for people names it, such as `request 12`.
fn spoken(selector: &str) -> Option<&str> {
    selector.strip_prefix("request ").filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
}

fn node(call: &InferenceCall) -> Node {
    Node::Inference(call.inference_call_id.clone())
}

fn one(mut found: Vec<Node>) -> Result<Node, SelectError> {
    match found.len() {
        0 => Err(SelectError::Nothing),
        1 => Ok(found.swap_remove(0)),
        _ => Err(SelectError::Several(found)),
    }
}
