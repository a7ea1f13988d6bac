//! The command `payload`.

use rollout_trace::{
    Bundle, Evidence,
    answers::PayloadName,
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
    let words: Vec<_> = rest.iter().map(|word| word.to_string_lossy()).collect();
    let id = match words.iter().map(|word| &**word).collect::<Vec<_>>().as_slice() {
        [] => return Err(Failure::new("no payload is given", "give its id or number after the bundle")),
        [id] => (*id).to_owned(),
        // As answers print it.
        ["payload", number] => format!("payload {number}"),
        _ => return Err(Failure::new("both a bundle and --latest are given", "leave one of them out")),
    };
    let reference = reference(&bundle, &PayloadName::new(&id));
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

/// Returns the reference to the payload with this name, which may be a part of another one. If no event contains it,
/// returns a reference made from its number.
fn reference(bundle: &Bundle, name: &PayloadName) -> PayloadRef {
    for evidence in bundle.events() {
        let Evidence::Event(located) = evidence else { continue };
        let mut found = None;
        located.event.payload.for_each_payload_ref(|reference| {
            if found.is_none() {
                found = name.find(reference).cloned();
            }
        });
        if let Some(found) = found {
            return found;
        }
    }
    let id = name.usual_id();
    let number = id.strip_prefix("raw_payload:").unwrap_or(&id);
    let path = format!("payloads/{number}.json");
    PayloadRef::at_path(id, PayloadKind::ProtocolEvent, path)
}
