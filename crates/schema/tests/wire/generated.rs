//! Every event that the types can hold survives writing and reading.

use std::fmt::Debug;

use proptest::{option::of, prelude::*};
use rollout_trace_schema::*;
use serde_json::{Map, Value, json};

/// Returns any text: ids, prose, any script, quotes and control characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9:_-]{0,12}", "\\PC{0,8}", any::<String>()]
}

fn id<T: From<String> + Debug>() -> impl Strategy<Value = T> {
    text().prop_map(T::from)
}

/// Returns one of the known values, or an unknown one.
fn open<T: for<'a> From<&'a str> + Debug>(known: &'static [&'static str]) -> impl Strategy<Value = T> {
    prop_oneof![
        4 => proptest::sample::select(known).prop_map(|text| T::from(text)),
        1 => text().prop_map(|text| T::from(text.as_str())),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Returns an object of an unknown type.
fn unknown() -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::btree_map("[a-z_]{1,8}", value(), 0..4).prop_map(|fields| {
        let mut object: Map<String, Value> = fields.into_iter().collect();
        object.insert("type".into(), json!("of tomorrow"));
        object
    })
}

fn payload_kind() -> impl Strategy<Value = PayloadKind> {
    prop_oneof![
        4 => proptest::sample::select(PayloadKind::KNOWN).prop_map(|kind| json!({ "type": kind })),
        1 => text().prop_map(|kind| json!({ "type": format!("new {kind}") })),
        1 => value().prop_map(|value| json!({ "type": "of tomorrow", "value": value })),
    ]
    .prop_map(|kind| serde_json::from_value(kind).unwrap())
}

fn payload() -> impl Strategy<Value = PayloadRef> {
    let at_path =
        (id::<RawPayloadId>(), payload_kind(), text()).prop_map(|(id, kind, path)| PayloadRef::at_path(id, kind, path));
    prop_oneof![at_path, stored()]
}

/// A reference of schema 3.
fn stored() -> impl Strategy<Value = PayloadRef> {
    let capture = prop_oneof![
        4 => Just(Capture::Complete),
        1 => any::<(u64, u64)>().prop_map(|(original_bytes, retained_bytes)| Capture::Truncated {
            original_bytes,
            retained_bytes
        }),
        1 => any::<u64>().prop_map(|original_bytes| Capture::Omitted { original_bytes }),
        1 => unknown().prop_map(|mut object| {
            object.insert("status".into(), json!("of tomorrow"));
            Capture::Unknown(object)
        }),
    ];
    let own = (id(), payload_kind(), of(any::<u64>()), capture);
    let leaf = own.prop_map(|(raw_payload_id, kind, shard, capture)| PayloadRef {
        raw_payload_id,
        kind,
        place: PayloadPlace::Shard(shard),
        capture,
        parts: [].into(),
    });
    leaf.prop_recursive(2, 8, 3, |inner| {
        (inner.clone(), proptest::collection::vec(inner, 0..3))
            .prop_map(|(whole, parts)| PayloadRef { parts: parts.into(), ..whole })
    })
}

fn mode() -> impl Strategy<Value = RequestInputMode> {
    prop_oneof![
        Just(RequestInputMode::FullSnapshot),
        id().prop_map(|previous_response_id| RequestInputMode::Incremental { previous_response_id }),
        (id(), payload()).prop_map(|(previous_response_id, prefix_payload)| {
            RequestInputMode::IncrementalWithUntracedPrefix { previous_response_id, prefix_payload }
        }),
        unknown().prop_map(|object| RequestInputMode::Unknown(object.into())),
    ]
}

fn requester() -> impl Strategy<Value = ToolRequester> {
    prop_oneof![
        Just(ToolRequester::Model),
        id().prop_map(|runtime_cell_id| ToolRequester::CodeCell { runtime_cell_id }),
        unknown().prop_map(ToolRequester::Unknown),
    ]
}

fn tool_kind() -> impl Strategy<Value = ToolKind> {
    prop_oneof![
        proptest::sample::select(vec![
            "exec_command",
            "write_stdin",
            "apply_patch",
            "web_search",
            "image_query",
            "spawn_agent",
            "assign_task",
            "send_message",
            "wait_agent",
            "close_agent",
        ])
        .prop_map(ToolKind::from_tool_name),
        (text(), text()).prop_map(|(server, tool)| ToolKind::Mcp { server, tool }),
        text().prop_map(|name| ToolKind::Other { name }),
        unknown().prop_map(ToolKind::Unknown),
    ]
}

fn summary() -> impl Strategy<Value = ToolSummary> {
    prop_oneof![
        text().prop_map(|operation_id| ToolSummary::Terminal { operation_id }),
        (id(), of(text()), text()).prop_map(|(target_agent_path, task_name, message_preview)| ToolSummary::Agent {
            target_agent_path,
            task_name,
            message_preview
        }),
        (of(id()), of(any::<i64>()))
            .prop_map(|(target_agent_path, timeout_ms)| ToolSummary::WaitAgent { target_agent_path, timeout_ms }),
        (text(), of(text()), of(text())).prop_map(|(label, input_preview, output_preview)| ToolSummary::Generic {
            label,
            input_preview,
            output_preview
        }),
        unknown().prop_map(ToolSummary::Unknown),
    ]
}

fn status() -> impl Strategy<Value = ExecutionStatus> {
    open(ExecutionStatus::KNOWN)
}

fn cell_status() -> impl Strategy<Value = CellStatus> {
    open(CellStatus::KNOWN)
}

/// Generates a struct of the wire, field by field.
macro_rules! event {
    ($name:ident { $($field:ident: $strategy:expr),* $(,)? }) => {
        ($($strategy,)*).prop_map(|($($field,)*)| EventPayload::from($name { $($field),* })).boxed()
    };
}

/// Returns a line around a payload, in the form in which writers write it or nearly so.
fn envelope() -> impl Strategy<Value = String> {
    let number = || prop::sample::select(vec!["0", "1", "12", "01", "-1", "18446744073709551616", "1.5", "", "null"]);
    let text =
        || prop::sample::select(vec![r#""r""#, r#""""#, "null", r#""a\"b""#, r#""\u00e9""#, "\"é\"", "\"a\tb\"", "7"]);
    let end = prop::sample::select(vec!["}", "}}", " }", "", ",\"seq\":2}", "} x"]);
    let odd = (number(), number(), number(), text(), text(), text(), end).prop_map(|(version, seq, time, rollout, thread, turn, end)| {
        format!(
            "{{\"schema_version\":{version},\"seq\":{seq},\"wall_time_unix_ms\":{time},\"rollout_id\":{rollout},\"thread_id\":{thread},\"codex_turn_id\":{turn},\"payload\":PAYLOAD{end}"
        )
    });
    let usual = r#"{"schema_version":2,"seq":7,"wall_time_unix_ms":1,"rollout_id":"r","thread_id":"t","codex_turn_id":null,"payload":PAYLOAD}"#;
    prop_oneof![Just(usual.to_owned()), odd]
}

fn event_payload() -> impl Strategy<Value = EventPayload> {
    let of_threads = prop_oneof![
        Just(EventPayload::from(RecordingCompleted {})),
        event!(RolloutStarted { trace_id: id(), root_thread_id: id() }),
        event!(RolloutEnded { status: status() }),
        event!(ThreadStarted { thread_id: id(), agent_path: id(), metadata_payload: of(payload()) }),
        event!(ThreadEnded { thread_id: id(), status: status() }),
        event!(ThreadResumed { thread_id: id() }),
        event!(CodexTurnStarted { codex_turn_id: id(), thread_id: id() }),
        event!(CodexTurnEnded { codex_turn_id: id(), status: status() }),
        event!(HistoryItemAccepted {
            item_id: id(),
            agent_message_payload: of(payload()),
            tool_output_payload: of(payload()),
        }),
        event!(AgentResultObserved {
            edge_id: id(),
            child_thread_id: id(),
            child_codex_turn_id: id(),
            parent_thread_id: id(),
            message: text(),
            carried_payload: of(payload()),
            delivered_item_id: of(id()),
        }),
    ];
    let of_models = prop_oneof![
        event!(InferenceStarted {
            inference_call_id: id(),
            thread_id: id(),
            codex_turn_id: id(),
            model: text(),
            provider_name: text(),
            wire_api: of(text().prop_map(|name| WireApi::from(name.as_str()))),
            request_input_mode: of(mode()),
            request_payload: payload(),
            prepared_prompt_payload: of(payload()),
            warmup_context_payload: of(payload()),
            stripped_tool_output_ids: proptest::collection::vec((any::<u64>(), id()), 0..3),
        }),
        event!(InferenceCompleted {
            inference_call_id: id(),
            response_id: of(id()),
            upstream_request_id: of(id()),
            response_payload: payload(),
        }),
        event!(InferenceFailed {
            inference_call_id: id(),
            upstream_request_id: of(id()),
            error: text(),
            partial_response_payload: of(payload()),
        }),
        event!(InferenceCancelled {
            inference_call_id: id(),
            upstream_request_id: of(id()),
            reason: text(),
            partial_response_payload: of(payload()),
        }),
        event!(CompactionRequestStarted {
            compaction_id: id(),
            compaction_request_id: id(),
            thread_id: id(),
            codex_turn_id: id(),
            model: text(),
            provider_name: text(),
            request_payload: payload(),
        }),
        event!(CompactionRequestCompleted {
            compaction_id: id(),
            compaction_request_id: id(),
            response_payload: payload(),
        }),
        event!(CompactionRequestFailed { compaction_id: id(), compaction_request_id: id(), error: text() }),
        event!(CompactionInstalled { compaction_id: id(), checkpoint_payload: payload() }),
    ];
    let of_tools = prop_oneof![
        event!(ToolCallStarted {
            tool_call_id: id(),
            model_visible_call_id: of(id()),
            code_mode_runtime_tool_id: of(id()),
            requester: requester(),
            kind: tool_kind(),
            summary: summary(),
            invocation_payload: of(payload()),
        }),
        event!(McpToolCallCorrelationAssigned { tool_call_id: id(), mcp_call_id: id() }),
        event!(StdinTargetResolved { tool_call_id: id(), exec_tool_call_id: id() }),
        event!(ToolCallRuntimeStarted { tool_call_id: id(), kind: of(tool_kind()), runtime_payload: payload() }),
        event!(ToolCallRuntimeEnded { tool_call_id: id(), status: status(), runtime_payload: payload() }),
        event!(ToolCallEnded { tool_call_id: id(), status: status(), result_payload: of(payload()) }),
        event!(CodeCellStarted { runtime_cell_id: id(), model_visible_call_id: id(), source_js: text() }),
        event!(CodeCellInitialResponse {
            runtime_cell_id: id(),
            status: cell_status(),
            response_payload: of(payload())
        }),
        event!(CodeCellWaitTargetResolved { tool_call_id: id(), runtime_cell_id: id() }),
        event!(CodeCellEnded { runtime_cell_id: id(), status: cell_status(), response_payload: of(payload()) }),
    ];
    let others = prop_oneof![
        event!(ProtocolEventObserved { event_type: text(), event_payload: payload() }),
        event!(Other {
            kind: text(),
            summary: text(),
            payloads: proptest::collection::vec(payload(), 0..3),
            metadata: value(),
        }),
        unknown().prop_map(EventPayload::Unknown),
    ];
    prop_oneof![of_threads, of_models, of_tools, others]
}

proptest! {
    #[test]
    fn events(
        (schema_version, seq, wall_time_unix_ms) in (any::<u32>(), any::<u64>(), any::<i64>()),
        (rollout_id, thread_id, codex_turn_id) in (id(), of(id()), of(id())),
        payload in event_payload(),
        source in of((any::<u32>(), any::<u64>()).prop_map(|(file, line)| EvidenceSource { file, line })),
        evidence in of(text().prop_map(|text| EvidenceGrade::from(text.as_str()))),
    ) {
        let event = RawEvent {
            schema_version,
            seq,
            wall_time_unix_ms,
            rollout_id,
            thread_id,
            codex_turn_id,
            payload,
            source,
            evidence,
        };
        let line = serde_json::to_string(&event).unwrap();
        prop_assert!(!line.contains('\n'));
        let read: RawEvent = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&read, &event);
        prop_assert_eq!(&RawEvent::from_json(line.as_bytes()).unwrap(), &event);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }

    #[test]
    fn reading_in_one_go(payload in event_payload(), field in any::<prop::sample::Index>(), other in value(),
                         change in 0..4, envelope in envelope()) {
        let mut fields = serde_json::to_value(&payload).unwrap();
        let fields = fields.as_object_mut().unwrap();
        let name = fields.keys().nth(field.index(fields.len())).unwrap().clone();
        let kind = fields["type"].clone();
        match change {
            0 => drop(fields.remove(&name)),
            1 => drop(fields.insert(name.clone(), other.clone())),
            _ => {}
        }
        let first = fields.remove("type").filter(|_| change != 2).unwrap_or(other);
        let mut rest = serde_json::to_string(&fields).unwrap();
        if change == 3 {
            rest = rest.replacen('{', &format!("{{\"type\":{kind},"), 1);
        }
        let comma = if rest == "{}" { "" } else { "," };
        let payload = format!("{{\"type\":{first}{comma}{}", &rest[1..]);
        let line = envelope.replace("PAYLOAD", &payload);
        let read = RawEvent::from_json(line.as_bytes()).map_err(|error| error.to_string());
        prop_assert_eq!(read, serde_json::from_str(&line).map_err(|error| error.to_string()));
    }

    #[test]
    fn manifests(
        (schema_version, trace_id, rollout_id, root_thread_id) in (any::<u32>(), id(), id(), id()),
        (started_at_unix_ms, payload_layout) in (any::<i64>(), of(text())),
        producer in of((text(), text()).prop_map(|(name, version)| Producer { name, version })),
        observed in of((of(any::<bool>()), of(any::<bool>()))),
        unknown in proptest::collection::btree_map("x_[a-z]{1,8}", value(), 0..3),
    ) {
        let observed = observed.map(|(tools, agents)| Observed { tools, agents, ..Observed::default() });
        let manifest = Manifest {
            schema_version,
            trace_id,
            rollout_id,
            root_thread_id,
            started_at_unix_ms,
            raw_event_log: Manifest::RAW_EVENT_LOG.into(),
            payloads_dir: Manifest::PAYLOADS_DIR.into(),
            payload_layout,
            producer,
            observed,
            evidence: None,
            unknown: unknown.into_iter().collect(),
        };
        let text = serde_json::to_string(&manifest).unwrap();
        prop_assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
    }
}
