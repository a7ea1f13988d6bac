//! Sessions that the tests make, format by format.

#[cfg(test)]
mod claude_code;
#[cfg(test)]
mod codex;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod opencode;
#[cfg(test)]
mod others;
#[cfg(test)]
mod pairs;
#[cfg(test)]
mod support;
