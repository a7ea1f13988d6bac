//! Figures beside their targets.

/// The figures of a run.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    missed: bool,
}

impl Report {
    pub(crate) fn ratio(&mut self, name: &str, figure: f64, target: f64) {
        self.add(name, format!("{figure:.3}"), format!("{target:.2}"), figure <= target);
    }

    pub(crate) fn megabytes(&mut self, name: &str, figure: f64, target: f64) {
        self.add(name, format!("{figure:.0} MB"), format!("{target:.0} MB"), figure <= target);
    }

    fn add(&mut self, name: &str, figure: String, target: String, is_met: bool) {
        let verdict = if is_met { "met" } else { "missed" };
        self.lines.push(format!("| {name} | {figure} | {target} | {verdict} |"));
        self.missed |= !is_met;
    }

    /// Prints the figures as a table. Returns whether all targets are met.
    pub(crate) fn print(&self) -> bool {
        println!("\n| what | figure | at most | |\n|---|---|---|---|");
        self.lines.iter().for_each(|line| println!("{line}"));
        !self.missed
    }
}
