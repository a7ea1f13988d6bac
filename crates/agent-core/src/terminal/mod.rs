//! Commands on pseudo-terminals, in sessions that outlive the call that started them.
