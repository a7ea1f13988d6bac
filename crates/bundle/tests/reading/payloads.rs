//! Payload files are read completely, and nothing outside of the bundle is read.

use std::fs;

use crate::support::bundle;
use rollout_trace_bundle::{Bundle, Limits, PayloadBuffer, PayloadSource};
use rollout_trace_schema::{PayloadKind, PayloadRef};
use tempfile::TempDir;

fn bundle_with_payloads() -> TempDir {
    let folder = bundle(2, b"");
    fs::create_dir_all(folder.path().join("payloads/inner")).unwrap();
    fs::write(folder.path().join("payloads/1.json"), b"[\"one\",1]").unwrap();
    fs::write(folder.path().join("payloads/2.json"), b"[\"one\",22]").unwrap();
    fs::write(folder.path().join("payloads/inner/3.json"), b"").unwrap();
    folder
}

fn reference(path: &str) -> PayloadRef {
    PayloadRef::at_path(path, PayloadKind::ProtocolEvent, path)
}

fn load(folder: &TempDir, path: &str) -> String {
    let limits = Limits { max_payload_bytes: 20, ..Limits::default() };
    let mut buffer = PayloadBuffer::default();
    let bundle = Bundle::open_with(folder.path(), limits).unwrap();
    match bundle.payloads().load(&reference(path), &mut buffer) {
        Ok(()) => String::from_utf8_lossy(buffer.bytes()).into_owned(),
        Err(error) => format!("! {error}").replace(folder.path().to_str().unwrap(), "<bundle>"),
    }
}

#[test]
fn files() {
    let folder = bundle_with_payloads();
    assert_eq!(load(&folder, "payloads/1.json"), "[\"one\",1]");
    assert_eq!(load(&folder, "./payloads/2.json"), "[\"one\",22]");
    assert_eq!(load(&folder, "payloads/inner/3.json"), "");
}

#[test]
fn paths_that_lead_out() {
    let folder = bundle_with_payloads();
    let absolute = folder.path().join("payloads/1.json");
    for path in ["../x.json", "payloads/../payloads/1.json", "/etc/passwd", "", absolute.to_str().unwrap(), ".."] {
        let answer = load(&folder, path);
        assert!(answer.ends_with("leads out of the bundle; it was not opened"), "{path}: {answer}");
    }
}

#[test]
fn paths_that_are_not_files() {
    let folder = bundle_with_payloads();
    insta::assert_snapshot!(load(&folder, "payloads/9.json"), @"! no file payloads/9.json");
    insta::assert_snapshot!(load(&folder, "nowhere/9.json"), @"! no file nowhere/9.json");
    insta::assert_snapshot!(load(&folder, "payloads/1.json/9.json"), @"! no file payloads/1.json/9.json");
    insta::assert_snapshot!(load(&folder, "payloads"), @"! payloads is not a regular file");
    assert_eq!(load(&folder, "payloads/\0"), "! no file payloads/\0");
    assert!(load(&folder, &"x".repeat(5000)).starts_with("! no file"));
}

#[test]
fn too_large() {
    let folder = bundle_with_payloads();
    fs::write(folder.path().join("payloads/4.json"), [b' '; 21]).unwrap();
    insta::assert_snapshot!(load(&folder, "payloads/4.json"), @"! payloads/4.json has 21 bytes, more than the limit of 20");
}

#[cfg(unix)]
#[test]
fn links() {
    use std::os::unix::fs::symlink;

    let (folder, outside) = (bundle_with_payloads(), bundle_with_payloads());
    symlink("1.json", folder.path().join("payloads/inside.json")).unwrap();
    symlink(outside.path().join("payloads/1.json"), folder.path().join("payloads/outside.json")).unwrap();
    symlink(outside.path().join("payloads"), folder.path().join("elsewhere")).unwrap();
    symlink("nowhere.json", folder.path().join("payloads/dangling.json")).unwrap();
    symlink("payloads", folder.path().join("same")).unwrap();
    for path in [
        "payloads/inside.json",
        "payloads/outside.json",
        "payloads/dangling.json",
        "elsewhere/1.json",
        "same/inner/3.json",
    ] {
        assert_eq!(load(&folder, path), format!("! the path {path} leads through a link; it was not opened"));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_block() {
    let folder = bundle_with_payloads();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("payloads/pipe.json")).status();
    assert!(made.unwrap().success());
    insta::assert_snapshot!(load(&folder, "payloads/pipe.json"), @"! payloads/pipe.json is not a regular file");
}

#[test]
fn the_buffer_records_what_stayed() {
    let folder = bundle_with_payloads();
    let bundle = Bundle::open(folder.path()).unwrap();
    let (mut payloads, mut buffer) = (bundle.payloads(), PayloadBuffer::default());
    let mut stayed = |path| {
        let loaded = payloads.load(&reference(path), &mut buffer).is_ok();
        (loaded, buffer.bytes().len(), buffer.unchanged_prefix(), buffer.unchanged_suffix())
    };
    assert_eq!(stayed("payloads/1.json"), (true, 9, 0, 0));
    assert_eq!(stayed("payloads/2.json"), (true, 10, 7, 1));
    assert_eq!(stayed("payloads/9.json"), (false, 10, 7, 1));
    assert_eq!(stayed("payloads/2.json"), (true, 10, 10, 0));
}
