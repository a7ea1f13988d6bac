//! Sessions that the tests make, format by format.

mod claude_code;
mod codex;
mod others;
mod support;
