//! What both sides see is the same with and without the proxy.

mod hostile;
mod peers;
mod transparency;
