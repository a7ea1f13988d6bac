//! The command `payload`.

use rollout_trace::{
    Bundle, Evidence, Limits,
    evidence::{PayloadBuffer, PayloadSource},
    schema::{PayloadKind, PayloadRef},
};

use crate::{
    args::PayloadArgs,
    failure::{Failure, Verdict},
    output::Output,
    summary::visible,
};

pub(crate) fn run(args: &PayloadArgs, limits: Limits, output: &mut Output) -> Result<Verdict, Failure> {
    let bundle = Bundle::open_with(&args.bundle, limits)?;
    let reference = reference(&bundle, &args.id);
    let mut buffer = PayloadBuffer::default();
    if let Err(error) = bundle.payloads().load(&reference, &mut buffer) {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let what = format!("cannot read {:?} of {}: {error}{cause}", args.id, bundle.path().display());
        let hint = "use an id from state.json or the event log, such as raw_payload:12; `check` reports damage";
        return Err(Failure::new(visible(&what), hint));
    }
    output.write(|stdout| stdout.write_all(buffer.bytes()))?;
    output.flush()?;
    let damaged: usize = buffer.holes().iter().map(|hole| hole.bytes).sum();
    if damaged == 0 {
        return Ok(Verdict::Clean);
    }
    output.say(format_args!("{damaged} bytes of the payload are damaged, and are replaced by marks"));
    Ok(Verdict::Damaged)
}

/// Returns the payload reference with this id or, if no event contains it, a reference made from its number.
fn reference(bundle: &Bundle, id: &str) -> PayloadRef {
    let number = id.strip_prefix("raw_payload:").unwrap_or(id);
    let ids = [id.to_owned(), format!("raw_payload:{number}")];
    for evidence in bundle.events() {
        let Evidence::Event(located) = evidence else { continue };
        let mut found = None;
        located.event.payload.for_each_payload_ref(|reference| {
            if ids.iter().any(|id| *id == *reference.raw_payload_id) {
                found.get_or_insert_with(|| reference.clone());
            }
        });
        if let Some(found) = found {
            return found;
        }
    }
    let [_, id] = ids;
    PayloadRef { raw_payload_id: id.into(), kind: PayloadKind::ProtocolEvent, path: format!("payloads/{number}.json") }
}
