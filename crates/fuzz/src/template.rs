//! JSON texts with gaps, which turn arbitrary bytes into events and documents that refer to one another.

/// Events of every type, without their envelopes.
pub const EVENTS: &[&str] = &[
    r#"{"type":"rollout_started","trace_id":"tr","root_thread_id":"%T"}"#,
    r#"{"type":"rollout_ended","status":"%S"}"#,
    r#"{"type":"recording_completed"}"#,
    r#"{"type":"thread_started","thread_id":"%T","agent_path":"%A","metadata_payload":%N}"#,
    r#"{"type":"thread_ended","thread_id":"%T","status":"%S"}"#,
    r#"{"type":"thread_resumed","thread_id":"%T"}"#,
    r#"{"type":"codex_turn_started","codex_turn_id":"%U","thread_id":"%T"}"#,
    r#"{"type":"codex_turn_ended","codex_turn_id":"%U","status":"%S"}"#,
    r#"{"type":"history_item_accepted","item_id":"%M","agent_message_payload":%N}"#,
    r#"{"type":"inference_started","inference_call_id":"%I","thread_id":"%T","codex_turn_id":"%U","model":"m","provider_name":"p","request_payload":%P}"#,
    r#"{"type":"inference_started","inference_call_id":"%I","thread_id":"T","codex_turn_id":"U","model":"m","provider_name":"p","request_payload":%P}"#,
    r#"{"type":"inference_started","inference_call_id":"%I","thread_id":"T","codex_turn_id":"U","model":"m","provider_name":"p","request_input_mode":%Q,"request_payload":%P}"#,
    r#"{"type":"inference_completed","inference_call_id":"%I","response_id":"%R","response_payload":%P}"#,
    r#"{"type":"inference_failed","inference_call_id":"%I","error":"no","partial_response_payload":%N}"#,
    r#"{"type":"inference_cancelled","inference_call_id":"%I","reason":"no","partial_response_payload":%N}"#,
    r#"{"type":"tool_call_started","tool_call_id":"%C","model_visible_call_id":"%C","requester":%E,"kind":%K,"summary":{"type":"generic","label":"l"},"invocation_payload":%N}"#,
    r#"{"type":"mcp_tool_call_correlation_assigned","tool_call_id":"%C","mcp_call_id":"%C"}"#,
    r#"{"type":"stdin_target_resolved","tool_call_id":"%C","exec_tool_call_id":"%C"}"#,
    r#"{"type":"tool_call_runtime_started","tool_call_id":"%C","kind":%K,"runtime_payload":%P}"#,
    r#"{"type":"tool_call_runtime_ended","tool_call_id":"%C","status":"%S","runtime_payload":%P}"#,
    r#"{"type":"tool_call_ended","tool_call_id":"%C","status":"%S","result_payload":%N}"#,
    r#"{"type":"code_cell_started","runtime_cell_id":"%X","model_visible_call_id":"%C","source_js":"text(1)"}"#,
    r#"{"type":"code_cell_initial_response","runtime_cell_id":"%X","status":"%S","response_payload":%N}"#,
    r#"{"type":"code_cell_ended","runtime_cell_id":"%X","status":"%S","response_payload":%N}"#,
    r#"{"type":"compaction_request_started","compaction_id":"%X","compaction_request_id":"%C","thread_id":"%T","codex_turn_id":"%U","model":"m","provider_name":"p","request_payload":%P}"#,
    r#"{"type":"compaction_request_completed","compaction_id":"%X","compaction_request_id":"%C","response_payload":%P}"#,
    r#"{"type":"compaction_request_failed","compaction_id":"%X","compaction_request_id":"%C","error":"no"}"#,
    r#"{"type":"compaction_installed","compaction_id":"%X","checkpoint_payload":%P}"#,
    r#"{"type":"agent_result_observed","edge_id":"%X","child_thread_id":"%T","child_codex_turn_id":"%U","parent_thread_id":"%T","message":"%V","carried_payload":%N}"#,
    r#"{"type":"protocol_event_observed","event_type":"%V","event_payload":%P}"#,
    r#"{"type":"other","kind":"%V","summary":"%V","payloads":[%P],"metadata":%J}"#,
    r#"{"type":"of_tomorrow","thread_id":"%T"}"#,
    r#"{"type":"inference_started","inference_call_id":"%I","thread_id":"T","codex_turn_id":"U","model":"m","provider_name":"p","request_payload":%P,"prepared_prompt_payload":%P,"warmup_context_payload":%N,"stripped_tool_output_ids":[[0,"%M"]]}"#,
    r#"{"type":"history_item_accepted","item_id":"%M","tool_output_payload":%N}"#,
    r#"{"type":"code_cell_wait_target_resolved","tool_call_id":"%C","runtime_cell_id":"%X"}"#,
];

