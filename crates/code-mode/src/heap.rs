//! The memory of one cell's engine.

use std::{cell::Cell as Slot, ptr, rc::Rc, sync::Arc};

use rquickjs::allocator::{Allocator, RustAllocator};

use crate::{CellLimits, cell::Cell};

/// What a halted engine may still allocate each time that it is told to stop. The error that ends the script is less than a tenth
/// of it.
const LAST_BYTES: usize = 64 << 10;

/// The allocator of one engine: it keeps the limits of memory, and it stops a halted script between two questions.
///
/// The engine asks whether to go on once in ten thousand steps. A step may be the sum of two numbers of a million bits, and ten
/// thousand of these take seconds. Nearly all steps that take long need memory. When a halted engine gets none any more, they fail
/// at once, and it comes to its question in a moment, whatever the script does about the errors.
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
    /// What is left to a halted engine.
    last_bytes: Slot<usize>,
}

impl HeapControl {
    /// Sets the limits; gives whether there is any room within them. Until then there are none, since the engine does not survive
    /// that it gets no memory for its own foundations.
    pub(crate) fn limit(&self, limits: &CellLimits) -> bool {
        self.0.memory_bytes.set(limits.memory_bytes);
        self.0.block_bytes.set(limits.block_bytes);
        self.spare();
        self.0.used.get() < limits.memory_bytes
    }

    /// Makes room for the error that the engine is about to throw. Without memory for it the engine would throw `null`, which
    /// scripts can catch.
    pub(crate) fn spare(&self) {
        self.0.last_bytes.set(LAST_BYTES);
    }
}

impl Heap {
    pub(crate) fn new(cell: &Arc<Cell>) -> (Self, HeapControl) {
        let unlimited = || Slot::new(usize::MAX);
        let bounds =
            Bounds { memory_bytes: unlimited(), block_bytes: unlimited(), used: Slot::new(0), last_bytes: unlimited() };
        let control = HeapControl(Rc::new(bounds));
        (Self { cell: Arc::clone(cell), bounds: Rc::clone(&control.0) }, control)
    }

    /// Whether there is room for a block of `size` bytes, `more` of which are new.
    fn admits(&self, size: usize, more: usize) -> bool {
        let bounds = &self.bounds;
        // No block is larger than half of the address space, and the rounding of sizes must not overflow.
        if size > bounds.block_bytes.get().min(isize::MAX as usize / 2) {
            return false;
        }
        if !self.cell.halted() {
            return more <= bounds.memory_bytes.get().saturating_sub(bounds.used.get());
        }
        let left = bounds.last_bytes.get().checked_sub(more);
        bounds.last_bytes.set(left.unwrap_or(0));
        left.is_some()
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
        if self.admits(size, size) { self.counted(RustAllocator.alloc(size)) } else { ptr::null_mut() }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(bytes) if self.admits(bytes, bytes) => self.counted(RustAllocator.calloc(count, size)),
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
        if !self.admits(new_size, new_size.saturating_sub(old_size)) {
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

    use super::*;

    fn heap(memory_bytes: usize, block_bytes: usize) -> (Arc<Cell>, Heap, HeapControl) {
        let cell = Arc::new(Cell::new("1".into(), mpsc::channel().0));
        let (heap, control) = Heap::new(&cell);
        control.limit(&CellLimits { memory_bytes, block_bytes, ..CellLimits::default() });
        (cell, heap, control)
    }

    #[test]
    fn limits_are_kept_and_what_is_freed_may_be_had_again() {
        let (_, mut heap, _) = heap(1000, 600);
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
    fn a_halted_engine_gets_only_what_is_spared() {
        let (cell, mut heap, control) = heap(1000, LAST_BYTES);
        let blocks = [heap.alloc(1000)];
        assert!(heap.alloc(8).is_null());
        cell.halt();
        // Although the memory is full.
        let last = [heap.alloc(LAST_BYTES / 2), heap.alloc(LAST_BYTES / 2)];
        assert!(heap.alloc(8).is_null());
        control.spare();
        let spared = [heap.alloc(8)];
        // It is not saved up by asking for more than there is.
        assert!(heap.alloc(LAST_BYTES).is_null());
        assert!(heap.alloc(8).is_null());
        for block in blocks.into_iter().chain(last).chain(spared) {
            assert!(!block.is_null());
            // SAFETY: each is a block of this heap, freed once.
            unsafe { heap.dealloc(block) }
        }
        assert_eq!(heap.bounds.used.get(), 0);
    }
}
