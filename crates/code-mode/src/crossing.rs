//! Values on their way into and out of a script.

use rquickjs::{Coerced, Ctx, Exception, Result, Type, Value, convert::FromJs};
use serde_json::Value as Json;

use crate::failure;

/// A script's value as JSON, and its length in bytes; `what` names it in errors.
///
/// # Errors
///
/// An exception in the script: the value is none that JSON has, or longer than the `room` that is left for it.
pub(crate) fn json<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str, room: usize) -> Result<(Json, usize)> {
    let text = match ctx.json_stringify(value.clone()) {
        Ok(Some(text)) => mended(text.to_string()?),
        Ok(None) => {
            let message = format!("{what} is {}, which JSON does not have", kind(value));
            return Err(Exception::throw_type(ctx, &message));
        }
        Err(error) => return Err(explained(ctx, error, what)),
    };
    if text.len() > room {
        let message = format!("{what} has {} bytes as JSON, there is room for {room}", text.len());
        return Err(Exception::throw_range(ctx, &message));
    }
    let json = serde_json::from_str(&text).map_err(|error| {
        let message = if error.to_string().starts_with("recursion limit") {
            format!("{what} is nested deeper than 127 levels")
        } else {
            format!("{what} cannot be read as JSON: {error}")
        };
        Exception::throw_range(ctx, &message)
    })?;
    Ok((json, text.len()))
}

/// Puts the engine's reason behind the name of what could not be converted.
fn explained(ctx: &Ctx<'_>, error: rquickjs::Error, what: &str) -> rquickjs::Error {
    if !error.is_exception() {
        return error;
    }
    let thrown = ctx.catch();
    if thrown.is_uncatchable_error() {
        return ctx.throw(thrown);
    }
    let reason = failure::describe(ctx, &thrown);
    let message = format!("{what} cannot be made JSON: {}", reason.lines().next().unwrap_or_default());
    Exception::throw_type(ctx, &message)
}

/// A JSON value as a value of the script.
pub(crate) fn value<'js>(ctx: &Ctx<'js>, json: &Json) -> Result<Value<'js>> {
    ctx.json_parse(json.to_string())
}

/// A string of the script. Halves of surrogate pairs, which no other text has, become U+FFFD.
pub(crate) fn string<'js>(ctx: &Ctx<'js>, string: &rquickjs::String<'js>) -> Result<String> {
    match string.to_string() {
        Ok(text) => Ok(text),
        Err(rquickjs::Error::Utf8(_)) => {
            let Some(quoted) = ctx.json_stringify(string.clone())? else { return Ok(String::new()) };
            Ok(serde_json::from_str(&mended(quoted.to_string()?)).unwrap_or_default())
        }
        Err(error) => Err(error),
    }
}

/// JSON text whose escapes of single surrogates, which the engine writes and serde does not read, are U+FFFD.
fn mended(json: String) -> String {
    if !json.contains("\\ud") {
        return json;
    }
    let mut mended = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        // The engine escapes no whole pair, so that every escape of a surrogate is that of a single one.
        let surrogate = rest.starts_with("\\ud") && matches!(rest.as_bytes().get(3), Some(b'8'..=b'9' | b'a'..=b'f'));
        let escape = if surrogate { 6 } else { 2 };
        mended.push_str(if surrogate { "\\ufffd" } else { &rest[..2] });
        rest = &rest[escape..];
    }
    mended + rest
}

/// A value as `text()` shows it: strings as they are, errors with their stack, objects as JSON, the rest as JavaScript writes it.
///
/// # Errors
///
/// An exception in the script: an object that JSON does not have.
pub(crate) fn display<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<String> {
    match value.type_of() {
        Type::String => value.as_string().map_or_else(|| Ok(String::new()), |text| string(ctx, text)),
        Type::Function | Type::Constructor => Ok("[a function]".to_owned()),
        Type::Symbol => Ok("[a symbol]".to_owned()),
        Type::Promise => {
            let message = "a promise cannot be shown: await it first";
            Err(Exception::throw_type(ctx, message))
        }
        _ if value.as_object().is_some_and(|object| object.is_error()) => Ok(failure::describe(ctx, value)),
        _ if value.is_object() => match ctx.json_stringify(value.clone()) {
            Ok(Some(text)) => string(ctx, &text),
            Ok(None) => Ok("undefined".to_owned()),
            Err(error) => Err(explained(ctx, error, "the value")),
        },
        _ => string(ctx, &Coerced::<rquickjs::String>::from_js(ctx, value.clone())?.0),
    }
}

fn kind(value: &Value<'_>) -> &'static str {
    match value.type_of() {
        Type::Undefined | Type::Uninitialized => "undefined",
        Type::Function | Type::Constructor => "a function",
        Type::Symbol => "a symbol",
        _ => "a value",
    }
}
