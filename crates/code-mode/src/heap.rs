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

/// The largest new block that a halted engine gets, and the size up to which one may grow. Smaller ones make no step long, and the
/// engine copes better with a refusal for a large string or array than for the small things that hold it together; what grows
/// may be the code that its compiler is writing.
const LAST_BLOCK_BYTES: usize = 16 << 10;
const LAST_GROWTH_BYTES: usize = 256 << 10;

/// What a halted engine may use beyond its limit: it has to make the error that ends the script.
const LAST_BYTES: usize = 1 << 20;

/// The allocator of one engine: it keeps the limits of memory, and it stops a halted script between two questions.
///
/// The engine asks whether to go on once in ten thousand steps. A step may be the sum of two numbers of a million bits, and ten
/// thousand of these take seconds. Nearly all steps that take long need large blocks of memory. When a halted engine gets none any
/// more, they fail at once, and it comes to its question in a moment, whatever the script does about the errors.
pub(crate) struct Heap {
    cell: Arc<Cell>,
    bounds: Rc<Bounds>,
}

/// What a heap is told while the engine holds it.
#[derive(Clone)]
pub(crate) struct HeapControl(Rc<Bounds>);

struct Bounds {
    memory_bytes: Slot<usize>,
    block_bytes: Slot<usize>,
    used: Slot<usize>,
    /// The engine, from when the limits hold.
    engine: Slot<Option<NonNull<qjs::JSRuntime>>>,
    /// Whether the engine collects no garbage for now.
    keeps_garbage: Slot<bool>,
}

impl HeapControl {
    /// Sets the limits; gives whether there is any room within them. Until then there are none, since the engine does not survive
    /// that it gets no memory for its own foundations.
    pub(crate) fn limit(&self, ctx: &Ctx<'_>, limits: &CellLimits) -> bool {
        self.0.memory_bytes.set(limits.memory_bytes);
        self.0.block_bytes.set(limits.block_bytes);
        // SAFETY: the context is alive.
        self.0.engine.set(NonNull::new(unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) }));
        self.0.used.get() < limits.memory_bytes
    }

    /// The engine asks whether to go on, and is in order: it may collect garbage again.
    pub(crate) fn asked(&self) {
        if self.0.keeps_garbage.replace(false) {
            // At the next object.
            self.0.collect_from(0);
        }
    }
}

impl Bounds {
    /// Notes that a block was refused. The engine makes an error then, and an object in the midst of a change, which it would not survive
    /// to look for garbage in.
    fn refused(&self) {
        if !self.keeps_garbage.replace(true) {
            self.collect_from(usize::MAX);
        }
    }

    /// Sets the number of bytes in use at which the engine collects garbage.
    fn collect_from(&self, bytes: usize) {
        if let Some(engine) = self.engine.get() {
            // SAFETY: the engine is alive, as it is who calls, and this is its thread. The function sets one number and does no more.
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
        };
        let control = HeapControl(Rc::new(bounds));
        (Self { cell: Arc::clone(cell), bounds: Rc::clone(&control.0) }, control)
    }

    /// Whether there is room for a block of `size` bytes in place of one of `old_size`, which is none for a new block.
    fn admits(&self, size: usize, old_size: usize) -> bool {
        let bounds = &self.bounds;
        let (mut memory_bytes, mut block_bytes) = (bounds.memory_bytes.get(), bounds.block_bytes.get());
        if bounds.engine.get().is_some() && self.cell.halted() {
            memory_bytes = memory_bytes.saturating_add(LAST_BYTES);
            block_bytes = block_bytes.min(if old_size == 0 { LAST_BLOCK_BYTES } else { LAST_GROWTH_BYTES });
        }
        // No block has half of the address space, so that the rounding of sizes does not overflow.
        let admitted = size <= block_bytes.min(isize::MAX as usize / 2)
            && size.saturating_sub(old_size) <= memory_bytes.saturating_sub(bounds.used.get());
        if !admitted {
            bounds.refused();
        }
        admitted
    }

    /// Counts a new block; gives it back.
    fn counted(&self, block: *mut u8) -> *mut u8 {
        self.bounds.used.set(self.bounds.used.get() + held(block));
        block
    }
}

/// The bytes of a block, none where there is no block.
fn held(block: *mut u8) -> usize {
    // SAFETY: only blocks of `RustAllocator` come here, and null.
    if block.is_null() { 0 } else { unsafe { RustAllocator::usable_size(block) } }
}

// SAFETY: every block comes from `RustAllocator`, which keeps the promises of the trait, and goes back to it as it came. All that is
// added is that some are refused, by null, as the trait allows, and that their bytes are counted. Nothing here panics, runs code of
// the script, or is called by two threads: the engine holds the heap, and both stay on the thread that made them.
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
        // SAFETY: the caller's block is of this heap, so it is one of `RustAllocator`.
        unsafe { RustAllocator.dealloc(block) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, new_size: usize) -> *mut u8 {
        let old_size = held(block);
        // What gets smaller is not refused: the engine does not reckon with it.
        if new_size > old_size && !self.admits(new_size, old_size) {
            return ptr::null_mut();
        }
        // SAFETY: as in `dealloc`. The engine passes no null here; it allocates instead.
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
    fn limits_are_kept_and_what_is_freed_may_be_had_again() {
        let (_, mut heap) = heap(1000, 600);
        assert!(heap.alloc(601).is_null());
        assert!(heap.calloc(usize::MAX, 2).is_null());
        let first = heap.alloc(100);
        // SAFETY: each block is one of this heap, and is used no more once it is moved or freed.
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
            // Although the memory is full.
            control.0.memory_bytes.set(0);
            assert_eq!(made(1).unwrap(), 1);
        });
        drop((context, runtime));
        assert_eq!(control.0.used.get(), 0);
    }
}
