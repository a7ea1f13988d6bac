//! A signal leaves nothing behind.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::support::{Root, program};

/// How many payloads are added to a bundle, so that commands take long enough to be interrupted.
const PAYLOADS: usize = 1500;

fn root() -> Root {
    let root = Root::new(&["a"]);
    for number in 0..PAYLOADS {
        let text = format!("{{\"number\":{number},\"text\":\"{}\"}}", number.to_string().repeat(500));
        fs::write(root.path(&format!("a/payloads/{}.json", 1000 + number)), text).unwrap();
    }
    root
}

fn names(root: &Root) -> Vec<String> {
    let entries = fs::read_dir(root.path(".")).unwrap().chain(fs::read_dir(root.path("a")).unwrap());
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn nothing_is_left_behind() {
    let root = root();
    fs::create_dir(root.path("tmp")).unwrap();
    let archived = root.run("pack a -o source.tar.zst");
    assert_eq!(archived, "source.tar.zst\n");
    let before = names(&root);
    let mut interrupted = 0;
    for command in
        ["convert a --layout packed -o out", "pack a -o out", "unpack source.tar.zst -o out", "reduce a -o out"]
    {
        for (signal, delays) in [("INT", [5, 30]), ("TERM", [15, 60]), ("HUP", [10, 100])] {
            for delay in delays {
                let mut running = program()
                    .args(command.split(' '))
                    .current_dir(root.path("."))
                    .env("TMPDIR", root.path("tmp"))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                thread::sleep(Duration::from_millis(delay));
                let pid = running.id().to_string();
                Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
                let status = running.wait().unwrap();
                interrupted += usize::from(!status.success());
                let out = root.path("out");
                // The signal may have come just after the result was complete.
                if !status.success() && out.exists() && !command.starts_with("reduce") {
                    assert_eq!(root.run("check out"), "out: clean\n", "{command}: {signal} after {delay} ms");
                }
                let _ = fs::remove_dir_all(&out).or_else(|_| fs::remove_file(&out));
                assert_eq!(names(&root), before, "{command}: {signal} after {delay} ms");
                assert_eq!(fs::read_dir(root.path("tmp")).unwrap().count(), 0, "{command}: {signal} after {delay} ms");
            }
        }
    }
    assert!(interrupted > 0, "no command was interrupted");
}

#[test]
fn ignored_signals_stay_ignored() {
    let root = root();
    let program = program();
    let script =
        format!("trap '' HUP; '{}' pack a -o out & sleep 0.05; kill -HUP $!; wait $!", program.get_program().display());
    let status =
        Command::new("sh").args(["-c", &script]).current_dir(root.path(".")).stdout(Stdio::null()).status().unwrap();
    assert!(status.success() && root.path("out").exists());
}
