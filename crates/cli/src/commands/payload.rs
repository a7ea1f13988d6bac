//! The command `payload`.

use rollout_trace::{
    Bundle, Evidence,
    evidence::{PayloadBuffer, PayloadSource},
    schema::{PayloadKind, PayloadRef},
};

use crate::{
    args::PayloadArgs,
    failure::{Failure, Verdict},
    output::Output,
};

pub(crate) fn run(args: &PayloadArgs, output: &mut Output) -> Result<Verdict, Failure> {
    let (bundle, rest) = args.choice.open(&args.words)?;
    let [id] = rest else {
        return Err(match rest.len() {
            0 => Failure::new("no payload is given", "give its id or number after the bundle"),
            _ => Failure::new("both a bundle and --latest are given", "leave one of them out"),
        });
    };
    let id = id.to_string_lossy();
    let reference = reference(&bundle, &id);
    let mut buffer = PayloadBuffer::default();
    if let Err(error) = bundle.payloads().load(&reference, &mut buffer) {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let what = format!("cannot read {id:?} of {}: {error}{cause}", bundle.path().display());
        let hint = "use an id from state.json or the event log, such as raw_payload:12; `check` reports damage";
        return Err(Failure::new(what, hint));
    }
    output.json(|stdout| stdout.write_all(buffer.bytes()))?;
    output.flush()?;
    let missing = buffer.missing_parts();
    if !missing.is_empty() {
        let ids = missing.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        output.say(format_args!("parts of the payload are missing, and placeholders represent them: {ids}"));
    }
    let damaged: usize = buffer.holes().iter().map(|hole| hole.bytes).sum();
    if damaged == 0 {
        return Ok(Verdict::Clean);
    }
    output.say(format_args!("{damaged} bytes of the payload are damaged, and are replaced by marks"));
    Ok(Verdict::Damaged)
}

/// Returns the payload reference with this id, which may be a part of another one. If no event contains it, returns a
/// reference made from its number.
fn reference(bundle: &Bundle, id: &str) -> PayloadRef {
    let number = id.strip_prefix("raw_payload:").or_else(|| id.strip_prefix("payload:")).unwrap_or(id);
    let in_file = id.strip_prefix("payloads/").and_then(|name| name.strip_suffix(".json"));
    let number = in_file.unwrap_or(number);
    let ids = [id.to_owned(), format!("raw_payload:{number}")];
    for evidence in bundle.events() {
        let Evidence::Event(located) = evidence else { continue };
        let mut found = None;
        located.event.payload.for_each_payload_ref(|reference| {
            if found.is_none() {
                found = find(reference, &ids).cloned();
            }
        });
        if let Some(found) = found {
            return found;
        }
    }
    let [_, id] = ids;
    PayloadRef::at_path(id, PayloadKind::ProtocolEvent, format!("payloads/{number}.json"))
}

/// Returns the reference with one of these ids: this one, or one of its parts at any depth.
fn find<'a>(reference: &'a PayloadRef, ids: &[String]) -> Option<&'a PayloadRef> {
    if ids.iter().any(|id| *id == *reference.raw_payload_id) {
        return Some(reference);
    }
    reference.parts.iter().find_map(|part| find(part, ids))
}
