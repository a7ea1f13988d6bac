//! Writes and removes files without changing who may read them.

use std::{
    ffi::OsStr,
    fs::{File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, Gid, Mode, OFlags, Uid, XattrFlags, fchown, fgetxattr, fremovexattr, fsetxattr, linkat, openat,
        renameat, statat, unlinkat,
    },
    io::Errno,
};
use uuid::Uuid;

use super::folder::{Folder, Missing};

/// The extended attribute with a file's access control list. Where there are none, reading it fails.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// The longest extended attribute that Linux has.
const LIST_BYTES: usize = 64 << 10;

/// Who owns a file, and who may do what with it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    owner: u32,
    group: u32,
    mode: u32,
    list: Option<Vec<u8>>,
}

impl Access {
    /// Reads the access to a file.
    ///
    /// # Errors
    ///
    /// Returns an error if its list cannot be read: without it, others might get access to the file's next content.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut list = vec![0; LIST_BYTES];
        let list = match fgetxattr(file, ACCESS_LIST, &mut list[..]) {
            Ok(length) => {
                list.truncate(length);
                Some(list)
            }
            Err(error) if has_no_list(error) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { owner: metadata.uid(), group: metadata.gid(), mode: metadata.mode() & 0o7777, list })
    }

    /// Returns the access for a new file in the place of this one: it does not run with the rights of the owner.
    pub(crate) fn for_new_content(self) -> Self {
        Self { mode: self.mode & 0o777, ..self }
    }

    /// Gives another file the same owner and permissions. Permissions that cannot be kept are narrowed, never widened.
    fn give(&self, file: &File) -> io::Result<()> {
        let (owner, group) = (Uid::from_raw(self.owner), Gid::from_raw(self.group));
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (self.owner, self.group) {
            // Only the administrator may give a file away, but its owner may give it to a group of theirs.
            let _ = fchown(file, Some(owner), Some(group)).or_else(|_| fchown(file, None, Some(group)));
        }
        let made = file.metadata()?;
        let kept = Kept { owner: made.uid() == self.owner, group: made.gid() == self.group };
        let has_list = match &self.list {
            // Without its group, the list would give the group's rights to another one.
            Some(list) if kept.group => fsetxattr(file, ACCESS_LIST, list, XattrFlags::empty()).is_ok(),
            _ => false,
        };
        if !has_list {
            // The file may have inherited a list from its folder.
            match fremovexattr(file, ACCESS_LIST) {
                Err(error) if !has_no_list(error) => return Err(error.into()),
                _ => {}
            }
        }
        file.set_permissions(Permissions::from_mode(self.mode_without(kept, has_list)))
    }

    /// Returns the permissions for a file, given what could be kept of the access to it. Nobody gets more access than before.
    fn mode_without(&self, kept: Kept, has_list: bool) -> u32 {
        let mut mode = self.mode;
        if !kept.owner {
            mode &= !0o4000;
        }
        if self.list.is_some() && !has_list {
            // The list may have denied something to single people, and the bits of the group are only the most that
            // anybody in it may do.
            mode &= 0o7700;
        }
        if !kept.group {
            // The members of the new group had the rights of everybody, and those of the old one get them.
            let common = mode >> 3 & mode & 0o007;
            mode = mode & 0o5700 | common << 3 | common;
        }
        mode
    }
}

/// What a file has of another one's access.
#[derive(Clone, Copy, Debug)]
struct Kept {
    owner: bool,
    group: bool,
}

/// Returns whether an error means that a file has no access list, or that its file system has none.
fn has_no_list(error: Errno) -> bool {
    // Other systems name these lists in another way.
    matches!(error, Errno::NODATA | Errno::OPNOTSUPP) || !cfg!(target_os = "linux")
}

/// Whether a file may take the name of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Free,
    Taken,
}

/// Writes a file under a temporary name and then renames it, so that nobody sees a partial file. Without `access` the
/// file gets the permissions of any new file.
///
/// # Errors
///
/// The error's kind is `AlreadyExists` if the name should be free and is not.
pub(crate) fn write(
    folder: &Folder,
    entry: &Path,
    content: &str,
    access: Option<&Access>,
    as_name: Name,
) -> io::Result<()> {
    let name = entry.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = folder.open_parent(entry, Missing::Create)?;
    let temporary = Temporary { parent: &parent, name: format!(".patch-{}", Uuid::new_v4().simple()) };
    // The system applies the process's umask to these permissions. Until a file has the permissions of another one,
    // nobody else may read it.
    let mode = if access.is_some() { 0o600 } else { 0o666 };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(&parent, &temporary.name, flags, Mode::from_raw_mode(mode))?);
    file.write_all(content.as_bytes())?;
    if let Some(access) = access {
        access.give(&file)?;
    }
    temporary.give_name(name, as_name)
}

/// Removes a file or a link.
pub(crate) fn remove(folder: &Folder, entry: &Path) -> io::Result<()> {
    let name = entry.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(unlinkat(folder.open_parent(entry, Missing::Fail)?, name, AtFlags::empty())?)
}

/// A file under a temporary name, which is removed when this is dropped.
struct Temporary<'a> {
    parent: &'a File,
    name: String,
}

