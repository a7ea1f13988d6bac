//! The thread of one cell: the JavaScript engine, and the loop that drives it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Instant,
};

use rquickjs::{
    CatchResultExt, Context, Ctx, Module, Promise, Runtime, Value,
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
    promise::PromiseState,
};
use serde_json::Map;
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    CellLimits, CellMessage, ExecuteRequest,
    cell::{Cell, Command, Outcome},
    failure,
    heap::{Heap, HeapControl},
    host::Host,
    rejections::Rejections,
};

/// Runs a cell to its end. Whatever happens is reported only as the cell's outcome.
pub(crate) fn run(
    cell: &Arc<Cell>,
    request: ExecuteRequest,
    limits: &CellLimits,
    messages: UnboundedSender<CellMessage>,
    commands: Receiver<Command>,
) {
    cell.thread.run(|| contained(cell, || run_script(cell, request, limits, messages, &commands)));
}

/// Turns a panic into the cell's outcome.
fn contained(cell: &Cell, run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        cell.end(failed(format!("internal error of the cell's host: {}", panic_text(&*panic))));
    }
}

fn failed(error_text: String) -> Outcome {
    Outcome::Finished { stored_values: Map::new(), error_text: Some(error_text) }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

fn run_script(
    cell: &Arc<Cell>,
    request: ExecuteRequest,
    limits: &CellLimits,
    messages: UnboundedSender<CellMessage>,
    commands: &Receiver<Command>,
) {
    let engine = || {
        let (heap, bounds) = Heap::new(cell);
        let runtime = Runtime::new_with_alloc(heap)?;
        runtime.set_max_stack_size(limits.stack_bytes);
        runtime.set_loader(NoModules, NoModules);
        let (watched, asked) = (Arc::clone(cell), bounds.clone());
        runtime.set_interrupt_handler(Some(Box::new(move || {
            asked.interrupt_check_reached();
            watched.halted()
        })));
        let context = Context::full(&runtime)?;
        Ok::<_, rquickjs::Error>((runtime, context, bounds))
    };
    let (runtime, context, heap) = match engine() {
        Ok(engine) => engine,
        Err(error) => return cell.end(failed(format!("the engine did not start: {error}"))),
    };
    let rejections = Rejections::watch(&runtime);
    context.with(|ctx| {
        let (source, host) = Host::new(cell, request, limits, messages);
        let host = ClearedOnDrop(host);
        let end = Script { ctx, host: &host.0, heap: &heap, limits, rejections: &rejections, commands }.run(source);
        let terminated = cell.terminated() && matches!(end, End::Halted);
        cell.end(if terminated {
            Outcome::Terminated
        } else {
            Outcome::Finished {
                stored_values: host.0.take_stored(),
                error_text: if let End::Failed(text) = end { Some(text) } else { None },
            }
        });
        // Freeing the engine takes time, so it happens after the outcome has been reported.
    });
    rejections.clear();
}

/// Clears the host's values before the engine is freed, even during a panic: no value may outlive its engine.
struct ClearedOnDrop<'js>(Rc<Host<'js>>);

impl Drop for ClearedOnDrop<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

enum End {
    Completed,
    Failed(String),
    /// The script called `exit()`, or the session terminated it.
    Halted,
}

struct Script<'a, 'js> {
    ctx: Ctx<'js>,
    host: &'a Rc<Host<'js>>,
    heap: &'a HeapControl,
    limits: &'a CellLimits,
    rejections: &'a Rejections,
    commands: &'a Receiver<Command>,
}

