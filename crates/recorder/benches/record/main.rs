//! Measures what recording costs its caller: `cargo bench -p rollout-trace-recorder --bench record`.
//!
//! Every figure is a ratio within one run: each way of recording is compared with bare `serde_json::to_vec` of the same
//! value, a bare write of the same bytes, and an imitation of recorders that write one pretty-printed file per payload.

mod ladder;
mod measure;
mod whole_session;

fn main() {
    // `cargo test --benches` only checks that this program starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word.as_str()));
    if wanted("disabled") {
        ladder::disabled();
    }
    if wanted("events") {
        ladder::events();
    }
    for (name, bytes, rounds) in [("2K", 2 << 10, 400), ("64K", 64 << 10, 200), ("1M", 1 << 20, 48)] {
        if wanted(name) {
            ladder::unchanged_prefix(name, bytes, rounds);
            ladder::all_new(name, bytes, rounds);
            ladder::first(name, bytes, rounds);
        }
    }
    if wanted("threads") {
        ladder::threads();
    }
    if wanted("session") {
        whole_session::one_thread();
        whole_session::two_threads_with_compactions();
    }
}
