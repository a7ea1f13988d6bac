//! What is read is written back unchanged.

#[cfg(test)]
mod generated;
#[cfg(test)]
mod recorded;
