//! The thread of a cell, as something that can be slowed down.

/// A thread while it runs.
#[derive(Default)]
pub(crate) struct CellThread {
    /// Nothing before it runs, and nothing after. Its number is used with the lock held, and so never when it is another thread's.
    #[cfg(target_os = "linux")]
    running: std::sync::Mutex<Option<rustix::thread::Pid>>,
}

/// The lowest of the priorities from -20 to 19.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;

impl CellThread {
    /// Does the work of the thread, which is the calling one.
    pub(crate) fn run(&self, work: impl FnOnce()) {
        #[cfg(target_os = "linux")]
        self.running().replace(rustix::thread::gettid());
        work();
        #[cfg(target_os = "linux")]
        self.running().take();
    }

    /// Gives the thread the lowest priority: what it still does is for nobody, and shall take time from nobody.
    ///
    /// Other systems than Linux have no priority of one thread that a library may set: there, nothing happens.
    pub(crate) fn slow_down(&self) {
        #[cfg(target_os = "linux")]
        {
            let running = self.running();
            if running.is_some() {
                // Where it is not allowed, the thread goes on as it is.
                rustix::process::setpriority_process(*running, LOWEST).ok();
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn running(&self) -> std::sync::MutexGuard<'_, Option<rustix::thread::Pid>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
