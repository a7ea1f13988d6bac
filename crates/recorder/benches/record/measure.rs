//! Timing several operations side by side in one run.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

/// The times of several operations that are measured in turn.
pub(crate) struct Lanes {
    names: Vec<&'static str>,
    times: Vec<Vec<Duration>>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { names: Vec::new(), times: Vec::new() }
    }

    /// Measures one call of a lane.
    pub(crate) fn time<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        let lane = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.times.push(Vec::new());
            self.names.len() - 1
        });
        self.times[lane].push(took);
        result
    }

    /// Returns a lane's median, in microseconds.
    pub(crate) fn p50(&self, name: &str) -> f64 {
        self.quantile(name, 0.5)
    }

    /// Returns a lane's mean, in microseconds.
    pub(crate) fn mean(&self, name: &str) -> f64 {
        let Some(lane) = self.names.iter().position(|known| *known == name) else { return f64::NAN };
        self.times[lane].iter().sum::<Duration>().as_secs_f64() * 1e6 / self.times[lane].len() as f64
    }

    /// Returns a lane's quantile, in microseconds.
    pub(crate) fn quantile(&self, name: &str, quantile: f64) -> f64 {
        let Some(lane) = self.names.iter().position(|known| *known == name) else { return f64::NAN };
        let mut times = self.times[lane].clone();
        times.sort_unstable();
        times[((times.len() - 1) as f64 * quantile) as usize].as_secs_f64() * 1e6
    }

    /// Prints each lane next to a floor, which is the sum of other lanes.
    pub(crate) fn print(&self, title: &str, floor: &[&str]) {
        let floor_time: f64 = floor.iter().map(|name| self.p50(name)).sum();
        line(&format!("\n{title}  (floor: {})", floor.join(" + ")));
        for name in &self.names {
            line(&format!(
                "  {name:<28} p50 {:>10.2} us   p99 {:>10.2} us   {:>7.3} x floor",
                self.p50(name),
                self.quantile(name, 0.99),
                self.p50(name) / floor_time
            ));
        }
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "a bench reports")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// The number of zeros that are written at once.
const ROOM: u64 = 64 << 10;

/// A file to whose end bytes are written without any format.
pub(crate) struct Bare {
    file: File,
    end: u64,
    /// The end of the zeros to be overwritten, or `None` if the file is only appended to.
    zeros_to: Option<u64>,
}

impl Bare {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let file = OpenOptions::new().append(true).create(true).open(folder.join(name)).expect("a file");
        Self { file, end: 0, zeros_to: None }
    }

    /// Makes a file that reserves room by writing many zeros at once, as the recorder does in its pack.
    pub(crate) fn with_room(folder: &Path, name: &str) -> Self {
        let file = File::create(folder.join(name)).expect("a file");
        Self { file, end: 0, zeros_to: Some(0) }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len() as u64;
        if let Some(zeros_to) = self.zeros_to.filter(|zeros_to| end > *zeros_to && end - self.end < ROOM) {
            self.file.seek(SeekFrom::Start(zeros_to)).expect("a file");
            self.file.write_all(&[0; ROOM as usize]).expect("space");
            self.file.seek(SeekFrom::Start(self.end)).expect("a file");
            self.zeros_to = Some(zeros_to + ROOM);
        }
        self.file.write_all(bytes).expect("space");
        self.end = end;
    }
}

/// Writes one pretty-printed file with an unbuffered serializer, and returns its size.
pub(crate) fn pretty_file(folder: &Path, number: usize, value: &impl serde::Serialize) -> u64 {
    let path = folder.join(format!("{number}.json"));
    let file = File::create(&path).expect("a file");
    serde_json::to_writer_pretty(&file, value).expect("space");
    file.metadata().expect("its size").len()
}