impl<'js> Script<'_, 'js> {
    fn run(&self, source: String) -> End {
        let end = Host::install(self.host, &self.ctx).and_then(|()| {
            if !self.heap.limit(&self.ctx, self.limits) {
                let bytes = self.limits.memory_bytes;
                return Ok(End::Failed(format!("the engine did not start: {bytes} bytes of memory are too few")));
            }
            self.turn(&self.start(source)?)
        });
        let end = end.catch(&self.ctx);
        if self.host.cell.halted() {
            return End::Halted;
        }
        let end = match end {
            Ok(end) => end,
            Err(error) => End::Failed(failure::describe_caught(&self.ctx, error)),
        };
        let end = match end {
            End::Failed(text) if self.heap.ran_out() && !text.contains(failure::OUT_OF_MEMORY) => {
                End::Failed(format!("{text}\n{}", failure::OUT_OF_MEMORY))
            }
            end => end,
        };
        // Describing an error may have run the script's code, which may have called `exit()`.
        if self.host.cell.halted() { End::Halted } else { end }
    }

    fn start(&self, source: String) -> rquickjs::Result<Promise<'js>> {
        if source.contains('\0') {
            let message = "the script contains a NUL character; write it as the escape \\0";
            return Err(rquickjs::Exception::throw_syntax(&self.ctx, message));
        }
        let (_, main) = Module::declare(self.ctx.clone(), "cell", source)?.eval()?;
        Ok(main)
    }

    /// Runs jobs, timers and answers until the script ends.
    fn turn(&self, main: &Promise<'js>) -> rquickjs::Result<End> {
        let host = self.host;
        loop {
            while !host.cell.halted() && self.ctx.execute_pending_job() {}
            if host.cell.halted() {
                return Ok(End::Halted);
            }
            match (main.state(), host.calls_in_flight(), host.next_timer()) {
                (PromiseState::Rejected, ..) => {
                    main.result::<Value>().unwrap_or_else(|| Ok(Value::new_undefined(self.ctx.clone())))?;
                }
                (PromiseState::Resolved, 0, _) => {
                    return Ok(self.rejections.first(&self.ctx).map_or(End::Completed, End::Failed));
                }
                (PromiseState::Pending, 0, None) => return Ok(End::Failed(NEVER.to_owned())),
                (_, _, None) => match self.commands.recv() {
                    Ok(command) => self.obey(command)?,
                    // Unreachable: the cell itself holds the sender.
                    Err(_) => return Ok(End::Halted),
                },
                (_, _, Some(due)) => match self.commands.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    Ok(command) => self.obey(command)?,
                    Err(RecvTimeoutError::Timeout) => host.fire_timer()?,
                    Err(RecvTimeoutError::Disconnected) => return Ok(End::Halted),
                },
            }
        }
    }

    fn obey(&self, command: Command) -> rquickjs::Result<()> {
        match command {
            Command::Answer(call, answer) => self.host.settle(&self.ctx, &call, answer),
            Command::Wake => Ok(()),
        }
    }
}

const NEVER: &str = "the script awaits a promise that can no longer be settled: no tool call is in flight and no timer \
                     is pending. Await the promises that tools return, and resolve every promise that you create. (A \
                     promise is also lost if memory ran out while it was being settled.)";

/// Refuses every import.
struct NoModules;

const NO_MODULES: &str =
    "a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)";

impl Resolver for NoModules {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Err(rquickjs::Error::new_resolving_message(base, name, NO_MODULES))
    }
}

impl Loader for NoModules {
    fn load<'js>(
        &mut self,
        _: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        Err(rquickjs::Error::new_loading_message(name, NO_MODULES))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rquickjs::Function;

    use super::*;
    use crate::cell::Progress;

    fn outcome(run: impl FnOnce()) -> Option<String> {
        let cell = Cell::new("1".into(), mpsc::channel().0);
        contained(&cell, run);
        let (_, Progress::Ended(Outcome::Finished { error_text, .. })) = cell.take() else { return None };
        error_text
    }

    #[test]
    fn a_panic_is_a_failed_result() {
        assert_eq!(outcome(|| panic!("at {}", 1)).unwrap(), "internal error of the cell's host: at 1");
        assert_eq!(
            outcome(|| std::panic::panic_any(1)).unwrap(),
            "internal error of the cell's host: a panic without a message"
        );
        assert_eq!(outcome(|| ()), None);
    }

    #[test]
    fn a_panic_in_a_function_that_the_script_calls_is_a_failed_result() {
        for source in ["boom()", "try { boom() } catch {} null.x", "[1].map(boom)", "new Proxy({}, { get: boom }).x"] {
            let text = outcome(|| {
                let runtime = Runtime::new().unwrap();
                Context::full(&runtime).unwrap().with(|ctx| {
                    let boom = Function::new(ctx.clone(), || -> () { panic!("inside") }).unwrap();
                    ctx.globals().set("boom", boom).unwrap();
                    ctx.eval::<(), _>(source).catch(&ctx).ok();
                });
            });
            assert_eq!(text.as_deref(), Some("internal error of the cell's host: inside"), "{source}");
        }
    }
}
