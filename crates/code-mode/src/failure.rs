//! Describes a script's errors to the model.

use rquickjs::{CaughtError, Coerced, Ctx, Object, Value, convert::FromJs};

use crate::crossing;

/// The file name of this crate's own scripts in stacks. Their frames mean nothing to the model and are omitted.
pub(crate) const OWN_SCRIPT: &str = "code-mode";

/// Describes an error that ended a script: its name, its message, and its stack within the script.
pub(crate) fn describe_caught<'js>(ctx: &Ctx<'js>, error: CaughtError<'js>) -> String {
    match error {
        CaughtError::Error(error) => error.to_string(),
        CaughtError::Exception(exception) => describe(ctx, exception.as_object().as_value()),
        CaughtError::Value(value) => describe(ctx, &value),
    }
}

/// Describes a thrown value. Reading the value may run the script's code; parts that cannot be read are omitted.
pub(crate) fn describe<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    match value.as_object() {
        Some(error) if error.is_error() => describe_error(ctx, error),
        _ => match crossing::display(ctx, value) {
            Ok(text) => format!("thrown: {text}"),
            Err(_) => {
                ctx.catch();
                format!("thrown: a value of type {} that cannot be shown", value.type_name())
            }
        },
    }
}

/// What an error says that the engine throws when it has no memory. Once there is no memory even for the error, it throws
/// `null` instead.
pub(crate) const OUT_OF_MEMORY: &str =
    "out of memory: the script keeps too much, or one text, array or buffer is too large";

/// The most nested causes that a description includes.
const MAX_CAUSES: usize = 3;

fn describe_error<'js>(ctx: &Ctx<'js>, error: &Object<'js>) -> String {
    let mut text = one_error(ctx, error);
    let mut current = error.clone();
    for _ in 0..MAX_CAUSES {
        let cause = current.get::<_, Value>("cause").unwrap_or_else(|_| ctx.catch());
        // `Promise.any` throws an error with a list of errors, of which only the first is shown.
        let first = || current.get::<_, Object>("errors").ok()?.get::<_, Value>(0).ok();
        let Some(cause) = Some(cause).filter(|cause| !cause.is_undefined()).or_else(first) else { break };
        text.push_str("\ncaused by ");
        let Some(error) = cause.as_object().filter(|cause| cause.is_error()) else {
            text.push_str(&describe(ctx, &cause));
            break;
        };
        text.push_str(&one_error(ctx, error));
        current = error.clone();
    }
    text
}

fn one_error<'js>(ctx: &Ctx<'js>, error: &Object<'js>) -> String {
    let name = read(ctx, error, "name").filter(|name| !name.is_empty()).unwrap_or_else(|| "Error".to_owned());
    let mut message = read(ctx, error, "message").unwrap_or_default();
    if name == "InternalError" && message == "out of memory" {
        message = OUT_OF_MEMORY.to_owned();
    }
    let mut text = if message.is_empty() { name } else { format!("{name}: {message}") };
    let stack = read(ctx, error, "stack").unwrap_or_default();
    let ours = format!("({OWN_SCRIPT}:");
    let mut frames = stack.lines().filter(|line| !line.trim().is_empty()).peekable();
    while let Some(frame) = frames.next() {
        // The guards call the original functions by `apply`, which the model did not write either.
        let applied = frame.trim() == "at apply (native)" && frames.peek().is_some_and(|next| next.contains(&ours));
        if !applied && !frame.contains(&ours) {
            text.push('\n');
            text.push_str(frame);
        }
    }
    text
}

fn read<'js>(ctx: &Ctx<'js>, error: &Object<'js>, key: &str) -> Option<String> {
    let text = error.get::<_, Value>(key).and_then(|value| {
        if value.is_undefined() { Ok(None) } else { Coerced::<rquickjs::String>::from_js(ctx, value).map(Some) }
    });
    let text = text.and_then(|text| text.map(|text| crossing::string(ctx, &text.0)).transpose());
    text.unwrap_or_else(|_| {
        ctx.catch();
        None
    })
}