/// Payload documents of every kind.
pub const DOCUMENTS: &[&str] = &[
    r#"{"input":[%L]}"#,
    r#"{"input":[%L],"output_items":[%L],"input_history":[%L],"replacement_history":[%L]}"#,
    r#"{"previous_response_id":"%R","input":[%L]}"#,
    r#"{"output_items":[%L],"token_usage":{"input_tokens":1}}"#,
    r#"{"input_history":[%L],"replacement_history":[%L]}"#,
    r#"[%L]"#,
    r#"%J"#,
    r#"{"tool_name":"wait","payload":{"type":"function","arguments":"{\"cell_id\":\"%X\",\"session_id\":1,\"chars\":\"%V\",\"message\":\"%V\"}"}}"#,
    r#"{"command":["ls"],"cwd":"/","process_id":"%X","exit_code":0,"stdout":"%V","stderr":"","formatted_output":"%V"}"#,
    r#"{"activity":"%W","kind":"%W","prompt":"%V","new_thread_id":"%T","sender_thread_id":"%T"}"#,
    r#"{"kind":"%W","receiver_thread_id":"%T","agent_thread_id":"%T","prompt":"%V"}"#,
    r#"{"type":"direct_response","response_item":{"output":[%L]}}"#,
    r#"{"type":"code_mode_response","value":{"output":"%V","exit_code":1,"chunk_id":"%X"}}"#,
    r#"{"type":"error","error":"%V"}"#,
    r#"{"session_source":{"subagent":{"thread_spawn":{"parent_thread_id":"%T","agent_path":"%A","agent_nickname":"n"}}},"model":"m"}"#,
];

/// Model items.
pub const ITEMS: &[&str] = &[
    r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"%V"}]}"#,
    r#"{"type":"message","id":"%M","role":"assistant","content":[{"type":"output_text","text":"%V"}]}"#,
    r#"{"type":"message","role":"user","content":"%V"}"#,
    r#"{"type":"message","role":"user","content":[{"type":"input_image","image_url":"%V"}]}"#,
    r#"{"type":"reasoning","content":[{"type":"reasoning_text","text":"%V"}],"summary":[]}"#,
    r#"{"type":"reasoning","id":"%M","summary":[{"type":"summary_text","text":"%V"}],"encrypted_content":"%V"}"#,
    r#"{"type":"reasoning","encrypted_content":"%V"}"#,
    r#"{"type":"function_call","call_id":"%C","name":"f","arguments":"{\"a\":\"%V\"}"}"#,
    r#"{"type":"function_call","id":"%M","call_id":"%C","name":"f","arguments":"%V"}"#,
    r#"{"type":"function_call_output","call_id":"%C","output":"%V"}"#,
    r#"{"type":"function_call_output","id":"%M","call_id":"%C","output":[%L]}"#,
    r#"{"type":"custom_tool_call","call_id":"%C","name":"exec","input":"text(1)"}"#,
    r#"{"type":"custom_tool_call_output","call_id":"%C","output":"%V"}"#,
    r#"{"type":"agent_message","id":"%M","author":"%A","recipient":"%A","content":[{"type":"input_text","text":"%V"}]}"#,
    r#"{"type":"agent_message","id":"%M","author":"%A","recipient":"%A","content":[{"type":"encrypted_content","encrypted_content":"%V"}]}"#,
    r#"{"type":"agent_message","id":"%M","author":"%A","recipient":"%A","content":[{"type":"input_image","image_url":"%V"}]}"#,
    r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"{\"author\":\"%A\",\"recipient\":\"%A\",\"content\":\"%V\"}"}]}"#,
    r#"{"type":"compaction","encrypted_content":"%V"}"#,
    r#"{"type":"additional_tools"}"#,
    r#"{"type":"local_shell_call","id":"%M","call_id":"%C"}"#,
    r#"{"type":"of_tomorrow","call_id":"%C"}"#,
    r#"{"role":"%W"}"#,
    r#"{"type":"message","role":"user","content":[{"type":"input_text","text":{"$trace_unavailable":"p%X"}}]}"#,
    r#"{"$trace_unavailable":"p%X"}"#,
    "12",
    "null",
    "\"%V\"",
    "[]",
];

