//! The memory of one cell's engine.

use std::{
    cell::Cell as Slot,
    ptr::{self, NonNull},
    rc::Rc,
    sync::Arc,
};

use rquickjs::{
    Ctx,
    allocator::{Allocator, RustAllocator},
    qjs,
};

use crate::{CellLimits, cell::Cell};

/// The largest new block that a halted engine may allocate, and the size up to which a block may grow. Smaller blocks
/// make no step long, and the engine handles the refusal of a large string or array better than that of the small
/// objects it depends on. Growth gets a higher limit because the block may be the code that the engine's compiler is
/// writing.
const LAST_BLOCK_BYTES: usize = 16 << 10;
const LAST_GROWTH_BYTES: usize = 256 << 10;

/// The memory that a halted engine may use beyond its limit, to create the error that ends the script.
const LAST_BYTES: usize = 1 << 20;

/// The allocator of one engine. It enforces the memory limits, and it brings a halted script to its end quickly.
///
/// The engine calls its interrupt handler once in ten thousand steps. A step may add two numbers of a million bits, and
/// ten thousand such steps take seconds. Nearly all slow steps need large blocks of memory. A halted engine is refused
/// such blocks, so these steps fail at once, and the engine reaches the next interrupt check in a moment, whatever the
/// script does about the errors.
pub(crate) struct Heap {
    cell: Arc<Cell>,
    bounds: Rc<Bounds>,
}

/// Controls a heap while the engine owns it.
#[derive(Clone)]
pub(crate) struct HeapControl(Rc<Bounds>);

struct Bounds {
    memory_bytes: Slot<usize>,
    block_bytes: Slot<usize>,
    used: Slot<usize>,
    /// The engine, once the limits apply.
    engine: Slot<Option<NonNull<qjs::JSRuntime>>>,
    /// Whether garbage collection is suspended.
    keeps_garbage: Slot<bool>,
    /// Whether memory was refused to a script that was not halted.
    ran_out: Slot<bool>,
}

impl HeapControl {
    /// Sets the limits. Returns whether any memory is left within them.
    ///
    /// There are no limits before this call, since the engine does not survive a refusal during its own setup.
    pub(crate) fn limit(&self, ctx: &Ctx<'_>, limits: &CellLimits) -> bool {
        self.0.memory_bytes.set(limits.memory_bytes);
        self.0.block_bytes.set(limits.block_bytes);
        // SAFETY: the context is alive.
        self.0.engine.set(NonNull::new(unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) }));
        self.0.used.get() < limits.memory_bytes
    }

    /// Returns whether the script has ever needed more memory than there is.
    pub(crate) fn ran_out(&self) -> bool {
        self.0.ran_out.get()
    }

    /// Resumes garbage collection: at an interrupt check, the engine is in a consistent state.
    pub(crate) fn interrupt_check_reached(&self) {
        if self.0.keeps_garbage.replace(false) {
            // A threshold of zero collects at the next allocation of an object.
            self.0.collect_from(0);
        }
    }
}

impl Bounds {
    /// Suspends garbage collection after a refusal. The engine then allocates an error while an object may be half
    /// changed, and would not survive a collection that visits this object.
    fn refused(&self) {
        if !self.keeps_garbage.replace(true) {
            self.collect_from(usize::MAX);
        }
    }

    /// Sets the number of bytes in use at which the engine collects garbage.
    fn collect_from(&self, bytes: usize) {
        if let Some(engine) = self.engine.get() {
            // SAFETY: the engine is alive, since it is the caller, and this is its thread. The function only sets one
            // number.
            unsafe { qjs::JS_SetGCThreshold(engine.as_ptr(), bytes as qjs::size_t) }
        }
    }
}

impl Heap {
    pub(crate) fn new(cell: &Arc<Cell>) -> (Self, HeapControl) {
        let bounds = Bounds {
            memory_bytes: Slot::new(usize::MAX),
            block_bytes: Slot::new(usize::MAX),
            used: Slot::new(0),
            engine: Slot::new(None),
            keeps_garbage: Slot::new(false),
            ran_out: Slot::new(false),
        };
        let control = HeapControl(Rc::new(bounds));
        (Self { cell: Arc::clone(cell), bounds: Rc::clone(&control.0) }, control)
    }

    /// Returns whether there is room for a block of `size` bytes in place of one of `old_size` bytes, which is 0 for a
    /// new block.
    fn admits(&self, size: usize, old_size: usize) -> bool {
        let bounds = &self.bounds;
        let (mut memory_bytes, mut block_bytes) = (bounds.memory_bytes.get(), bounds.block_bytes.get());
        if bounds.engine.get().is_some() && self.cell.halted() {
            memory_bytes = memory_bytes.saturating_add(LAST_BYTES);
            block_bytes = block_bytes.min(if old_size == 0 { LAST_BLOCK_BYTES } else { LAST_GROWTH_BYTES });
        }
        // No block may take half of the address space, so that rounding a size up does not overflow.
        let admitted = size <= block_bytes.min(isize::MAX as usize / 2)
            && size.saturating_sub(old_size) <= memory_bytes.saturating_sub(bounds.used.get());
        if !admitted {
            bounds.ran_out.set(bounds.ran_out.get() || !self.cell.halted());
            bounds.refused();
        }
        admitted
    }

