//! Parts of a body that are not text.

mod support;

use serde_json::{Value, json};

/// Returns the parts of the items of a first request.
fn parts(schema: u32, items: &Value) -> Vec<Value> {
    let request = json!({"input": items});
    let bundle = support::scenario(&format!("schema {schema}\nbegin\nask i1 {request}\nend"));
    let graph = support::reduce(bundle.path());
    let bodies = graph.conversation_items.values().map(|item| &item.body.parts);
    bodies.map(|parts| serde_json::to_value(parts).expect("parts are JSON")).collect()
}

fn image() -> Value {
    json!({"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"})
}

#[test]
fn schema_2_identifies_content_by_its_hash() {
    // Of {"detail":"high","image_url":"data:image/png;base64,AAAA","type":"input_image"}.
    let hash = "4ae62df475df7ace88bf8bdc76dee2df424b111e0613654813172d8f638c67df";
    let shown = json!([{"type": "payload_ref", "label": "input_image", "raw_payload_id": "raw_payload:1", "content_sha256": hash}]);

    let items = json!([
        {"type": "message", "role": "user", "content": [image()]},
        {"type": "function_call_output", "call_id": "c1", "output": [image()]},
    ]);
    assert_eq!(parts(2, &items), [shown.clone(), shown]);
}

#[test]
fn schema_1_has_no_hash() {
    let items = json!([{"type": "message", "role": "user", "content": [image()]}]);
    let shown = json!([{"type": "payload_ref", "label": "input_image", "raw_payload_id": "raw_payload:1"}]);
    assert_eq!(parts(1, &items), [shown]);
}

#[test]
fn no_parts() {
    let items = json!([
        {"type": "message", "role": "user", "content": []},
        {"type": "function_call_output", "call_id": "c1", "output": []},
    ]);
    let shown = json!([{"type": "payload_ref", "label": "empty_content", "raw_payload_id": "raw_payload:1"}]);
    assert_eq!(parts(1, &items), [shown.clone(), shown]);
    assert_eq!(parts(2, &items), [json!([]), json!([])]);
}

#[test]
fn a_call_without_arguments() {
    let items = json!([{"type": "function_call", "call_id": "c1", "name": "ls"}]);
    let shown = json!([{"type": "payload_ref", "label": "payload", "raw_payload_id": "raw_payload:1"}]);
    assert_eq!(parts(2, &items), [shown]);
}
