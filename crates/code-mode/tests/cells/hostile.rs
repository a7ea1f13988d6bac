//! Scripts that try to break the host, one per file in `tests/cells/hostile`.

use std::{fs, path::Path, time::Duration};

use rollout_trace_code_mode::{CellLimits, CellResponse, ExecuteRequest, WaitOutcome, WaitRequest};

use crate::support::{Run, all_gone, block_on};

#[test]
fn the_host_survives_them_all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cells/hostile");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let (name, source) = (file.display().to_string(), fs::read_to_string(&file).unwrap());
        survives(&name, &source, CellLimits::default());
        survives(&name, &source, small());
    }
}

/// Returns limits so small that a script reaches them at once, wherever it is at that moment.
pub(crate) fn small() -> CellLimits {
    CellLimits { memory_bytes: 2 << 20, stack_bytes: 128 << 10, output_bytes: 1 << 20, ..CellLimits::default() }
}

/// Runs a script for a moment, terminates it if it is still running, and asserts that its session still works. The
/// engine may need a while to finish the last step of the script.
pub(crate) fn survives(name: &str, source: &str, limits: CellLimits) {
    block_on(async {
        let mut run = Run::with_limits(limits);
        let yield_time = Some(Duration::from_millis(100));
        let mut response = run.start(ExecuteRequest { yield_time, ..run.request(source) }).await;
        while let CellResponse::Yielded { cell_id, .. } = response {
            match run.wait(WaitRequest::terminate(cell_id)).await {
                WaitOutcome::Cell(next) => response = next,
                WaitOutcome::Missing(cell) => panic!("{name}: cell {cell} is missing"),
            }
        }
        run.drawn.clear();
        run.execute("text(await tools.echo('works'))").await;
        assert!(run.drawn.ends_with("text: works\ndone\n"), "{name}: {}", run.drawn);
        all_gone(&run).await;
    });
}
