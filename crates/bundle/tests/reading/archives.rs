//! Archives: packed and unpacked exactly, and hostile ones without harm.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rollout_trace_bundle::{
    Bundle, ConvertError, Limits, OpenError, PayloadBuffer, PayloadLayout, PayloadSource, Problem, convert,
    find_bundles, pack, unpack,
};
use rollout_trace_schema::{PayloadKind, PayloadRef, packed::BARE_MAGIC};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::support::{bundle, write_manifest};

fn reference(number: u64) -> PayloadRef {
    PayloadRef::at_path(
        format!("raw_payload:{number}"),
        PayloadKind::InferenceRequest,
        format!("payloads/{number}.json"),
    )
}

/// Returns the contents of a folder: folders, and files with their times.
fn listing(folder: &Path) -> BTreeMap<PathBuf, Option<(Vec<u8>, Duration)>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            found.extend(listing(&path).into_iter().map(|(inner, what)| (name.join(inner), what)));
            found.insert(name, None);
        } else {
            let time = path.metadata().unwrap().modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            found.insert(name, Some((fs::read(&path).unwrap(), Duration::from_secs(time.as_secs()))));
        }
    }
    found
}

/// Returns a bundle with every kind of file that a bundle can have.
fn full() -> TempDir {
    let folder = bundle(2, b"{}\n");
    fs::create_dir_all(folder.path().join("payloads/empty")).unwrap();
    fs::write(folder.path().join("payloads/1.json"), b"[\"one\"]").unwrap();
    fs::write(folder.path().join(format!("payloads/{}.json", "long".repeat(50))), b"{}").unwrap();
    fs::write(folder.path().join("state.json"), b"{}").unwrap();
    fs::write(folder.path().join("empty"), b"").unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    File::options().append(true).open(folder.path().join("trace.jsonl")).unwrap().set_modified(old).unwrap();
    folder
}

#[test]
fn there_and_back() {
    let (source, work) = (full(), tempfile::tempdir().unwrap());
    let (archive, out) = (work.path().join("a.tar.zst"), work.path().join("out"));
    let packed = pack(&Bundle::open(source.path()).unwrap(), &archive).unwrap();
    assert_eq!((packed.losses, packed.bytes), (vec![], fs::metadata(&archive).unwrap().len()));
    assert_eq!(unpack(&archive, &out, &Limits::default()).unwrap(), []);
    // The payloads are packed. Everything else is as it was, with its time.
    let (unpacked, mut expected) = (listing(&out), listing(source.path()));
    expected.remove(Path::new("payloads/1.json"));
    expected.remove(Path::new("manifest.json"));
    assert!(expected.iter().all(|(path, content)| unpacked.get(path) == Some(content)));
    assert!(unpacked.contains_key(Path::new("payloads.pack")) && unpacked.len() == expected.len() + 2);
    let contents = |folder: &Path| -> Vec<_> {
        listing(folder).into_iter().map(|(path, file)| (path, file.map(|(bytes, _)| bytes))).collect()
    };
    let files = work.path().join("files");
    convert(&Bundle::open(&out).unwrap(), &files, PayloadLayout::Files).unwrap();
    assert_eq!(contents(&files), contents(source.path()));

    let opened = Bundle::open(&archive).unwrap();
    assert!(opened.is_archive() && opened.path() == archive && opened.name() == "a");
    for (path, content) in unpacked {
        let Some((bytes, modified)) = content else { continue };
        let mut file = opened.open_file(path.to_str().unwrap()).unwrap();
        let mut found = Vec::new();
        file.read_to_end(&mut found).unwrap();
        assert_eq!((found, file.byte_len().unwrap()), (bytes.clone(), bytes.len() as u64), "{}", path.display());
        assert_eq!(file.modified(), Some(SystemTime::UNIX_EPOCH + modified), "{}", path.display());
    }
    let absent = |path: &str| opened.open_file(path).unwrap_err().to_string();
    assert_eq!(absent("payloads/2.json"), "no file payloads/2.json");
    assert_eq!(absent("payloads/empty"), "payloads/empty is not a regular file");
    assert_eq!(absent("payloads"), "payloads is not a regular file");
    assert_eq!(absent("trace.jsonl/x"), "no file trace.jsonl/x");
    assert_eq!(absent("../a/trace.jsonl"), "the path ../a/trace.jsonl leads out of the bundle; it was not opened");
    // A copy of an archive's bundle is one of the folder.
    let copy = work.path().join("copy");
    convert(&opened, &copy, PayloadLayout::Files).unwrap();
    assert_eq!(contents(&copy), contents(source.path()));
}

