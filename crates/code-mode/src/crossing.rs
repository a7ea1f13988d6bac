//! Converts values on their way into and out of a script.

use rquickjs::{Coerced, Ctx, Exception, Result, Type, Value, convert::FromJs};
use serde_json::Value as Json;

use crate::failure;

/// Returns a script's value as JSON, and its length in bytes. `what` names the value in errors.
///
/// # Errors
///
/// Throws an exception in the script if JSON cannot represent the value, or if the value is longer than `room` bytes.
pub(crate) fn json<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str, room: usize) -> Result<(Json, usize)> {
    let text = match ctx.json_stringify(value.clone()) {
        Ok(Some(text)) => replace_lone_surrogates(text.to_string()?),
        Ok(None) => {
            let message = format!("{what} is {}, which JSON cannot represent", kind(value));
            return Err(Exception::throw_type(ctx, &message));
        }
        Err(error) => return Err(explained(ctx, error, what)),
    };
    if text.len() > room {
        let message = format!("{what} has {} bytes as JSON, but there is room for only {room}", text.len());
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

/// Adds the name of the value that could not be converted to the engine's reason.
fn explained(ctx: &Ctx<'_>, error: rquickjs::Error, what: &str) -> rquickjs::Error {
    if !error.is_exception() {
        return error;
    }
    let thrown = ctx.catch();
    if thrown.is_uncatchable_error() {
        return ctx.throw(thrown);
    }
    let reason = failure::describe(ctx, &thrown);
    let message = format!("{what} cannot be converted to JSON: {}", reason.lines().next().unwrap_or_default());
    Exception::throw_type(ctx, &message)
}

/// Returns a JSON value as a value of the script.
pub(crate) fn value<'js>(ctx: &Ctx<'js>, json: &Json) -> Result<Value<'js>> {
    ctx.json_parse(json.to_string())
}

/// Returns the text of a script's string. A lone surrogate, which only JavaScript strings can contain, becomes U+FFFD.
pub(crate) fn string<'js>(ctx: &Ctx<'js>, string: &rquickjs::String<'js>) -> Result<String> {
    match string.to_string() {
        Ok(text) => Ok(text),
        Err(rquickjs::Error::Utf8(_)) => {
            let Some(quoted) = ctx.json_stringify(string.clone())? else { return Ok(String::new()) };
            Ok(serde_json::from_str(&replace_lone_surrogates(quoted.to_string()?)).unwrap_or_default())
        }
        Err(error) => Err(error),
    }
}

/// Replaces each escaped lone surrogate, which the engine writes and serde refuses, by U+FFFD.
fn replace_lone_surrogates(json: String) -> String {
    if !json.contains("\\ud") {
        return json;
    }
    let mut replaced = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        replaced.push_str(&rest[..at]);
        rest = &rest[at..];
        // The engine never escapes a whole pair, so every escaped surrogate is a lone one.
        let surrogate = rest.starts_with("\\ud") && matches!(rest.as_bytes().get(3), Some(b'8'..=b'9' | b'a'..=b'f'));
        let escape = if surrogate { 6 } else { 2 };
        replaced.push_str(if surrogate { "\\ufffd" } else { &rest[..2] });
        rest = &rest[escape..];
    }
    replaced + rest
}

/// Returns a value as `text()` shows it: a string unchanged, an error with its stack, an object as JSON, and any other
/// value as JavaScript prints it.
///
/// # Errors
///
/// Throws an exception in the script if the value is an object that JSON cannot represent.
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
