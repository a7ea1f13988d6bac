//! The files of patches.

use rollout_trace_model::ToolCall;
use rollout_trace_reducer::Json;
use rollout_trace_schema::ToolKind;

use crate::Rollout;

/// A file that a patch adds, changes or deletes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PatchedFile {
    /// The path, relative to the folder in which the agent works if it is in it.
    pub(crate) path: String,
    /// The lines that the patch removes, in order.
    pub(crate) removed: Vec<String>,
    /// The lines that the patch adds, in order.
    pub(crate) added: Vec<String>,
}

/// Returns the files of a patch: those that its runtime reported last, or else those that its input names. A call of any
/// other tool has none.
///
/// Source: questions, section 11.
pub(crate) fn files(rollout: &Rollout<'_>, call: &ToolCall) -> Vec<PatchedFile> {
    if call.kind != ToolKind::ApplyPatch {
        return Vec::new();
    }
    let cwd = rollout.graph().threads.get(&call.thread_id).and_then(|thread| thread.cwd.as_deref());
    let mut runtime = call.raw_runtime_payload_ids.iter().rev();
    let reported = runtime.find_map(|id| rollout.document(id, |payload| of_runtime_payload(payload, cwd)));
    let asked = || {
        rollout.document(call.raw_invocation_payload_id.as_ref()?, |invocation| {
            let payload = invocation.get("payload")?;
            Some(of_input(payload.text("input").or_else(|| payload.text("arguments"))?, cwd))
        })
    };
    reported.or_else(asked).unwrap_or_default()
}

/// Returns the files of a runtime payload of a patch, or `None` if the payload names none. A runtime reports them as an
/// object by path, or as a list.
fn of_runtime_payload(payload: &Json<'_>, cwd: Option<&str>) -> Option<Vec<PatchedFile>> {
    let files: Vec<_> = match payload.get("changes")? {
        Json::Object(changes) => changes.iter().map(|(path, change)| file(path, change, cwd)).collect(),
        Json::Array(changes) => {
            changes.iter().filter_map(|change| Some(file(change.text("path")?, change, cwd))).collect()
        }
        _ => return None,
    };
    (!files.is_empty()).then_some(files)
}

/// Returns the files that the text of a patch names.
fn of_input(input: &str, cwd: Option<&str>) -> Vec<PatchedFile> {
    const HEADS: [&str; 3] = ["*** Add File: ", "*** Update File: ", "*** Delete File: "];
    let mut files: Vec<PatchedFile> = Vec::new();
    for line in input.lines() {
        if let Some(path) = HEADS.iter().find_map(|head| line.strip_prefix(head)) {
            files.push(PatchedFile { path: relative(path.trim(), cwd), removed: Vec::new(), added: Vec::new() });
        } else if let Some(file) = files.last_mut() {
            file.add_diff_line(line);
        }
    }
    files
}

impl PatchedFile {
    fn add_diff_line(&mut self, line: &str) {
        if let Some(line) = line.strip_prefix('-') {
            self.removed.push(line.to_owned());
        } else if let Some(line) = line.strip_prefix('+') {
            self.added.push(line.to_owned());
        }
    }
}

fn file(path: &str, change: &Json<'_>, cwd: Option<&str>) -> PatchedFile {
    let mut file = PatchedFile { path: relative(path, cwd), removed: Vec::new(), added: Vec::new() };
    if let Some(diff) = change.text("unified_diff") {
        diff.lines().for_each(|line| file.add_diff_line(line));
        return file;
    }
    let kind = change.text("type").or_else(|| change.text("kind")).unwrap_or_default();
    let content = change.text("content").unwrap_or_default();
    let (old, new) = match (change.text("old"), change.text("new")) {
        (None, None) if kind == "delete" => (content, ""),
        (None, None) => ("", content),
        (old, new) => (old.unwrap_or_default(), new.unwrap_or_default()),
    };
    (file.removed, file.added) = changed_lines(old, new);
    file
}

/// Returns the lines of two whole texts without their common first and last lines.
fn changed_lines(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let first = old.iter().zip(&new).take_while(|(left, right)| left == right).count();
    let (old, new) = (&old[first..], &new[first..]);
    let last = old.iter().rev().zip(new.iter().rev()).take_while(|(left, right)| left == right).count();
    let owned = |lines: &[&str]| lines[..lines.len() - last].iter().map(|line| (*line).to_owned()).collect();
    (owned(old), owned(new))
}

/// Returns a path relative to the folder in which the agent works, if it is in it.
pub(crate) fn relative(path: &str, cwd: Option<&str>) -> String {
    let inside = cwd.and_then(|cwd| path.strip_prefix(cwd.trim_end_matches('/'))?.strip_prefix('/'));
    inside.filter(|inside| !inside.is_empty()).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(files: &[PatchedFile]) -> String {
        let draw = |file: &PatchedFile| format!("{} -{:?} +{:?}\n", file.path, file.removed, file.added);
        files.iter().map(draw).collect()
    }

    fn of_payload(payload: &str) -> Option<String> {
        let (payload, _) = Json::parse(payload.as_bytes(), 64).unwrap();
        of_runtime_payload(&payload, Some("/work/")).map(|files| draw(&files))
    }

    #[test]
    fn files_of_runtime_payloads() {
        let by_path = r#"{"changes": {
            "/work/a.txt": {"type": "update", "unified_diff": "@@ -1,2 +1,2 @@\n one\n-two\n+zwei\n"},
            "/work/b.txt": {"type": "add", "content": "x\ny\n"}, "/etc/c": {"type": "delete", "content": "z\n"}}}"#;
        insta::assert_snapshot!(of_payload(by_path).unwrap(), @r#"
        a.txt -["two"] +["zwei"]
        b.txt -[] +["x", "y"]
        /etc/c -["z"] +[]
        "#);
        let list = r#"{"changes": [{"kind": "update", "path": "notes.txt", "old": "one\ntwo\nthree\n", "new": "one\nzwei\nthree\n"},
            {"kind": "delete", "path": "gone", "content": "z"}]}"#;
        insta::assert_snapshot!(of_payload(list).unwrap(), @r#"
        notes.txt -["two"] +["zwei"]
        gone -["z"] +[]
        "#);
        assert_eq!(of_payload(r#"{"success": true}"#), None);
        assert_eq!(of_payload(r#"{"changes": {}}"#), None);
    }

    #[test]
    fn files_of_inputs() {
        let input = "*** Begin Patch\n*** Update File: /work/notes.txt\n@@\n one\n-two\n+zwei\n*** Add File: b\n+new\n*** End Patch";
        insta::assert_snapshot!(draw(&of_input(input, Some("/work"))), @r#"
        notes.txt -["two"] +["zwei"]
        b -[] +["new"]
        "#);
        assert_eq!(of_input("-no\n+patch", None), []);
    }
}