/// Returns the content of a file of a bundle.
fn read(bundle: &Bundle, path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    bundle.open_file(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;

    let (source, work) = (full(), tempfile::tempdir().unwrap());
    let (archive, out) = (work.path().join("a.tar.zst"), work.path().join("out"));
    pack(&Bundle::open(source.path()).unwrap(), &archive).unwrap();
    unpack(&archive, &out, &Limits::default()).unwrap();
    let opened = Bundle::open(&archive).unwrap();
    let converted = work.path().join("converted");
    convert(&opened, &converted, PayloadLayout::Packed).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    for (path, expected) in [
        (archive.clone(), 0o600),
        (out.clone(), 0o700),
        (out.join("payloads"), 0o700),
        (out.join("payloads.pack"), 0o600),
        (converted.clone(), 0o700),
        (converted.join("payloads"), 0o700),
        (converted.join("payloads.pack"), 0o600),
    ] {
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

#[test]
fn nothing_is_overwritten() {
    let (source, work) = (full(), tempfile::tempdir().unwrap());
    let opened = Bundle::open(source.path()).unwrap();
    let taken = work.path().join("taken");
    fs::write(&taken, b"mine").unwrap();
    assert!(matches!(pack(&opened, &taken), Err(ConvertError::Exists { .. })));
    assert!(matches!(pack(&opened, source.path().join("in.tar.zst")), Err(ConvertError::Inside { .. })));
    assert!(matches!(pack(&opened, work.path().join("no/where")), Err(ConvertError::Write { .. })));
    let archive = work.path().join("a.tar.zst");
    pack(&opened, &archive).unwrap();
    assert!(matches!(unpack(&archive, &taken, &Limits::default()), Err(ConvertError::Exists { .. })));
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 2, "nothing is left of what failed");
}

#[test]
fn found_among_others() {
    let work = tempfile::tempdir().unwrap();
    let inner = work.path().join("trace-1");
    fs::create_dir(&inner).unwrap();
    write_manifest(&inner, 2);
    fs::write(inner.join("trace.jsonl"), b"").unwrap();
    pack(&Bundle::open(&inner).unwrap(), work.path().join("trace-1.tar.zst")).unwrap();
    fs::write(work.path().join("other.tar.zst"), b"no archive").unwrap();
    let found = find_bundles(work.path()).unwrap();
    let names: Vec<_> = found.iter().map(|found| found.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["trace-1", "trace-1.tar.zst"]);
    assert!(found.iter().all(|found| found.started_at_unix_ms == 1000));
}

/// Writes an archive of these entries exactly as given, which no decent program would write.
fn archive_of(entries: &[(EntryType, &str, &[u8])]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.zst");
    fs::write(&path, zstd::encode_all(tar_of(entries).as_slice(), 1).unwrap()).unwrap();
    (folder, path)
}

/// Returns an archive of these entries before its compression.
fn tar_of(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o777);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn hostile_entries() {
    use EntryType::{Directory, Fifo, GNUSparse, Link, Regular, Symlink};
    let (folder, archive) = archive_of(&[
        (Regular, "b/trace.jsonl", b"{}"),
        (Regular, "../escaped", b"x"),
        (Regular, "/tmp/rollout-trace-escaped", b"x"),
        (Symlink, "b/link", b""),
        (Regular, "b/link/x", b"not through a link"),
        (Link, "b/hard", b""),
        (Fifo, "b/pipe", b""),
        (GNUSparse, "b/sparse", b""),
        (Regular, "b/trace.jsonl", b"again"),
        (Regular, "b/trace.jsonl/x", b"below a file"),
        (Directory, "b/trace.jsonl", b""),
        (Regular, "", b"no name"),
    ]);
    let opened = Bundle::open(&archive).unwrap();
    let entries: Vec<_> = opened
        .problems()
        .iter()
        .filter_map(|problem| match problem {
            Problem::ArchiveEntry { path, reason } => Some(format!("{path}: {reason}")),
            _ => None,
        })
        .collect();
    insta::assert_snapshot!(entries.join("\n"), @"
    ../escaped: its path leads out of the archive
    /tmp/rollout-trace-escaped: its path leads out of the archive
    b/link: it is neither a file nor a folder
    b/hard: it is neither a file nor a folder
    b/pipe: it is neither a file nor a folder
    b/sparse: it is neither a file nor a folder
    b/trace.jsonl: something already exists at its path
    b/trace.jsonl/x: there is a file at the path of its folder
    b/trace.jsonl: there is a file at its path
    : something already exists at its path
    ");
    assert_eq!(read(&opened, "trace.jsonl"), b"{}");
    assert_eq!(read(&opened, "link/x"), b"not through a link");
    assert!(!folder.path().join("escaped").exists() && !Path::new("/tmp/rollout-trace-escaped").exists());
}

#[test]
fn names_that_no_file_can_have() {
    use EntryType::{Directory, GNULongName, Regular};
    let long = "n".repeat(300);
    let (file, folder, below) = (format!("b/{long}"), format!("b/{long}/"), format!("b/{long}/x"));
    let (_folder, archive) = archive_of(&[
        (GNULongName, "././@LongLink", file.as_bytes()),
        (Regular, "b/cut", b"x"),
        (GNULongName, "././@LongLink", folder.as_bytes()),
        (Directory, "b/cut", b""),
        (GNULongName, "././@LongLink", below.as_bytes()),
        (Regular, "b/cut", b"x"),
        (Regular, "b/trace.jsonl", b"{}"),
    ]);
    let opened = Bundle::open(&archive).unwrap();
    let left = opened
        .problems()
        .iter()
        .filter(|problem| matches!(problem, Problem::ArchiveEntry { reason, .. } if reason == "its name is too long"));
    assert_eq!(left.count(), 3, "{:?}", opened.problems());
    assert_eq!(read(&opened, "trace.jsonl"), b"{}");
}

#[test]
fn an_archive_that_unpacks_to_too_much() {
    let bomb = vec![0; 3 << 20];
    let (_folder, archive) =
        archive_of(&[(EntryType::Regular, "trace.jsonl", b"{}\n"), (EntryType::Regular, "x", &bomb)]);
    assert!(fs::metadata(&archive).unwrap().len() < 10_000);
    let limits = Limits { max_archive_bytes: 1 << 20, ..Limits::default() };
    let opened = Bundle::open_with(&archive, limits).unwrap();
    assert!(
        opened.problems().contains(&Problem::ArchiveTooLarge { limit: 1 << 20, within_log: false }),
        "{:?}",
        opened.problems()
    );
    assert!(read(&opened, "x").len() < 1 << 20);
    let out = archive.with_file_name("out");
    assert_eq!(unpack(&archive, &out, &limits).unwrap(), opened.problems()[..1]);
    assert_eq!(fs::read(out.join("x")).unwrap(), read(&opened, "x"));
    // The length of a name is not trusted either.
    let (_folder, archive) =
        archive_of(&[(EntryType::Regular, "trace.jsonl", b""), (EntryType::GNULongName, "x", &bomb)]);
    assert!(matches!(Bundle::open(&archive).unwrap().problems()[..], [Problem::ArchiveEntry { .. }, ..]));
}

#[test]
fn a_limit_within_the_log() {
    let log = b"no event\n".repeat(1000);
    let (_folder, archive) =
        archive_of(&[(EntryType::Regular, "b/trace.jsonl", &log), (EntryType::Regular, "b/x", &[b'x'; 5000])]);
    let cut_at = |max_archive_bytes| {
        let limits = Limits { max_archive_bytes, ..Limits::default() };
        let opened = Bundle::open_with(&archive, limits).unwrap();
        opened.problems().iter().find_map(|problem| match problem {
            Problem::ArchiveTooLarge { within_log, .. } => Some(*within_log),
            _ => None,
        })
    };
    // The log begins after its header of 512 bytes.
    assert_eq!(cut_at(600), Some(true));
    assert_eq!(cut_at(512 + 9000 - 2), Some(true));
    assert_eq!(cut_at(512 + 9000 + 1000), Some(false));
    assert_eq!(cut_at(1 << 20), None);
}

#[test]
fn a_bundle_at_any_depth() {
    use EntryType::{Directory, Regular};
    for folder in ["", "./", "a/", "a/b/c/", "./Downloads/trace 1/"] {
        let (log, manifest) = (format!("{folder}trace.jsonl"), format!("{folder}manifest.json"));
        let (inner, beside) = (format!("{folder}old/trace.jsonl"), format!("{folder}notes.txt"));
        let (_folder, archive) = archive_of(&[
            (Regular, &beside, b"hello"),
            (Regular, &log, b"{}\n"),
            (Regular, &manifest, br#"{"started_at_unix_ms":5}"#),
            (Regular, &inner, b"a bundle's folder may have anything in it"),
            (Directory, "empty/folder", b""),
        ]);
        let opened = Bundle::open(&archive).unwrap();
        assert_eq!(read(&opened, "trace.jsonl"), b"{}\n", "{folder}");
        assert_eq!(opened.header().started_at_unix_ms, Some(5), "{folder}");
        let out = archive.with_file_name("out");
        assert_eq!(unpack(&archive, &out, &Limits::default()).unwrap(), []);
        assert_eq!(fs::read(out.join("notes.txt")).unwrap(), b"hello", "{folder}");
        let found = find_bundles(archive.parent().unwrap()).unwrap();
        assert!(found.iter().all(|found| found.started_at_unix_ms == 5), "{folder}: {found:?}");
    }
    // Many programs write a manifest.json. A bundle has it beside a log, unless the log is lost.
    let (_folder, archive) =
        archive_of(&[(Regular, "app/manifest.json", b"{}"), (Regular, "app/data/b/trace.jsonl", b"")]);
    assert!(Bundle::open(&archive).unwrap().open_file("trace.jsonl").is_ok());
    let (_folder, archive) = archive_of(&[(Regular, "a/b/manifest.json", b"{}"), (Regular, "a/x", b"")]);
    assert!(Bundle::open(&archive).unwrap().open_file("manifest.json").is_ok());
}

/// Returns the error of opening an archive of these entries, and that of unpacking it, which must be the same one.
fn refusal(entries: &[(EntryType, &str, &[u8])]) -> String {
    let (_folder, archive) = archive_of(entries);
    let out = archive.with_file_name("out");
    let unpacked = unpack(&archive, &out, &Limits::default()).unwrap_err();
    assert!(!out.exists());
    let OpenError::Archive(opened) = Bundle::open(&archive).unwrap_err() else { panic!("{unpacked}") };
    assert_eq!((opened.to_string(), opened.hint()), (unpacked.to_string(), unpacked.hint()));
    format!("{opened}\n{}", opened.hint()).replace(archive.to_str().unwrap(), "a.tar.zst")
}

#[test]
fn archives_without_a_bundle_or_with_several() {
    use EntryType::{Directory, Regular};
    insta::assert_snapshot!(refusal(&[]), @"
    a.tar.zst is not an archive of a bundle: it contains no files, and no bundle
    name a file that `rollout-trace pack` wrote, or a .tar.zst file of a bundle's folder
    ");
    insta::assert_snapshot!(refusal(&[(Directory, "a/b", b""), (Regular, "a/\u{1b}[31mred", b"")]), @r#"
    a.tar.zst is not an archive of a bundle: it contains "a/\u{1b}[31mred", and no bundle
    name a file that `rollout-trace pack` wrote, or a .tar.zst file of a bundle's folder
    "#);
    let names: Vec<String> = (1..=8).map(|number| format!("{number}/{}", "x".repeat(90))).collect();
    let many: Vec<_> = names.iter().map(|name| (Regular, name.as_str(), &b"x"[..])).collect();
    let words = refusal(&many);
    assert!(words.contains(r#"it contains "1/x"#) && words.contains("and 3 more, and no bundle"), "{words}");
    insta::assert_snapshot!(refusal(&[(Regular, "a/../../b/trace.jsonl", b""), (Regular, "README", b"hello")]), @r#"
    a.tar.zst is not an archive of a bundle: the archive's entry a/../../b/trace.jsonl is skipped: its path leads out of the archive; it contains "README", and no bundle
    name a file that `rollout-trace pack` wrote, or a .tar.zst file of a bundle's folder
    "#);
    insta::assert_snapshot!(refusal(&[(Regular, "r/b/trace.jsonl", b""), (Regular, "r/a/trace.jsonl", b"")]), @r#"
    a.tar.zst contains several bundles: "r/a", "r/b"
    unpack it with tar, and name one of its folders
    "#);
}

#[test]
fn other_files_are_no_archives() {
    let (_folder, archive) = archive_of(&[]);
    let words = |bytes: &[u8]| {
        fs::write(&archive, bytes).unwrap();
        let out = archive.with_file_name("out");
        let unpacked = unpack(&archive, &out, &Limits::default()).unwrap_err();
        assert!(!out.exists());
        let opened = Bundle::open(&archive).unwrap_err();
        assert_eq!(opened.to_string(), unpacked.to_string());
        assert_eq!(Bundle::open_events(&archive, Limits::default()).unwrap_err().to_string(), unpacked.to_string());
        opened.to_string().replace(archive.to_str().unwrap(), "a.tar.zst")
    };
    insta::assert_snapshot!(words(b""), @"a.tar.zst is not an archive of a bundle: it is empty");
    insta::assert_snapshot!(words(b"(\xb5"), @"a.tar.zst is not an archive of a bundle: it is not compressed by zstd");
    insta::assert_snapshot!(words(b"plain text"), @"a.tar.zst is not an archive of a bundle: it is not compressed by zstd");
    let compressed = zstd::encode_all(&b"plain text"[..], 1).unwrap();
    let foreign = words(&compressed);
    insta::assert_snapshot!(foreign, @"a.tar.zst is not an archive of a bundle: it is compressed by zstd, but what is compressed is not a tar archive");
    for other in [&[][..], &b"a line of a log\n".repeat(1000), &[1; 512], &[0; 511]] {
        assert_eq!(words(&zstd::encode_all(other, 1).unwrap()), foreign);
    }
    // A header that is damaged is still one.
    let mut damaged = tar_of(&[(EntryType::Regular, "b/trace.jsonl", b"{}")]);
    damaged[0] = b'c';
    let damaged = words(&zstd::encode_all(damaged.as_slice(), 1).unwrap());
    assert!(damaged.contains("the archive is damaged"), "{damaged}");
    // The same holds whatever the name is, unless the file is in a bundle.
    let (notes, bundle) = (archive.with_file_name("notes.txt"), full());
    fs::write(&notes, b"hello").unwrap();
    assert!(matches!(Bundle::open(&notes), Err(OpenError::Archive(ConvertError::NotAnArchive { .. }))));
    fs::copy(&notes, bundle.path().join("notes.txt")).unwrap();
    assert!(Bundle::open(bundle.path().join("notes.txt")).is_ok());
    fs::copy(&archive, bundle.path().join("a.tar.zst")).unwrap();
    assert!(Bundle::open(bundle.path().join("a.tar.zst")).is_err());
}

#[test]
fn a_skippable_frame_at_the_start() {
    let (_folder, archive) = archive_of(&[(EntryType::Regular, "b/trace.jsonl", b"{}\n")]);
    let frames = fs::read(&archive).unwrap();
    for first in [0x50, 0x5f] {
        fs::write(&archive, [&[first, 0x2a, 0x4d, 0x18, 4, 0, 0, 0], &b"abcd"[..], &frames].concat()).unwrap();
        assert_eq!(read(&Bundle::open(&archive).unwrap(), "trace.jsonl"), b"{}\n");
        assert_eq!(find_bundles(archive.parent().unwrap()).unwrap().len(), 1);
        let out = tempfile::tempdir().unwrap();
        assert_eq!(unpack(&archive, out.path().join("b"), &Limits::default()).unwrap(), []);
    }
}

#[test]
fn too_many_entries() {
    use EntryType::{Directory, Regular};
    let names: Vec<String> = (0..100).map(|number| format!("b/{number}/a/b/c/")).collect();
    let folders = names.iter().map(|name| (Directory, name.as_str(), &b""[..]));
    let entries: Vec<_> = [(Regular, "b/trace.jsonl", &b"{}\n"[..])].into_iter().chain(folders).collect();
    let (_folder, archive) = archive_of(&entries);
    // Folders without an entry count, too: here are 4 for each entry.
    for (limit, is_exceeded) in [(502, false), (501, true), (10, true)] {
        let limits = Limits { max_archive_entries: limit, ..Limits::default() };
        let opened = Bundle::open_with(&archive, limits).unwrap();
        let problem = Problem::ArchiveTooManyEntries { limit };
        assert_eq!(opened.problems().contains(&problem), is_exceeded, "{limit}: {:?}", opened.problems());
        let out = archive.with_file_name(limit.to_string());
        assert_eq!(unpack(&archive, out, &limits).unwrap().contains(&problem), is_exceeded, "{limit}");
    }
    let deep = "d/".repeat(100);
    let (_folder, archive) = archive_of(&[
        (Regular, "b/trace.jsonl", b"{}\n"),
        (EntryType::GNULongName, "././@LongLink", deep.as_bytes()),
        (Directory, "cut", b""),
    ]);
    let opened = Bundle::open(&archive).unwrap();
    let Problem::ArchiveEntry { reason, .. } = &opened.problems()[0] else { panic!() };
    assert_eq!(reason, "it is in too many folders");
}

#[test]
fn skipped_entries_beyond_a_limit_are_counted() {
    let entries: Vec<_> = (0..20).map(|_| (EntryType::Symlink, "b/link", &b""[..])).collect();
    let (_folder, archive) =
        archive_of(&[&[(EntryType::Regular, "b/trace.jsonl", &b"{}\n"[..])], &entries[..]].concat());
    let opened = Bundle::open_with(&archive, Limits { max_problems: 5, ..Limits::default() }).unwrap();
    let skipped = opened.problems().iter().filter(|problem| matches!(problem, Problem::ArchiveEntry { .. })).count();
    assert_eq!(skipped, 5);
    assert!(opened.problems().contains(&Problem::TooManyProblems { limit: 5, left_out: 15 }));
}

#[test]
fn large_files_are_not_held() {
    let (log, payload) = (b"{}\n".repeat(1000), vec![b' '; 2000]);
    let entries: [(_, _, &[u8]); 3] = [
        (EntryType::Regular, "b/payloads/1.json", &payload),
        (EntryType::Regular, "b/trace.jsonl", &log),
        (EntryType::Regular, "b/payloads/2.json", b"{}"),
    ];
    let (_folder, archive) = archive_of(&entries);
    let opened = Bundle::open_with(&archive, Limits { max_payload_bytes: 1000, ..Limits::default() }).unwrap();
    assert_eq!(read(&opened, "trace.jsonl"), log);
    let load = |number| opened.payloads().load(&reference(number), &mut PayloadBuffer::default());
    assert_eq!(load(1).unwrap_err().to_string(), "payloads/1.json has 2000 bytes, more than the limit of 1000");
    assert!(load(2).is_ok());
}

#[test]
fn events_without_payloads() {
    use EntryType::Regular;
    let (log, manifest, zeros) = (b"{}\n", br#"{"started_at_unix_ms":5}"#, vec![0; 20 << 20]);
    let orders: [&[(EntryType, &str, &[u8])]; 4] = [
        &[
            (Regular, "b/manifest.json", manifest),
            (Regular, "b/trace.jsonl", log),
            (Regular, "b/payloads/1.json", &zeros),
        ],
        &[
            (Regular, "b/trace.jsonl", log),
            (Regular, "b/manifest.json", manifest),
            (Regular, "b/payloads/1.json", &zeros),
        ],
        &[
            (Regular, "b/payloads/1.json", &zeros),
            (Regular, "b/manifest.json", manifest),
            (Regular, "b/trace.jsonl", log),
        ],
        &[(Regular, "a/x", &zeros), (Regular, "b/trace.jsonl", log), (Regular, "b/payloads/1.json", &zeros)],
    ];
    for (number, entries) in orders.into_iter().enumerate() {
        let (_folder, archive) = archive_of(entries);
        let opened = Bundle::open_events(&archive, Limits::default()).unwrap();
        assert_eq!(read(&opened, "trace.jsonl"), log, "{number}");
        assert_eq!(opened.header().started_at_unix_ms, (number < 3).then_some(5), "{number}");
        assert!(opened.open_file("payloads/1.json").is_err(), "{number}");
        // What comes after the two is not even decompressed.
        if entries[2].1.starts_with("b/payloads") {
            let sound = fs::read(&archive).unwrap();
            fs::write(&archive, &sound[..sound.len() - 3]).unwrap();
            let is_damaged = |bundle: Bundle| {
                bundle.problems().iter().any(|problem| matches!(problem, Problem::ArchiveDamaged { .. }))
            };
            assert!(is_damaged(Bundle::open(&archive).unwrap()), "{number}");
            assert!(!is_damaged(Bundle::open_events(&archive, Limits::default()).unwrap()), "{number}");
        }
    }
}

/// Returns the same bundle with its payloads in a pack file.
fn full_and_packed() -> (TempDir, PathBuf) {
    let (source, work) = (full(), tempfile::tempdir().unwrap());
    let packed = work.path().join("packed");
    convert(&Bundle::open(source.path()).unwrap(), &packed, PayloadLayout::Packed).unwrap();
    (work, packed)
}

#[test]
fn packs_come_back_as_they_were() {
    let (work, packed) = full_and_packed();
    let pack_file = packed.join("payloads.pack");
    let sound = fs::read(&pack_file).unwrap();
    let mut damaged = sound.clone();
    damaged[40] ^= 1;
    let texts = [sound.clone(), damaged, sound[..sound.len() - 3].to_vec(), sound[..10].to_vec(), Vec::new()];
    for (number, text) in texts.iter().enumerate() {
        fs::write(&pack_file, text).unwrap();
        let (archive, out) = (work.path().join(format!("{number}.tar.zst")), work.path().join(number.to_string()));
        pack(&Bundle::open(&packed).unwrap(), &archive).unwrap();
        assert_eq!(unpack(&archive, &out, &Limits::default()).unwrap(), []);
        assert_eq!(listing(&out), listing(&packed), "{number}");
    }
}

/// Extracts an archive like any other program. Returns the bundle's folder.
fn extracted(archive: &Path, folder: &Path) -> PathBuf {
    tar::Archive::new(zstd::Decoder::new(File::open(archive).unwrap()).unwrap()).unpack(folder).unwrap();
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn bare_packs() {
    let (work, packed) = full_and_packed();
    let full = fs::read(packed.join("payloads.pack")).unwrap();
    let archive = work.path().join("a.tar.zst");
    pack(&Bundle::open(&packed).unwrap(), &archive).unwrap();
    let folder = extracted(&archive, &work.path().join("extracted"));
    let bare = fs::read(folder.join("payloads.pack")).unwrap();
    assert_eq!(bare[..BARE_MAGIC.len()], BARE_MAGIC);

    // A folder with a bare pack is read, converted and packed like any other.
    let document = |folder: &Path| {
        let bundle = Bundle::open(folder).unwrap();
        assert_eq!(bundle.problems(), []);
        let mut buffer = PayloadBuffer::default();
        bundle.payloads().load(&reference(1), &mut buffer).unwrap();
        buffer.bytes().to_vec()
    };
    assert_eq!(document(&folder), document(&packed));
    let files = work.path().join("files");
    convert(&Bundle::open(&folder).unwrap(), &files, PayloadLayout::Files).unwrap();
    assert_eq!(fs::read(files.join("payloads/1.json")).unwrap(), document(&packed));
    let (again, restored) = (work.path().join("b.tar.zst"), work.path().join("restored"));
    pack(&Bundle::open(&folder).unwrap(), &again).unwrap();
    unpack(&again, &restored, &Limits::default()).unwrap();
    assert_eq!(fs::read(restored.join("payloads.pack")).unwrap(), full);

    // Earlier writers made such entries for the same bytes.
    let log = fs::read(packed.join("trace.jsonl")).unwrap();
    let (_folder, old) =
        archive_of(&[(EntryType::Regular, "b/trace.jsonl", &log), (EntryType::new(b'P'), "b/payloads.pack", &bare)]);
    assert_eq!(read(&Bundle::open(old).unwrap(), "payloads.pack"), full);

    // A newer form names the remedy, and a cut one is read up to the cut.
    let problems = |bytes: &[u8]| {
        fs::write(folder.join("payloads.pack"), bytes).unwrap();
        Bundle::open(&folder).unwrap().problems().to_vec()
    };
    let mut newer = bare.clone();
    newer[7] = 2;
    insta::assert_snapshot!(problems(&newer)[0], @"payloads.pack cannot be read: version 2 of the bare form is unknown: update rollout-trace");
    assert_eq!(problems(&bare[..bare.len() - 5]), []);
    for cut in 0..bare.len() {
        let _ = problems(&bare[..cut]);
        let mut buffer = PayloadBuffer::default();
        if Bundle::open(&folder).unwrap().payloads().load(&reference(1), &mut buffer).is_ok() {
            assert_eq!(buffer.bytes(), document(&packed));
        }
    }
}

#[test]
fn full_packs_in_an_archive() {
    let (_work, packed) = full_and_packed();
    let file = |name: &str| fs::read(packed.join(name)).unwrap();
    let (log, pack) = (file("trace.jsonl"), file("payloads.pack"));
    let entries: [(_, _, &[u8]); 2] =
        [(EntryType::Regular, "b/trace.jsonl", &log), (EntryType::Regular, "b/payloads.pack", &pack)];
    let (_folder, archive) = archive_of(&entries);
    let opened = Bundle::open(archive).unwrap();
    assert_eq!(read(&opened, "payloads.pack"), pack);
}

#[test]
fn damage() {
    let (source, work) = (full(), tempfile::tempdir().unwrap());
    let (_work, packed) = full_and_packed();
    for source in [source.path(), &packed] {
        check_damage(source, &work.path().join("a.tar.zst"));
        fs::remove_file(work.path().join("a.tar.zst")).unwrap();
    }
}

fn check_damage(source: &Path, archive: &Path) {
    pack(&Bundle::open(source).unwrap(), archive).unwrap();
    let sound = fs::read(archive).unwrap();
    let out = archive.with_file_name("out");
    unpack(archive, &out, &Limits::default()).unwrap();
    let expected = listing(&out);
    fs::remove_dir_all(&out).unwrap();
    let mut opened = 0;
    for at in 0..sound.len() {
        let mut flipped = sound.clone();
        flipped[at] ^= 1 << (at % 8);
        for damaged in [&flipped[..], &sound[..at]] {
            fs::write(archive, damaged).unwrap();
            if let Ok(bundle) = Bundle::open(archive) {
                opened += 1;
                let is_reported = |problem: &Problem| matches!(problem, Problem::ArchiveDamaged { .. });
                let same = || {
                    unpack(archive, &out, &Limits::default()).unwrap();
                    let same = listing(&out) == expected;
                    fs::remove_dir_all(&out).unwrap();
                    same
                };
                assert!(bundle.problems().iter().any(is_reported) || same(), "byte {at} of {}", sound.len());
            }
        }
    }
    assert!(opened > 0);
}
