//! The program as a person runs it.

#[cfg(test)]
mod check;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod help;
#[cfg(test)]
mod list;
#[cfg(test)]
mod reduce;
#[cfg(test)]
mod show;
#[cfg(test)]
mod support;