impl Temporary<'_> {
    fn give_name(&self, name: &OsStr, as_name: Name) -> io::Result<()> {
        if as_name == Name::Free {
            // Unlike renaming, this fails if a file of that name has appeared.
            match linkat(self.parent, &self.name, self.parent, name, AtFlags::empty()) {
                Ok(()) => return Ok(()),
                Err(Errno::EXIST) => return Err(Errno::EXIST.into()),
                // Some file systems have no links.
                Err(_) => return self.take_name(name),
            }
        }
        Ok(renameat(self.parent, &self.name, self.parent, name)?)
    }

    /// Takes a free name with an empty file first, which is removed again if the renaming fails.
    fn take_name(&self, name: &OsStr) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let taken = File::from(openat(self.parent, name, flags, Mode::from_raw_mode(0o600))?).metadata()?;
        renameat(self.parent, &self.name, self.parent, name).map_err(|error| {
            // Somebody else may have replaced the empty file by now.
            let is_ours = statat(self.parent, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|now| now.st_ino == taken.ino() && now.st_dev == taken.dev() && now.st_size == 0);
            if is_ours {
                // An error leaves the empty file behind.
                let _ = unlinkat(self.parent, name, AtFlags::empty());
            }
            error.into()
        })
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // An error means that the file has been renamed, or was never created.
        let _ = unlinkat(self.parent, &self.name, AtFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// An access list that lets many people read and one write, in the form that Linux stores.
    fn long_list(people: u32) -> Vec<u8> {
        let entry = |tag: u16, rights: u16, id: u32| {
            [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        let people = (0..people).map(|id| entry(0x02, if id == 0 { 6 } else { 4 }, 5000 + id));
        let none = u32::MAX;
        let rest = [entry(0x04, 4, none), entry(0x10, 6, none), entry(0x20, 0, none)];
        let all = [2_u32.to_le_bytes().to_vec(), entry(0x01, 6, none)].into_iter().chain(people).chain(rest);
        all.flatten().collect()
    }

    /// Returns a new file with an access list, or `None` if no file system here has such lists.
    fn file_with_list(list: &[u8]) -> Option<(tempfile::TempDir, File)> {
        [std::env::temp_dir().as_path(), Path::new("/dev/shm")].into_iter().find_map(|place| {
            let folder = tempfile::tempdir_in(place).ok()?;
            let file = File::create(folder.path().join("f")).unwrap();
            fsetxattr(&file, ACCESS_LIST, list, XattrFlags::empty()).ok().map(|()| (folder, file))
        })
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_long_access_list_is_kept() {
        let list = long_list(1000);
        let Some((folder, file)) = file_with_list(&list) else {
            eprintln!("skipped: no file system here has access lists of {} bytes", list.len());
            return;
        };
        let access = Access::of(&file).unwrap();
        assert_eq!(access.list.as_ref(), Some(&list));
        let other = File::create(folder.path().join("other")).unwrap();
        access.give(&other).unwrap();
        assert_eq!(Access::of(&other).unwrap().list, Some(list));
        assert_eq!(other.metadata().unwrap().mode(), file.metadata().unwrap().mode());
        // Without a list, an inherited one is removed.
        Access { list: None, mode: 0o640, ..access }.give(&other).unwrap();
        let given = Access::of(&other).unwrap();
        assert_eq!((given.list, given.mode), (None, 0o640));
    }

    #[test]
    fn only_two_errors_mean_that_there_is_no_list() {
        assert!(has_no_list(Errno::NODATA) && has_no_list(Errno::OPNOTSUPP));
        for error in [Errno::RANGE, Errno::IO, Errno::ACCESS, Errno::PERM, Errno::NOMEM] {
            assert_eq!(has_no_list(error), !cfg!(target_os = "linux"), "{error}");
        }
    }

    #[test]
    fn access_that_cannot_be_kept_is_narrowed() {
        let mode = |mode: u32, list: bool, owner: bool, group: bool, has_list: bool| {
            let access = Access { owner: 1, group: 1, mode, list: list.then(Vec::new) };
            access.mode_without(Kept { owner, group }, has_list)
        };
        assert_eq!(mode(0o7754, false, true, true, false), 0o7754);
        assert_eq!(mode(0o4755, false, false, true, false), 0o755);
        for (before, after) in
            [(0o664, 0o644), (0o604, 0o600), (0o640, 0o600), (0o2775, 0o755), (0o646, 0o644), (0o1777, 0o1777)]
        {
            assert_eq!(mode(before, false, true, false, false), after, "{before:o}");
        }
        // A list may deny to one what all others may do.
        assert_eq!(mode(0o664, true, true, true, true), 0o664);
        assert_eq!(mode(0o664, true, true, true, false), 0o600);
        assert_eq!(mode(0o664, true, true, false, false), 0o600);
    }

    #[test]
    fn a_name_that_cannot_be_taken_stays_free() {
        let folder = tempfile::tempdir().unwrap();
        let parent = File::open(folder.path()).unwrap();
        // There is no file to give the name to.
        let temporary = Temporary { parent: &parent, name: ".patch-gone".to_owned() };
        let error = temporary.take_name("new".as_ref()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(folder.path().join(".patch-there"), "text").unwrap();
        let temporary = Temporary { parent: &parent, name: ".patch-there".to_owned() };
        temporary.take_name("new".as_ref()).unwrap();
        assert_eq!(temporary.take_name("new".as_ref()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(folder.path().join("new")).unwrap(), "text");
    }
}
