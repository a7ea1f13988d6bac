//! The functions and values that a script finds in its realm in addition to the language itself.

use std::{
    cell::{Cell as Slot, RefCell},
    collections::HashMap,
    mem,
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use rquickjs::{
    Array, Ctx, Exception, Function, Object, Result, Value,
    context::EvalOptions,
    function::{Opt, Rest},
};
use serde_json::{Map, Value as Json};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    CellLimits, CellMessage, ContentItem, ExecuteRequest, ImageDetail, RuntimeToolCallId, ToolCallError, ToolSpec,
    cell::Cell, crossing, failure, timers::Timers, tool::ToolAnswer,
};

const PRELUDE: &str = include_str!("prelude.js");
const GUARDS: &str = include_str!("guards.js");

/// The longest array that a function which visits each index accepts. No array with so many elements fits into a cell's
/// memory, but an array without elements may have a length of 2³² - 1.
const LONGEST_ARRAY: u32 = 1 << 24;

/// The functions of one script and their shared state.
pub(crate) struct Host<'js> {
    pub(crate) cell: Arc<Cell>,
    messages: UnboundedSender<CellMessage>,
    limits: CellLimits,
    /// The model's tool call that started the cell.
    started_by: String,
    tools: Vec<ToolSpec>,
    calls_made: Slot<u64>,
    calls: RefCell<HashMap<RuntimeToolCallId, Settle<'js>>>,
    timers: RefCell<Timers<'js>>,
    notified_bytes: Slot<usize>,
    stored: RefCell<StoredValues>,
    /// A function that runs forever. It is created at the start because a halted engine has no memory for it.
    endless: RefCell<Option<Function<'js>>>,
}

struct Settle<'js> {
    resolve: Function<'js>,
    reject: Function<'js>,
    /// The error to reject the promise with. Its stack shows where the script made the call.
    failure: Object<'js>,
    /// The length of the call's argument, as JSON.
    bytes: usize,
}

#[derive(Default)]
struct StoredValues {
    found: Map<String, Json>,
    written: Map<String, Json>,
    written_bytes: HashMap<String, usize>,
}

impl<'js> Host<'js> {
    /// Returns the script separately, since the host does not need it.
    pub(crate) fn new(
        cell: &Arc<Cell>,
        request: ExecuteRequest,
        limits: &CellLimits,
        messages: UnboundedSender<CellMessage>,
    ) -> (String, Rc<Self>) {
        let host = Self {
            cell: Arc::clone(cell),
            messages,
            limits: limits.clone(),
            started_by: request.tool_call_id,
            tools: request.enabled_tools,
            calls_made: Slot::new(0),
            calls: RefCell::default(),
            timers: RefCell::default(),
            notified_bytes: Slot::new(0),
            stored: RefCell::new(StoredValues { found: request.stored_values, ..StoredValues::default() }),
            endless: RefCell::default(),
        };
        (request.source, Rc::new(host))
    }