/// How deep gaps within gaps are filled.
const DEPTH: usize = 3;

/// Fills the gaps of a template. The next byte chooses the text for each gap.
pub fn fill(template: &str, bytes: &mut dyn Iterator<Item = u8>) -> String {
    let mut text = String::new();
    fill_into(&mut text, template, bytes, DEPTH);
    text
}

fn fill_into(text: &mut String, template: &str, bytes: &mut dyn Iterator<Item = u8>, depth: usize) {
    let mut parts = template.split('%');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let mut chars = part.chars();
        let gap = chars.next();
        let byte = usize::from(bytes.next().unwrap_or_default());
        let mut choose = |choices: &[&'static str]| text.push_str(choices[byte % choices.len()]);
        match gap {
            Some('T') => choose(&["T", "T2", "T3"]),
            Some('U') => choose(&["U", "U2"]),
            Some('I') => choose(&["i1", "i2", "i3", "i4"]),
            Some('R') => choose(&["r1", "r2", "r3"]),
            Some('C') => choose(&["c1", "c2", "c3"]),
            Some('X') => choose(&["1", "2"]),
            Some('M') => choose(&["m1", "m2", "m3", "m4"]),
            Some('A') => choose(&["/root", "/root/child", "/root/child/grandchild"]),
            Some('V') => choose(&["hello", "", "a", "b", "é\\n", "\\ud83d", "{}"]),
            Some('W') => choose(&["started", "interacted", "interrupted", "user", "odd"]),
            Some('S') => {
                choose(&["completed", "failed", "cancelled", "aborted", "running", "yielded", "terminated", "odd"]);
            }
            Some('K') => choose(&[
                r#"{"type":"exec_command"}"#,
                r#"{"type":"write_stdin"}"#,
                r#"{"type":"spawn_agent"}"#,
                r#"{"type":"send_message"}"#,
                r#"{"type":"assign_agent_task"}"#,
                r#"{"type":"close_agent"}"#,
                r#"{"type":"other","name":"n"}"#,
                r#"{"type":"of_tomorrow"}"#,
                "null",
            ]),
            Some('E') => choose(&[
                r#"{"type":"model"}"#,
                r#"{"type":"code_cell","runtime_cell_id":"1"}"#,
                r#"{"type":"code_cell","runtime_cell_id":"2"}"#,
                r#"{"type":"of_tomorrow"}"#,
            ]),
            Some('Q') => choose(&[
                r#"{"type":"full_snapshot"}"#,
                r#"{"type":"incremental","previous_response_id":"r1"}"#,
                r#"{"type":"incremental_with_untraced_prefix","previous_response_id":"r1","prefix_payload":{"raw_payload_id":"raw_payload:1","kind":{"type":"inference_request"},"path":"payloads/1.json"}}"#,
                r#"{"type":"of_tomorrow"}"#,
            ]),
            Some('N') if byte % 4 == 0 => text.push_str("null"),
            Some('P' | 'N') => {
                let number = byte % 6;
                let path = if number == 5 { "../1.json".to_owned() } else { format!("payloads/{number}.json") };
                let id = format!("raw_payload:{number}");
                let kind = ["inference_request", "tool_result", "odd"][byte / 6 % 3];
                *text += &format!(r#"{{"raw_payload_id":"{id}","kind":{{"type":"{kind}"}},"path":"{path}"}}"#);
            }
            Some('J') if depth > 0 => fill_into(text, ITEMS[byte % ITEMS.len()], bytes, depth - 1),
            Some('J') => text.push_str("{}"),
            Some('L') if depth > 0 => {
                for number in 0..byte % 6 {
                    text.push_str(if number == 0 { "" } else { "," });
                    fill_into(text, "%J", bytes, depth);
                }
            }
            _ => {}
        }
        text.push_str(chars.as_str());
    }
}