    /// Counts a new block, and returns it.
    fn counted(&self, block: *mut u8) -> *mut u8 {
        self.bounds.used.set(self.bounds.used.get() + held(block));
        block
    }
}

/// Returns the bytes that a block takes, 0 for a null pointer.
fn held(block: *mut u8) -> usize {
    // SAFETY: every pointer passed here is null or a block of `RustAllocator`.
    if block.is_null() { 0 } else { unsafe { RustAllocator::usable_size(block) } }
}

// SAFETY: every block comes from `RustAllocator`, which fulfills the contract of the trait, and is returned to it
// unchanged. This implementation only refuses some blocks by returning null, which the trait allows, and counts bytes.
// It does not panic or run code of the script, and no second thread calls it: the engine owns the heap, and both stay
// on the thread that created them.
unsafe impl Allocator for Heap {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if self.admits(size, 0) { self.counted(RustAllocator.alloc(size)) } else { ptr::null_mut() }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(bytes) if self.admits(bytes, 0) => self.counted(RustAllocator.calloc(count, size)),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        self.bounds.used.set(self.bounds.used.get() - held(block));
        // SAFETY: the caller's block is from this heap, so it is a block of `RustAllocator`.
        unsafe { RustAllocator.dealloc(block) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, new_size: usize) -> *mut u8 {
        let old_size = held(block);
        // Shrinking is never refused: the engine does not expect it to fail.
        if new_size > old_size && !self.admits(new_size, old_size) {
            return ptr::null_mut();
        }
        // SAFETY: as in `dealloc`. The engine never passes null here; it calls `alloc` instead.
        let moved = unsafe { RustAllocator.realloc(block, new_size) };
        if !moved.is_null() {
            self.bounds.used.set(self.bounds.used.get() - old_size);
            self.counted(moved);
        }
        moved
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        held(block)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rquickjs::{Context, Runtime};

    use super::*;

    fn heap(memory_bytes: usize, block_bytes: usize) -> (Arc<Cell>, Heap) {
        let cell = Arc::new(Cell::new("1".into(), mpsc::channel().0));
        let (heap, _) = Heap::new(&cell);
        heap.bounds.memory_bytes.set(memory_bytes);
        heap.bounds.block_bytes.set(block_bytes);
        (cell, heap)
    }

    #[test]
    fn limits_are_enforced_and_freed_memory_is_available_again() {
        let (_, mut heap) = heap(1000, 600);
        assert!(heap.alloc(601).is_null());
        assert!(heap.calloc(usize::MAX, 2).is_null());
        let first = heap.alloc(100);
        // SAFETY: each block is from this heap, and is not used after it was moved or freed.
        unsafe {
            first.write_bytes(7, 100);
            let grown = heap.realloc(first, 600);
            assert_eq!(std::slice::from_raw_parts(grown, 100), [7; 100]);
            assert!(heap.alloc(500).is_null());
            assert!(heap.realloc(grown, 601).is_null());
            let rest = heap.calloc(4, 100);
            assert_eq!(std::slice::from_raw_parts(rest, 400), [0; 400]);
            assert!(heap.alloc(1).is_null());
            let shrunk = heap.realloc(grown, 8);
            assert!(!shrunk.is_null());
            assert_eq!(heap.bounds.used.get(), 408);
            heap.dealloc(rest);
            heap.dealloc(shrunk);
        }
        assert_eq!(heap.bounds.used.get(), 0);
    }

    #[test]
    fn a_halted_engine_gets_small_blocks_only() {
        let cell = Arc::new(Cell::new("1".into(), mpsc::channel().0));
        let (heap, control) = Heap::new(&cell);
        let runtime = Runtime::new_with_alloc(heap).unwrap();
        let context = Context::full(&runtime).unwrap();
        context.with(|ctx| {
            let limits = CellLimits { memory_bytes: control.0.used.get() + 1_000_000, ..CellLimits::default() };
            assert!(control.limit(&ctx, &limits));
            let made = |length: usize| ctx.eval::<usize, _>(format!("new Uint8Array({length}).length"));
            assert_eq!(made(900_000).unwrap(), 900_000);
            assert!(made(1_100_000).is_err());
            cell.halt();
            assert!(made(LAST_BLOCK_BYTES).is_err());
            assert_eq!(made(LAST_BLOCK_BYTES - 64).unwrap(), LAST_BLOCK_BYTES - 64);
            // A small block is admitted even though the memory is full.
            control.0.memory_bytes.set(0);
            assert_eq!(made(1).unwrap(), 1);
        });
        drop((context, runtime));
        assert_eq!(control.0.used.get(), 0);
    }
}
