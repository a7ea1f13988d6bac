//! Writing the events of one thread.

use std::{collections::VecDeque, sync::Arc};

use rollout_trace_schema::{
    AgentPath, AgentResultObserved, CellStatus, CodeCellEnded, CodeCellInitialResponse, CodeCellStarted,
    CodeModeRuntimeToolId, CodexTurnEnded, CodexTurnId, CodexTurnStarted, CompactionId, CompactionInstalled,
    CompactionRequestCompleted, CompactionRequestStarted, EdgeId, EventPayload, ExecutionStatus, HistoryItemAccepted,
    InferenceCallId, InferenceCancelled, InferenceCompleted, InferenceFailed, InferenceStarted, ModelVisibleCallId,
    PayloadKind, PayloadRef, ProtocolEventObserved, ResponsesItemId, RuntimeCellId, ThreadId, ThreadStarted,
    ToolCallEnded, ToolCallId, ToolCallRuntimeEnded, ToolCallRuntimeStarted, ToolCallStarted, ToolKind, ToolRequester,
    ToolSummary,
    document::{CompactionCheckpoint, CompactionRequest, CompactionResponse, InferenceResponse},
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    document::{ImportedDocument, LastRequest},
    draft::{At, Boundary, Draft, Note},
    object::Object,
    problem::{HISTORY_EVENT, PROBLEM_EVENT, Problem, ProblemCode},
};

/// How many characters of a call's input its summary shows.
const PREVIEW_CHARS: usize = 160;

/// The path of a session's first agent.
pub(crate) const ROOT_PATH: &str = "/root";

/// What stands for a name that the files do not say.
pub(crate) const UNKNOWN: &str = "unknown";

/// An item of a thread's history.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: ResponsesItemId,
    pub(crate) json: Arc<RawValue>,
}

impl Item {
    /// Makes an item of a value that has this id.
    pub(crate) fn new(id: impl Into<ResponsesItemId>, json: Box<RawValue>) -> Self {
        Self { id: id.into(), json: json.into() }
    }
}

/// The hashes of the messages that a request adds, and how many it takes from another request.
pub(crate) type AddedMessages = (Vec<String>, usize);

/// A request to the model.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) call: InferenceCallId,
    pub(crate) model: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) boundary: Boundary,
    /// The parts of the request that the files do not have.
    pub(crate) missing: &'a [&'a str],
    /// The parts that they have, beside the items.
    pub(crate) rest: Object<'a>,
    /// Hashes of the messages that the request adds, and how many messages of an earlier one it begins with.
    pub(crate) message_hashes: Option<AddedMessages>,
}

/// The answer to a request, or as much of it as is in the files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) response_id: Option<String>,
    pub(crate) upstream_request_id: Option<String>,
    pub(crate) usage: Option<Value>,
    pub(crate) items: Vec<Item>,
}

/// A call of a tool.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) tool: ToolCallId,
    /// The call's id in the conversation, if the model made it.
    pub(crate) call_id: Option<&'a str>,
    /// The code cell that made it and the call's id there, if a cell did.
    pub(crate) cell: Option<(RuntimeCellId, &'a str)>,
    pub(crate) kind: ToolKind,
    pub(crate) name: &'a str,
    pub(crate) input: &'a str,
    pub(crate) invocation: Option<Value>,
}

/// A call of a function, as an answer has it.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The arguments, as JSON.
    pub(crate) arguments: String,
}

/// Collects the events of one thread.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) thread: ThreadId,
    drafts: VecDeque<Draft>,
    last_request: LastRequest,
    calls: u64,
    turns: u64,
}

impl Writer {
    pub(crate) fn new(thread: ThreadId) -> Self {
        Self { thread, drafts: VecDeque::new(), last_request: LastRequest::default(), calls: 0, turns: 0 }
    }

    /// Takes the events that were written since, so that they can wait for what decides about them.
    pub(crate) fn take(&mut self) -> VecDeque<Draft> {
        std::mem::take(&mut self.drafts)
    }

