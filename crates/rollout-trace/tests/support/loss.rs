//! Evidence that is lost, and what is found then.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rollout_trace::{
    Severity,
    answers::{FindingCode, Findings},
};

use super::ask_about;

pub(crate) const LOG: &str = "trace.jsonl";

pub(crate) fn payloads(bundle: &Path) -> Vec<PathBuf> {
    let folder = fs::read_dir(bundle.join("payloads")).expect("the bundle has payloads");
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("the folder is readable").path()).collect();
    paths.sort();
    paths
}

/// Returns the codes of what is found about a bundle.
pub(crate) fn found(bundle: &Path) -> BTreeSet<&'static str> {
    ask_about(bundle, |rollout| Findings::of(rollout).findings.iter().map(|finding| finding.code.as_str()).collect())
}

/// Returns the codes of what is found about a bundle, without the messages that nobody got although evidence was lost only
/// before them: whether they are found is not stated.
fn found_after_loss(bundle: &Path) -> BTreeSet<&'static str> {
    ask_about(bundle, |rollout| {
        let errors = rollout.graph().diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let last = errors.map(|diagnostic| diagnostic.seq.unwrap_or(u64::MAX)).max();
        let is_message = |code| matches!(code, FindingCode::AgentResultNotDelivered | FindingCode::MessageNotDelivered);
        let findings = Findings::of(rollout).findings;
        let stated = findings.iter().filter(|finding| !is_message(finding.code) || last > finding.seq);
        stated.map(|finding| finding.code.as_str()).collect()
    })
}

/// Damages a bundle in every way in which evidence can be lost, and checks that nothing is found that was not there.
/// Returns the codes that were found nevertheless, with the damage.
pub(crate) fn found_by_loss(bundle: &Path) -> Vec<String> {
    let before = found(bundle);
    let log = fs::read(bundle.join(LOG)).expect("the log is there");
    let lines: Vec<_> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let mut added = Vec::new();
    let mut check = |what: &str| {
        added.extend(found_after_loss(bundle).difference(&before).map(|code| format!("{what}: {code}")));
    };
    for number in 0..lines.len() {
        let without: Vec<_> = [&lines[..number], &lines[number + 1..]].concat().concat();
        fs::write(bundle.join(LOG), without).expect("there is room");
        check(&format!("without line {}", number + 1));
        let mut torn = lines[..number].concat();
        torn.extend(&lines[number][..lines[number].len() / 2]);
        fs::write(bundle.join(LOG), &torn).expect("there is room");
        check(&format!("cut in line {}", number + 1));
        // A byte that no JSON has there.
        let mut unreadable = log.clone();
        unreadable[lines[..number].concat().len()] = 0x01;
        fs::write(bundle.join(LOG), unreadable).expect("there is room");
        check(&format!("with line {} unreadable", number + 1));
    }
    fs::write(bundle.join(LOG), &log).expect("there is room");
    for payload in payloads(bundle) {
        let whole = fs::read(&payload).expect("the payload is there");
        fs::remove_file(&payload).expect("the payload is there");
        check(&format!("without {}", payload.display()));
        for end in [0, whole.len() / 3, whole.len() * 2 / 3, whole.len() - 2] {
            fs::write(&payload, &whole[..end]).expect("there is room");
            check(&format!("with {end} bytes of {}", payload.display()));
        }
        fs::write(&payload, whole).expect("there is room");
    }
    added
}
