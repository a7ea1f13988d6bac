//! Bundles that change while they are read: no file outside is opened, and no pipe is waited for.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rollout_trace_bundle::{Bundle, Limits, PayloadBuffer, PayloadLayout, PayloadSource, convert, pack};
use rollout_trace_schema::{PayloadKind, PayloadRef};

use crate::support::{bundle, draw, event};

const SECRET: &str = "outside";

fn reference(path: &str) -> PayloadRef {
    PayloadRef::at_path("raw_payload:1", PayloadKind::ProtocolEvent, path)
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Calls `read` many times while what the two functions make takes turns at the path. Each is made beside the path and
/// then renamed, so that the path always has one of them.
///
/// `read` returns whether it has seen enough, which takes longer on a busy machine.
fn while_swapped(path: &Path, make: [&(dyn Fn(&Path) + Sync); 2], mut read: impl FnMut() -> bool) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let beside = path.with_extension("beside");
            for make in make.into_iter().cycle() {
                make(&beside);
                fs::rename(&beside, path).unwrap();
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let start = Instant::now();
        for count in 0.. {
            let is_enough = read();
            if (is_enough && count >= 2000) || start.elapsed() > Duration::from_secs(60) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_payload_that_becomes_a_link_or_a_pipe() {
    let (folder, outside) = (bundle(2, b""), tempfile::tempdir().unwrap());
    let secret = outside.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    fs::create_dir(folder.path().join("payloads")).unwrap();
    let payload = folder.path().join("payloads/1.json");
    let (mut payloads, mut buffer) = (Bundle::open(folder.path()).unwrap().payloads(), PayloadBuffer::default());
    let file = |path: &Path| fs::write(path, "inside").unwrap();
    let others: [&(dyn Fn(&Path) + Sync); 2] = [&|path| symlink(&secret, path).unwrap(), &make_pipe];
    for (other, swaps) in others.into_iter().zip(["a link", "a pipe"]) {
        let (mut read, mut refused) = (0, 0);
        while_swapped(&payload, [&file, other], || {
            match payloads.load(&reference("payloads/1.json"), &mut buffer) {
                Ok(()) => {
                    assert_eq!(buffer.bytes(), b"inside", "{swaps}");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
            read > 0 && refused > 0
        });
        assert!(read > 0 && refused > 0, "{swaps}: {read} read, {refused} refused");
    }
}

#[test]
fn a_folder_that_becomes_a_link() {
    let (folder, outside) = (bundle(2, b""), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("1.json"), SECRET).unwrap();
    let payloads = folder.path().join("payloads");
    fs::create_dir(&payloads).unwrap();
    for number in [1, 2] {
        fs::write(payloads.join(format!("{number}.json")), "inside").unwrap();
    }
    let bundle = Bundle::open(folder.path()).unwrap();
    let (mut before, mut buffer) = (bundle.payloads(), PayloadBuffer::default());
    before.load(&reference("payloads/2.json"), &mut buffer).unwrap();
    fs::rename(&payloads, folder.path().join("moved")).unwrap();
    symlink(outside.path(), &payloads).unwrap();
    // What has opened the folder still reads from it, and nothing else follows the link.
    before.load(&reference("payloads/1.json"), &mut buffer).unwrap();
    assert_eq!(buffer.bytes(), b"inside");
    let error = bundle.payloads().load(&reference("payloads/1.json"), &mut buffer).unwrap_err();
    assert_eq!(error.to_string(), "the path payloads/1.json leads through a link; it was not opened");
    assert!(Bundle::open(folder.path()).unwrap().payloads().load(&reference("payloads/1.json"), &mut buffer).is_err());
}

#[test]
fn links_and_pipes_in_the_place_of_each_file() {
    for name in ["manifest.json", "trace.jsonl", "payloads.pack", "payloads", "payloads/1.json"] {
        for make in [|path: &Path| symlink("/etc/hostname", path).unwrap(), |path: &Path| make_pipe(path)] {
            let folder = bundle(2, (event(2, 1, "turn") + "\n").as_bytes());
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&path);
            make(&path);
            let drawn = draw(folder.path(), Limits::default());
            if !name.starts_with("payloads/") && name != "payloads" {
                assert!(drawn.contains("! "), "{name}: {drawn}");
            }
            let opened = Bundle::open(folder.path()).unwrap();
            assert!(opened.payloads().load(&reference("payloads/1.json"), &mut PayloadBuffer::default()).is_err());
            // A copy has neither, and reports the loss.
            let work = tempfile::tempdir().unwrap();
            let packed = pack(&opened, work.path().join("a.tar.zst")).unwrap();
            assert!(packed.losses.iter().any(|loss| loss.path == name), "{name}: {:?}", packed.losses);
            let copy = work.path().join("copy");
            let converted = convert(&opened, &copy, PayloadLayout::Files).unwrap();
            assert!(converted.losses.iter().any(|loss| loss.path == name), "{name}: {:?}", converted.losses);
            assert!(!copy.join(name).exists() || copy.join(name).is_dir(), "{name}");
        }
    }
}
