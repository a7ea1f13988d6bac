//! Progress on stderr, if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Returns a bar for work on several bundles.
pub(crate) fn of_bundles(count: usize) -> ProgressBar {
    if count < 2 {
        return ProgressBar::hidden();
    }
    styled(ProgressBar::new(count as u64), "{bar:30} {pos}/{len} bundles, {eta} left")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
