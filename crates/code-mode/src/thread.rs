//! The thread of a cell, whose priority can be lowered.

/// A cell's thread.
#[derive(Default)]
pub(crate) struct CellThread {
    /// The thread's id while it runs. It is used only with the lock held, so it never refers to a later thread with the
    /// same id.
    #[cfg(target_os = "linux")]
    running: std::sync::Mutex<Option<rustix::thread::Pid>>,
}

/// The lowest priority, on a scale from -20 to 19.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;

impl CellThread {
    /// Does the work of the thread. Called on the thread itself.
    pub(crate) fn run(&self, work: impl FnOnce()) {
        #[cfg(target_os = "linux")]
        self.running().replace(rustix::thread::gettid());
        work();
        #[cfg(target_os = "linux")]
        self.running().take();
    }

    /// Sets the thread to the lowest priority: nobody needs its result any more, so it should not take time from
    /// others.
    ///
    /// Does nothing on systems other than Linux, where a library cannot set the priority of a single thread.
    pub(crate) fn slow_down(&self) {
        #[cfg(target_os = "linux")]
        {
            let running = self.running();
            if running.is_some() {
                // Without the permission to do so the thread keeps its priority.
                rustix::process::setpriority_process(*running, LOWEST).ok();
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn running(&self) -> std::sync::MutexGuard<'_, Option<rustix::thread::Pid>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
