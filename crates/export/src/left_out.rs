//! What a format cannot hold.

use std::fmt;

/// What there is to say about an export that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// What the format could not hold.
    pub left_out: LeftOut,
    /// What would serve better, if the export is of little use.
    pub advice: Option<String>,
}

/// What of a rollout a format could not hold, for people. The file says the same in its own place.
///
/// ```
/// use rollout_trace_export::LeftOut;
///
/// let mut left_out = LeftOut::default();
/// left_out.add(37, "conversation item", "conversation items");
/// left_out.add(0, "code cell", "code cells");
/// left_out.add(1, "undelivered message", "undelivered messages");
/// assert_eq!(left_out.to_string(), "37 conversation items, 1 undelivered message");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(Vec<(usize, &'static str)>);

impl LeftOut {
    /// Adds a number of things, which have a name for one and one for many. None of them is not mentioned.
    pub fn add(&mut self, count: usize, one: &'static str, many: &'static str) {
        if count > 0 {
            self.0.push((count, if count == 1 { one } else { many }));
        }
    }

    /// Returns whether the format holds everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (count, what)) in self.0.iter().enumerate() {
            write!(f, "{}{count} {what}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
