//! Tests of the program through its command line.
//!
//! The snapshots hold the paths and the error messages of Unix. On other systems CI runs the program on the sample bundle.

#![cfg(unix)]

#[cfg(test)]
mod check;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod export;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod help;
#[cfg(test)]
mod list;
mod mcp;
#[cfg(test)]
mod newer;
#[cfg(test)]
mod questions;
mod record;
#[cfg(test)]
mod reduce;
#[cfg(test)]
mod show;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod sql;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod untrusted;
#[cfg(unix)]
mod view;
