//! A thread's comparison state, which one call at a time uses.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::walk::Compared;

/// Holds a thread's comparison state between calls.
#[derive(Clone, Debug)]
pub(crate) struct CompareSlot(Arc<Slot>);

#[derive(Debug)]
struct Slot {
    compared: Mutex<Option<Box<Compared>>>,
    had_request: AtomicBool,
}

/// A comparison state while a call uses it. It returns to its slot when the call ends, fails or panics.
pub(crate) struct CompareLease {
    pub(crate) compared: Box<Compared>,
    slot: CompareSlot,
}

impl CompareSlot {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Slot { compared: Mutex::new(Some(Box::default())), had_request: AtomicBool::new(false) }))
    }

    /// Returns how much memory the state takes, or 0 while a call uses it.
    pub(crate) fn bytes(&self) -> usize {
        self.0.compared.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |compared| compared.bytes())
    }

    /// Notes a request of the thread. Returns whether it is the first one.
    pub(crate) fn is_first_request(&self) -> bool {
        !self.0.had_request.swap(true, Ordering::Relaxed)
    }

    /// Takes the state. Returns `None` if another call has it, on another thread or further up this thread's stack.
    pub(crate) fn take(&self) -> Option<CompareLease> {
        let compared = self.0.compared.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(CompareLease { compared, slot: self.clone() })
    }
}

impl Drop for CompareLease {
    fn drop(&mut self) {
        let compared = mem::take(&mut self.compared);
        *self.slot.0.compared.lock().unwrap_or_else(PoisonError::into_inner) = Some(compared);
    }
}
