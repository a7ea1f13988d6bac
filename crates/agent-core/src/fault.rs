//! Faults at chosen points, with which tests show what a fault costs.

/// Marks a point at which a test can provoke a fault in the agent at `path`. It costs nothing outside of tests.
#[cfg(not(test))]
#[inline]
pub(crate) fn point(_name: &str, _path: &str) {}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use provoked::point;

#[cfg(test)]
pub(crate) mod provoked {
    use std::cell::RefCell;

    thread_local! {
        /// The point and the path of the agent. Each test has a thread of its own.
        static WANTED: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
    }

    /// Provokes one panic at a point in an agent.
    pub(crate) fn provoke(name: &str, path: &str) {
        WANTED.set(Some((name.to_owned(), path.to_owned())));
    }

    /// Returns whether a panic was provoked and has happened.
    pub(crate) fn has_happened() -> bool {
        WANTED.with_borrow(Option::is_none)
    }

    pub(crate) fn point(name: &str, path: &str) {
        let is_wanted = WANTED.with_borrow(|wanted| wanted.as_ref().is_some_and(|(n, p)| n == name && p == path));
        if is_wanted {
            WANTED.set(None);
            panic!("provoked at {name}");
        }
    }
}