    /// Defines all functions and values in the realm.
    pub(crate) fn install(host: &Rc<Self>, ctx: &Ctx<'js>) -> Result<()> {
        let globals = ctx.globals();
        /// Defines a global function from its name, its arguments, and the method that does the work.
        macro_rules! global {
            ($name:literal, $method:ident($($argument:ident: $kind:ty),*)) => {{
                let host = Rc::clone(host);
                let function = move |ctx: Ctx<'js>, $($argument: $kind),*| host.$method(&ctx, $($argument),*);
                globals.set($name, Function::new(ctx.clone(), function)?.with_name($name)?)?;
            }};
        }
        global!("text", text(value: Opt<Value<'js>>));
        global!("image", image(image: Opt<Value<'js>>));
        global!("notify", notify(value: Opt<Value<'js>>));
        global!("store", store(key: Opt<Value<'js>>, value: Opt<Value<'js>>));
        global!("load", load(key: Opt<Value<'js>>));
        global!("exit", exit());
        global!("yield_control", yield_control());
        global!("setTimeout", set_timeout(callback: Opt<Value<'js>>, delay: Opt<Value<'js>>, rest: Rest<Value<'js>>));
        global!("clearTimeout", clear_timeout(timer: Opt<Value<'js>>));

        let listed = Array::new(ctx.clone())?;
        for (index, tool) in host.tools.iter().enumerate() {
            let entry = Object::new(ctx.clone())?;
            entry.set("name", tool.script_name())?;
            entry.set("description", tool.description.as_str())?;
            listed.set(index, entry)?;
        }
        globals.set("ALL_TOOLS", listed)?;

        let names = Array::new(ctx.clone())?;
        for (index, tool) in host.tools.iter().enumerate() {
            names.set(index, tool.script_name())?;
        }
        let calling = Rc::clone(host);
        let call = move |ctx: Ctx<'js>, tool: usize, argument: Value<'js>, failure: Object<'js>| {
            calling.call(&ctx, tool, argument, failure)
        };
        let call = Function::new(ctx.clone(), call)?;
        own_script(ctx, PRELUDE)?.call::<_, ()>((call, names))?;
        host.endless.replace(Some(own_script(ctx, "(function () { for (;;); })")?));
        let halting = Rc::clone(host);
        let check = Function::new(ctx.clone(), move || halting.check())?;
        own_script(ctx, GUARDS)?.call((check, LONGEST_ARRAY))
    }

    fn call(&self, ctx: &Ctx<'js>, tool: usize, argument: Value<'js>, failure: Object<'js>) -> Result<Value<'js>> {
        self.check()?;
        let Some(tool) = self.tools.get(tool) else {
            return Err(Exception::throw_type(ctx, "the tool does not exist"));
        };
        if self.calls_in_flight() >= self.limits.tool_calls_in_flight {
            let message = format!(
                "{} tool calls are in flight, which is the limit: await some of them first",
                self.calls_in_flight()
            );
            return Err(Exception::throw_range(ctx, &message));
        }
        let (input, bytes) = if argument.is_undefined() {
            (Json::Object(Map::new()), 0)
        } else {
            let what = format!("the argument of tools.{}", tool.script_name());
            let in_flight: usize = self.calls.borrow().values().map(|call| call.bytes).sum();
            crossing::json(ctx, &argument, &what, self.limits.argument_bytes.saturating_sub(in_flight))?
        };
        let (promise, resolve, reject) = ctx.promise()?;
        self.calls_made.set(self.calls_made.get() + 1);
        let tool_call_id = RuntimeToolCallId::from(format!("{}.{}", self.cell.id, self.calls_made.get()));
        self.calls.borrow_mut().insert(tool_call_id.clone(), Settle { resolve, reject, failure, bytes });
        let message = CellMessage::ToolCall {
            cell_id: self.cell.id.clone(),
            tool_call_id: tool_call_id.clone(),
            name: tool.name.clone(),
            namespace: tool.namespace.clone(),
            input,
        };
        if self.messages.send(message).is_err() {
            self.settle(ctx, &tool_call_id, Err(ToolCallError::new("the session no longer answers tool calls")))?;
        }
        Ok(promise.into_value())
    }

    pub(crate) fn calls_in_flight(&self) -> usize {
        self.calls.borrow().len()
    }

    /// Settles the promise of a tool call. Ignores an answer to an unknown call and a second answer.
    pub(crate) fn settle(&self, ctx: &Ctx<'js>, call: &RuntimeToolCallId, answer: ToolAnswer) -> Result<()> {
        let Some(settle) = self.calls.borrow_mut().remove(call) else { return Ok(()) };
        match answer {
            Ok(value) => match crossing::value(ctx, &value) {
                Ok(value) => settle.resolve.call((value,)),
                // The engine refuses valid JSON only if there is no room for it.
                Err(rquickjs::Error::Exception) => {
                    ctx.catch();
                    let message = format!(
                        "the answer does not fit into the cell, whose limits are {} bytes for all values together and \
                         {} bytes for one text: ask for less",
                        self.limits.memory_bytes, self.limits.block_bytes
                    );
                    settle.failure.set("message", message)?;
                    settle.reject.call((settle.failure,))
                }
                Err(error) => Err(error),
            },
            Err(error) => {
                settle.failure.set("message", error.to_string())?;
                settle.reject.call((settle.failure,))
            }
        }
    }

    fn text(&self, ctx: &Ctx<'js>, value: Opt<Value<'js>>) -> Result<()> {
        self.check()?;
        let text = crossing::display(ctx, &given(ctx, value))?;
        self.push(ctx, ContentItem::Text { text })
    }

    fn image(&self, ctx: &Ctx<'js>, image: Opt<Value<'js>>) -> Result<()> {
        self.check()?;
        let image = given(ctx, image);
        let (url, detail) = match image.as_object() {
            Some(image) => (image.get::<_, Value>("image_url")?, image.get::<_, Value>("detail")?),
            None => (image, Value::new_undefined(ctx.clone())),
        };
        let url = url.as_string().map(|url| crossing::string(ctx, url)).transpose()?.unwrap_or_default();
        if !["data:", "http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            let message = "image() takes a data: or http(s): URL, or an object { image_url, detail } with such a URL";
            return Err(Exception::throw_type(ctx, message));
        }
        let detail = if detail.is_undefined() || detail.is_null() {
            None
        } else {
            let (detail, _) = crossing::json(ctx, &detail, "the detail of image()", self.limits.output_bytes)?;
            let known = serde_json::from_value::<ImageDetail>(detail);
            Some(known.map_err(|_| {
                Exception::throw_type(ctx, "the detail of image() must be \"auto\", \"low\", \"high\" or \"original\"")
            })?)
        };
        self.push(ctx, ContentItem::Image { image_url: url, detail })
    }

    fn push(&self, ctx: &Ctx<'js>, item: ContentItem) -> Result<()> {
        let limit = self.limits.output_bytes;
        self.cell.push(item, limit).map_err(|_| {
            let message = format!("the output exceeds {limit} bytes: show less, or call yield_control() in between");
            Exception::throw_range(ctx, &message)
        })
    }

    fn notify(&self, ctx: &Ctx<'js>, value: Opt<Value<'js>>) -> Result<()> {
        self.check()?;
        let text = crossing::display(ctx, &given(ctx, value))?;
        let sent = self.notified_bytes.get() + text.len() + mem::size_of::<CellMessage>();
        if sent > self.limits.notification_bytes {
            let message = format!(
                "the notifications of this cell exceed {} bytes: send fewer or shorter ones",
                self.limits.notification_bytes
            );
            return Err(Exception::throw_range(ctx, &message));
        }
        self.notified_bytes.set(sent);
        let message =
            CellMessage::Notification { cell_id: self.cell.id.clone(), call_id: self.started_by.clone(), text };
        // If nobody receives the messages, nobody misses the notification.
        self.messages.send(message).ok();
        Ok(())
    }

    fn store(&self, ctx: &Ctx<'js>, key: Opt<Value<'js>>, value: Opt<Value<'js>>) -> Result<()> {
        self.check()?;
        let key = self.key(ctx, key, "store")?;
        let value = given(ctx, value);
        let stored = self.stored.borrow();
        let others = stored.written_bytes.iter().filter(|(other, _)| **other != key).map(|(_, bytes)| bytes);
        let room = self.limits.stored_bytes.saturating_sub(others.sum::<usize>() + key.len());
        // The conversion to JSON may run the script's code, which may call `store` as well.
        drop(stored);
        let (value, bytes) = crossing::json(ctx, &value, "the value to store", room)?;
        let mut stored = self.stored.borrow_mut();
        stored.written_bytes.insert(key.clone(), key.len() + bytes);
        stored.written.insert(key, value);
        Ok(())
    }

    fn load(&self, ctx: &Ctx<'js>, key: Opt<Value<'js>>) -> Result<Value<'js>> {
        self.check()?;
        let key = self.key(ctx, key, "load")?;
        let stored = self.stored.borrow();
        match stored.written.get(&key).or_else(|| stored.found.get(&key)) {
            Some(value) => crossing::value(ctx, value),
            None => Ok(Value::new_undefined(ctx.clone())),
        }
    }

    fn key(&self, ctx: &Ctx<'js>, key: Opt<Value<'js>>, function: &str) -> Result<String> {
        match given(ctx, key).as_string() {
            Some(key) => crossing::string(ctx, key),
            None => Err(Exception::throw_type(ctx, &format!("{function}() takes a string as its key"))),
        }
    }

    /// Removes and returns the values that the script stored.
    pub(crate) fn take_stored(&self) -> Map<String, Json> {
        self.stored.take().written
    }

    fn yield_control(&self, _: &Ctx<'js>) -> Result<()> {
        self.check()?;
        self.cell.request_yield();
        Ok(())
    }

    fn exit(&self, _: &Ctx<'js>) -> Result<()> {
        self.cell.halt();
        self.check()
    }

    fn set_timeout(
        &self,
        ctx: &Ctx<'js>,
        callback: Opt<Value<'js>>,
        delay: Opt<Value<'js>>,
        arguments: Rest<Value<'js>>,
    ) -> Result<u32> {
        self.check()?;
        let Some(callback) = given(ctx, callback).into_function() else {
            return Err(Exception::throw_type(ctx, "setTimeout() takes a function and a number of milliseconds"));
        };
        let delay = given(ctx, delay).as_number().unwrap_or(0.0);
        let mut timers = self.timers.borrow_mut();
        if timers.len() >= self.limits.timers {
            let message = format!("{} timers are pending, which is the limit: await some of them first", timers.len());
            return Err(Exception::throw_range(ctx, &message));
        }
        Ok(timers.add(delay, callback, arguments.0))
    }

    fn clear_timeout(&self, ctx: &Ctx<'js>, timer: Opt<Value<'js>>) -> Result<()> {
        self.check()?;
        let removed = given(ctx, timer).as_number().and_then(|timer| self.timers.borrow_mut().remove(timer));
        drop(removed);
        Ok(())
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.timers.borrow().next()
    }

    /// Calls the callback of the timer that is due next.
    pub(crate) fn fire_timer(&self) -> Result<()> {
        let timer = self.timers.borrow_mut().pop();
        timer.map_or(Ok(()), |timer| timer.callback.call::<_, Value>((Rest(timer.arguments),)).map(drop))
    }

    /// Stops the script for good if its cell has been halted.
    ///
    /// The script could catch an exception thrown here. Only the exception that the engine throws after calling its
    /// interrupt handler cannot be caught, and the endless function makes the engine call that handler within a few
    /// thousand steps.
    fn check(&self) -> Result<()> {
        let endless = if self.cell.halted() { self.endless.borrow().clone() } else { None };
        endless.map_or(Ok(()), |endless| endless.call(()))
    }

    /// Releases every value of the script.
    pub(crate) fn clear(&self) {
        let calls = self.calls.take();
        let timers = self.timers.take();
        // Dropped only after the borrows above have ended: a finalizer may come back to this host.
        drop((calls, timers, self.endless.take()));
    }
}

fn given<'js>(ctx: &Ctx<'js>, value: Opt<Value<'js>>) -> Value<'js> {
    value.0.unwrap_or_else(|| Value::new_undefined(ctx.clone()))
}

/// Evaluates a script of this crate, which consists of one function.
fn own_script<'js>(ctx: &Ctx<'js>, source: &str) -> Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(failure::OWN_SCRIPT.to_owned());
    ctx.eval_with_options(source, options)
}