    /// Writes events that have waited.
    pub(crate) fn put(&mut self, drafts: VecDeque<Draft>) {
        self.drafts.extend(drafts);
    }

    /// Forgets the last request, because its event was taken back.
    pub(crate) fn forget_request(&mut self) {
        self.last_request.forget();
    }

    fn push(&mut self, at: &At, body: impl Into<EventPayload>, documents: Vec<Vec<u8>>) {
        self.push_documents(at, body, documents.into_iter().map(ImportedDocument::Whole).collect());
    }

    fn push_documents(&mut self, at: &At, body: impl Into<EventPayload>, documents: Vec<ImportedDocument>) {
        let thread = self.thread.clone();
        self.drafts.push_back(Draft { at: at.clone(), thread, body: body.into(), documents, notes: Vec::new() });
    }

    fn note(&mut self, note: Note) {
        if let Some(draft) = self.drafts.back_mut() {
            draft.notes.push(note);
        }
    }

    /// Returns an id for the next inference call of the thread.
    pub(crate) fn new_call(&mut self) -> InferenceCallId {
        self.calls += 1;
        InferenceCallId::from(format!("import:{}:inference:{}", self.thread, self.calls))
    }

    /// Returns an id for a turn that no record names.
    pub(crate) fn new_turn(&mut self) -> CodexTurnId {
        self.turns += 1;
        CodexTurnId::from(format!("{}:turn:{}", self.thread, self.turns))
    }

    pub(crate) fn thread_started(&mut self, at: &At, agent_path: &str, metadata: &Value) {
        let event = ThreadStarted {
            thread_id: self.thread.clone(),
            agent_path: AgentPath::from(agent_path),
            metadata_payload: Some(reference(PayloadKind::SessionMetadata)),
        };
        self.push(at, event, vec![document(metadata)]);
    }

    pub(crate) fn turn_started(&mut self, at: &At, turn: &CodexTurnId) {
        let at = At { turn: Some(turn.clone()), ..at.clone() };
        self.push(&at, CodexTurnStarted { codex_turn_id: turn.clone(), thread_id: self.thread.clone() }, Vec::new());
    }

    pub(crate) fn turn_ended(&mut self, at: &At, turn: &CodexTurnId, status: ExecutionStatus) {
        let at = At { turn: Some(turn.clone()), ..at.clone() };
        self.push(&at, CodexTurnEnded { codex_turn_id: turn.clone(), status }, Vec::new());
    }

    /// Writes that an item entered the thread's history. Of a message between agents, the message is written too.
    pub(crate) fn accepted(&mut self, at: &At, item: &Item, is_agent_message: bool) {
        let reference = is_agent_message.then(|| reference(PayloadKind::ProtocolEvent));
        let documents = reference.iter().map(|_| item.json.get().as_bytes().to_vec()).collect();
        let item_id = item.id.clone();
        let event = HistoryItemAccepted { item_id, agent_message_payload: reference, tool_output_payload: None };
        self.push(at, event, documents);
    }

