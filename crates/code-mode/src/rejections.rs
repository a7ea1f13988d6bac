//! Promises that were rejected without being handled.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use rquickjs::{Ctx, Persistent, Runtime, Value};

use crate::failure;

/// The rejected promises of a cell that have no handler, and whose errors would otherwise be lost.
pub(crate) struct Rejections {
    unhandled: Rc<RefCell<Unhandled>>,
}

#[derive(Default)]
struct Unhandled {
    count: u64,
    /// The order and the reason of each rejection, by promise. The promise is kept alive so that its address is not
    /// reused.
    reasons: HashMap<Persistent<Value<'static>>, (u64, Persistent<Value<'static>>)>,
}

impl Rejections {
    pub(crate) fn watch(runtime: &Runtime) -> Self {
        let unhandled = Rc::new(RefCell::new(Unhandled::default()));
        let tracked = Rc::clone(&unhandled);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, is_handled| {
            let promise = Persistent::save(&ctx, promise);
            let mut unhandled = tracked.borrow_mut();
            if is_handled {
                let removed = unhandled.reasons.remove(&promise);
                drop(unhandled);
                // Values are freed after the borrow has ended: a finalizer may come back here.
                drop((removed, promise));
            } else {
                unhandled.count += 1;
                let number = unhandled.count;
                unhandled.reasons.insert(promise, (number, Persistent::save(&ctx, reason)));
            }
        })));
        Self { unhandled }
    }

    /// Describes the earliest of these rejections.
    pub(crate) fn first(&self, ctx: &Ctx<'_>) -> Option<String> {
        let reason = {
            let unhandled = self.unhandled.borrow();
            unhandled.reasons.values().min_by_key(|(number, _)| *number)?.1.clone()
        };
        let reason = reason.restore(ctx).ok()?;
        Some(format!("a promise was rejected and never handled: {}", failure::describe(ctx, &reason)))
    }

    pub(crate) fn clear(&self) {
        let reasons = std::mem::take(&mut self.unhandled.borrow_mut().reasons);
        drop(reasons);
    }
}
