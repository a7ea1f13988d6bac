//! Shapes of conversations.

use serde_json::{Value, json};

use super::script::{ROOT, Script, assistant, user};

/// Requests of equal items, each shifted by one new item.
pub(super) fn equal_items_shifted(script: &mut Script, size: usize) {
    let equal: Vec<_> = (0..size).map(|_| user("same")).collect();
    for number in 0..4 {
        let mut items = equal.clone();
        items.insert(if number % 2 == 0 { 0 } else { size }, user(&number.to_string()));
        script.request(ROOT, &format!("i{number}"), &items);
    }
}

/// A request whose items are in reverse in the next one.
pub(super) fn reversed(script: &mut Script, size: usize) {
    let mut items: Vec<_> = (0..size).map(|number| user(&format!("u{number}"))).collect();
    for number in 0..4 {
        script.request(ROOT, &format!("i{number}"), &items);
        items.reverse();
    }
}

/// Each request continues the response before it.
pub(super) fn chain(script: &mut Script, size: usize) {
    for number in 0..size {
        step(script, number, number.checked_sub(1));
    }
}

/// The requests belong to two conversations of one thread, by turns.
pub(super) fn two_branches(script: &mut Script, size: usize) {
    for number in 0..size {
        step(script, number, number.checked_sub(2));
    }
}

/// The same with sixteen conversations.
pub(super) fn sixteen_branches(script: &mut Script, size: usize) {
    for number in 0..size {
        step(script, number, number.checked_sub(16));
    }
}

/// The second half of the requests all continue one response, which is at the end of a long conversation.
pub(super) fn branches_of_one_response(script: &mut Script, size: usize) {
    let trunk = size / 2;
    for number in 0..size {
        step(script, number, number.min(trunk).checked_sub(1));
    }
}

/// The requests after a long conversation go back to ever earlier responses of it.
pub(super) fn backwards(script: &mut Script, size: usize) {
    let trunk = size / 2;
    for number in 0..size {
        let before = if number < trunk { number } else { 2 * trunk - number };
        step(script, number, before.checked_sub(1));
    }
}

/// The requests after a long conversation continue its last response and its first one, by turns.
pub(super) fn end_and_beginning(script: &mut Script, size: usize) {
    let trunk = size / 2;
    for number in 0..size {
        let before = if number < trunk { number } else { 1 + number % 2 * (trunk - 1) };
        step(script, number, before.checked_sub(1));
    }
}

/// Makes a request and its response. The request continues the response of an earlier step, if there is one.
fn step(script: &mut Script, number: usize, before: Option<usize>) {
    let id = format!("i{number}");
    let items = [user(&format!("u{number}"))];
    match before {
        Some(before) => script.continued(ROOT, &id, &format!("r-i{before}"), &items),
        None => script.request(ROOT, &id, &items),
    }
    script.response(ROOT, &id, &[assistant(&format!("a{number}"))]);
}

/// Many responses show one item, whose id they repeat.
pub(super) fn one_item_in_all_responses(script: &mut Script, size: usize) {
    for number in 0..size {
        let id = format!("i{number}");
        script.request(ROOT, &id, &[user("x")]);
        script.response(ROOT, &id, &[with_id(assistant("same"), "item")]);
    }
}

/// Many responses show different items under one id.
pub(super) fn one_id_of_all_items(script: &mut Script, size: usize) {
    for number in 0..size {
        let id = format!("i{number}");
        script.request(ROOT, &id, &[user("x")]);
        script.response(ROOT, &id, &[with_id(assistant(&number.to_string()), "item")]);
        script.accepted(ROOT, "item", None);
    }
}

/// A response shows an item that the model saw before, and a later request gives each item of the request an id.
pub(super) fn named_beside_repeats(script: &mut Script, size: usize) {
    let items: Vec<_> = (0..size).map(|number| user(&format!("u{number}"))).collect();
    let named: Vec<_> = (0..size).map(|number| with_id(user(&format!("u{number}")), &format!("m{number}"))).collect();
    let answer = with_id(assistant("same"), "answer");
    for number in 0..2 {
        let id = format!("i{number}");
        script.request(ROOT, &id, &items);
        script.response(ROOT, &id, &[answer.clone(), answer.clone()]);
    }
    script.response(ROOT, "i1", &[answer]);
    script.request(ROOT, "i2", &named);
}

/// Encrypted reasoning that is shown first without, then with a summary, and by other requests again.
pub(super) fn reasoning_filled_in(script: &mut Script, size: usize) {
    let reasoning = |number: usize, summary: &[Value]| json!({"type": "reasoning", "summary": summary, "encrypted_content": format!("e{number}")});
    let summary = [json!({"type": "summary_text", "text": "same"})];
    let bare: Vec<_> = (0..size).map(|number| reasoning(number, &[])).collect();
    let filled: Vec<_> = (0..size).map(|number| reasoning(number, &summary)).collect();
    script.request(ROOT, "i0", &bare);
    script.request(ROOT, "i1", &filled);
    script.request(ROOT, "i2", &bare);
}

/// Many inference calls run at once and are answered in reverse.
pub(super) fn answered_in_reverse(script: &mut Script, size: usize) {
    for number in 0..size {
        script.request(ROOT, &format!("i{number}"), &[user("x")]);
    }
    for number in (0..size).rev() {
        script.response(ROOT, &format!("i{number}"), &[assistant(&number.to_string())]);
    }
}

/// Each compaction replaces the history, and a request follows it.
pub(super) fn compactions(script: &mut Script, size: usize) {
    for number in 0..size {
        compact(script, number);
        script.request(ROOT, &format!("i{number}"), &[user("kept"), user(&format!("u{number}"))]);
    }
}

/// Compactions follow one another without a request.
pub(super) fn compactions_in_a_row(script: &mut Script, size: usize) {
    script.request(ROOT, "i", &[user("x")]);
    for number in 0..size {
        compact(script, number);
    }
}

fn compact(script: &mut Script, number: usize) {
    let compaction = format!("k{number}");
    let checkpoint = json!({"input_history": [user("x")], "replacement_history": [user("kept")]});
    let checkpoint = script.payload("compaction_checkpoint", &checkpoint);
    let event = json!({"type": "compaction_installed", "compaction_id": compaction, "checkpoint_payload": checkpoint});
    script.event_at(ROOT, &event);
}

fn with_id(mut item: Value, id: &str) -> Value {
    item["id"] = id.into();
    item
}