    /// Writes that a request went out, which held these items.
    pub(crate) fn inference_started<'i>(
        &mut self,
        at: &At,
        request: Request<'_>,
        items: impl IntoIterator<Item = &'i Item>,
    ) {
        let event = InferenceStarted {
            inference_call_id: request.call,
            thread_id: self.thread.clone(),
            codex_turn_id: at.turn.clone().unwrap_or_else(|| CodexTurnId::from("")),
            model: request.model.to_owned(),
            provider_name: request.provider.to_owned(),
            wire_api: None,
            request_input_mode: None,
            request_payload: reference(PayloadKind::InferenceRequest),
            prepared_prompt_payload: None,
            warmup_context_payload: None,
            stripped_tool_output_ids: Vec::new(),
        };
        let mut import = json!({
            "evidence": request.boundary.grade().as_str(),
            "boundary": if request.boundary == Boundary::Implied { "implied" } else { "recorded" },
            "missing": request.missing,
        });
        if let Some((hashes, kept)) = request.message_hashes {
            import["message_hashes"] = json!(hashes);
            import["messages_kept"] = json!(kept);
        }
        let mut fields = request.rest;
        fields.set("rollout_trace_import", &import);
        fields.set("model", request.model);
        let document = self.last_request.next(items, &fields);
        self.push_documents(&at.graded(request.boundary.grade()), event, vec![document]);
        self.note(Note::Request(request.boundary));
    }

    pub(crate) fn inference_completed(&mut self, at: &At, call: &InferenceCallId, answer: &Answer) {
        let event = InferenceCompleted {
            inference_call_id: call.clone(),
            response_id: answer.response_id.as_deref().map(Into::into),
            upstream_request_id: answer.upstream_request_id.as_deref().map(Into::into),
            response_payload: reference(PayloadKind::InferenceResponse),
        };
        self.push(at, event, vec![response(answer)]);
    }

    pub(crate) fn inference_failed(&mut self, at: &At, call: &InferenceCallId, error: &str, answer: &Answer) {
        let (partial_response_payload, documents) = partial(answer);
        let event = InferenceFailed {
            inference_call_id: call.clone(),
            upstream_request_id: answer.upstream_request_id.as_deref().map(Into::into),
            error: error.to_owned(),
            partial_response_payload,
        };
        self.push(at, event, documents);
    }

    pub(crate) fn inference_cancelled(&mut self, at: &At, call: &InferenceCallId, reason: &str, answer: &Answer) {
        let (partial_response_payload, documents) = partial(answer);
        let event = InferenceCancelled {
            inference_call_id: call.clone(),
            upstream_request_id: answer.upstream_request_id.as_deref().map(Into::into),
            reason: reason.to_owned(),
            partial_response_payload,
        };
        self.push(at, event, documents);
    }

    pub(crate) fn tool_started(&mut self, at: &At, call: Call<'_>) {
        let requester = match &call.cell {
            Some((cell, _)) => ToolRequester::CodeCell { runtime_cell_id: cell.clone() },
            None => ToolRequester::Model,
        };
        let event = ToolCallStarted {
            tool_call_id: call.tool,
            model_visible_call_id: call.call_id.map(ModelVisibleCallId::from),
            code_mode_runtime_tool_id: call.cell.map(|(_, id)| CodeModeRuntimeToolId::from(id)),
            requester,
            kind: call.kind,
            summary: ToolSummary::Generic {
                label: call.name.to_owned(),
                input_preview: preview(call.input),
                output_preview: None,
            },
            invocation_payload: call.invocation.as_ref().map(|_| reference(PayloadKind::ToolInvocation)),
        };
        self.push(at, event, call.invocation.iter().map(document).collect());
    }

    /// Writes that the model called a function.
    pub(crate) fn function_called(&mut self, at: &At, called: &Called, kind: ToolKind) {
        let payload = json!({"type": "function", "arguments": called.arguments});
        let call = Call {
            tool: ToolCallId::from(called.id.as_str()),
            call_id: Some(&called.id),
            cell: None,
            kind,
            name: &called.name,
            input: &called.arguments,
            invocation: Some(json!({"tool_name": called.name, "payload": payload})),
        };
        self.tool_started(at, call);
    }

    /// Writes that a call started an agent.
    pub(crate) fn agent_started(&mut self, at: &At, call_id: &str, (agent, path): (&ThreadId, &str)) {
        let activity = json!({
            "event_id": call_id, "occurred_at_ms": at.time, "agent_thread_id": agent, "agent_path": path,
            "kind": "started",
        });
        self.runtime_ended(&at.reconstructed(), &ToolCallId::from(call_id), ExecutionStatus::Completed, &activity);
    }

    /// Writes that an item of this thread is the answer of an agent. Which of its turns it is of is found out later.
    pub(crate) fn agent_answered(&mut self, at: &At, agent: &ThreadId, message: &str, item: &ResponsesItemId) {
        let event = AgentResultObserved {
            edge_id: EdgeId::from(""),
            child_thread_id: agent.clone(),
            child_codex_turn_id: CodexTurnId::from(""),
            parent_thread_id: self.thread.clone(),
            message: message.to_owned(),
            carried_payload: None,
            delivered_item_id: Some(item.clone()),
        };
        self.agent_result(&at.reconstructed(), event);
    }

    pub(crate) fn runtime_started(&mut self, at: &At, tool: &ToolCallId, kind: ToolKind, event: &impl Serialize) {
        let body = ToolCallRuntimeStarted {
            tool_call_id: tool.clone(),
            kind: Some(kind),
            runtime_payload: reference(PayloadKind::ToolRuntimeEvent),
        };
        self.push(at, body, vec![document(event)]);
    }

    pub(crate) fn runtime_ended(
        &mut self,
        at: &At,
        tool: &ToolCallId,
        status: ExecutionStatus,
        event: &impl Serialize,
    ) {
        let runtime_payload = reference(PayloadKind::ToolRuntimeEvent);
        let body = ToolCallRuntimeEnded { tool_call_id: tool.clone(), status, runtime_payload };
        self.push(at, body, vec![document(event)]);
    }

    /// Writes that a call ended, with the item that answers it and what else is recorded about the answer.
    pub(crate) fn tool_ended(&mut self, at: &At, tool: &ToolCallId, status: ExecutionStatus, result: Option<&Value>) {
        let result_payload = result.map(|_| reference(PayloadKind::ToolResult));
        let documents = result.into_iter().map(document).collect();
        self.push(at, ToolCallEnded { tool_call_id: tool.clone(), status, result_payload }, documents);
    }

    pub(crate) fn cell_started(&mut self, at: &At, cell: &RuntimeCellId, call_id: &str, source: &str) {
        let event = CodeCellStarted {
            runtime_cell_id: cell.clone(),
            model_visible_call_id: call_id.into(),
            source_js: source.to_owned(),
        };
        self.push(at, event, Vec::new());
    }

    pub(crate) fn cell_answered(&mut self, at: &At, cell: &RuntimeCellId, response: &Value) {
        let event = CodeCellInitialResponse {
            runtime_cell_id: cell.clone(),
            status: CellStatus::Yielded,
            response_payload: Some(reference(PayloadKind::ToolResult)),
        };
        self.push(at, event, vec![document(response)]);
    }

    pub(crate) fn cell_ended(&mut self, at: &At, cell: &RuntimeCellId, status: CellStatus, response: &Value) {
        let event = CodeCellEnded {
            runtime_cell_id: cell.clone(),
            status,
            response_payload: Some(reference(PayloadKind::ToolResult)),
        };
        self.push(at, event, vec![document(response)]);
    }

    pub(crate) fn compaction_requested(
        &mut self,
        [started, ended]: [&At; 2],
        compaction: &CompactionId,
        (model, provider): (&str, &str),
        (input, answer): (&[Item], &Answer),
    ) {
        let request = rollout_trace_schema::CompactionRequestId::from(format!("{compaction}:request"));
        let event = CompactionRequestStarted {
            compaction_id: compaction.clone(),
            compaction_request_id: request.clone(),
            thread_id: self.thread.clone(),
            codex_turn_id: started.turn.clone().unwrap_or_else(|| CodexTurnId::from("")),
            model: model.to_owned(),
            provider_name: provider.to_owned(),
            request_payload: reference(PayloadKind::CompactionRequest),
        };
        let input: Vec<&RawValue> = input.iter().map(|item| &*item.json).collect();
        self.push(started, event, vec![document(&CompactionRequest { input, unknown: Map::new() })]);
        let event = CompactionRequestCompleted {
            compaction_id: compaction.clone(),
            compaction_request_id: request,
            response_payload: reference(PayloadKind::CompactionResponse),
        };
        let output_items: Vec<&RawValue> = answer.items.iter().map(|item| &*item.json).collect();
        let mut unknown = Map::new();
        if let Some(id) = &answer.response_id {
            unknown.insert("response_id".to_owned(), Value::from(id.as_str()));
        }
        if let Some(usage) = &answer.usage {
            unknown.insert("token_usage".to_owned(), usage.clone());
        }
        self.push(ended, event, vec![document(&CompactionResponse { output_items, unknown })]);
    }

    pub(crate) fn compacted(&mut self, at: &At, compaction: &CompactionId, before: &[Item], after: &[Item]) {
        let texts = |items: &[Item]| items.iter().map(|item| item.json.clone()).collect::<Vec<_>>();
        let (before, after) = (texts(before), texts(after));
        let checkpoint = CompactionCheckpoint {
            input_history: before.iter().map(|item| &**item).collect::<Vec<&RawValue>>(),
            replacement_history: after.iter().map(|item| &**item).collect::<Vec<&RawValue>>(),
            unknown: Map::new(),
        };
        let event = CompactionInstalled {
            compaction_id: compaction.clone(),
            checkpoint_payload: reference(PayloadKind::CompactionCheckpoint),
        };
        self.push(at, event, vec![document(&checkpoint)]);
    }

    /// Writes that a child's result reached this thread.
    pub(crate) fn agent_result(&mut self, at: &At, event: AgentResultObserved) {
        self.push(at, event, Vec::new());
    }

    /// Lists items that are in the history although no request is known to have shown them.
    pub(crate) fn history(&mut self, at: &At, items: &[Item]) {
        if items.is_empty() {
            return;
        }
        #[derive(Serialize)]
        struct History<'a> {
            items: Vec<&'a RawValue>,
        }
        let history = History { items: items.iter().map(|item| &*item.json).collect() };
        self.protocol(at, HISTORY_EVENT, &history);
    }

    pub(crate) fn protocol(&mut self, at: &At, event_type: &str, event: &(impl Serialize + ?Sized)) {
        let event_payload = reference(PayloadKind::ProtocolEvent);
        self.push(
            at,
            ProtocolEventObserved { event_type: event_type.to_owned(), event_payload },
            vec![document(event)],
        );
    }

    pub(crate) fn problem(&mut self, at: &At, code: ProblemCode, message: impl Into<String>) {
        let problem = Problem { code, file: at.place.file, line: at.place.line, message: message.into() };
        self.protocol(at, PROBLEM_EVENT, &problem);
        self.note(Note::Problem(problem));
    }

    /// Counts something that is not known, at the event that was written last.
    pub(crate) fn loss(&mut self, code: &'static str) {
        self.note(Note::Loss(code));
    }

    /// Says that another thread of the session is to be read, at the event that was written last.
    pub(crate) fn child(&mut self, thread: ThreadId) {
        self.note(Note::Child(thread));
    }
}

/// Returns a reference that gets its number later.
fn reference(kind: PayloadKind) -> PayloadRef {
    PayloadRef::at_path("", kind, "")
}

fn document(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    serde_json::to_vec(value).expect("documents are made of JSON")
}

fn response(answer: &Answer) -> Vec<u8> {
    document(&InferenceResponse {
        response_id: answer.response_id.as_deref().map(Into::into),
        upstream_request_id: answer.upstream_request_id.as_deref().map(Into::into),
        token_usage: answer.usage.as_ref(),
        output_items: answer.items.iter().map(|item| &*item.json).collect::<Vec<&RawValue>>(),
        unknown: Map::new(),
    })
}

fn partial(answer: &Answer) -> (Option<PayloadRef>, Vec<Vec<u8>>) {
    if answer.items.is_empty() && answer.usage.is_none() {
        return (None, Vec::new());
    }
    (Some(reference(PayloadKind::InferenceResponse)), vec![response(answer)])
}

fn preview(input: &str) -> Option<String> {
    let end = input.char_indices().nth(PREVIEW_CHARS).map_or(input.len(), |(end, _)| end);
    (!input.is_empty()).then(|| input[..end].to_owned())
}
