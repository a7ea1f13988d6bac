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
        renameat, unlinkat,
    },
    io::Errno,
};
use uuid::Uuid;

use super::folder::{Folder, Missing};

/// The extended attribute with a file's access control list. Where there are none, reading it fails.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Who owns a file, and who may do what with it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    owner: u32,
    group: u32,
    mode: u32,
    list: Option<Vec<u8>>,
}

impl Access {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut list = vec![0; 1 << 12];
        let length = fgetxattr(file, ACCESS_LIST, &mut list[..]);
        let list = length.ok().map(|length| {
            list.truncate(length);
            list
        });
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
        let mut mode = self.mode;
        if made.uid() != self.owner {
            mode &= !0o4000;
        }
        if made.gid() != self.group {
            // The members of the other group had the rights of everybody.
            mode &= !0o2070 | (mode & 0o007) << 3;
        }
        let has_list = match &self.list {
            Some(list) => fsetxattr(file, ACCESS_LIST, list, XattrFlags::empty()).is_ok(),
            None => {
                // The file may have inherited an access list from its folder. The call fails if there is none.
                let _ = fremovexattr(file, ACCESS_LIST);
                false
            }
        };
        if self.list.is_some() && !has_list {
            // With a list, these bits are the most that anybody in it may do, not the rights of the group.
            mode &= !0o070;
        }
        file.set_permissions(Permissions::from_mode(mode))
    }
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
                // Some file systems have no links. There, the name is taken by an empty file first.
                Err(_) => {
                    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    drop(openat(self.parent, name, flags, Mode::from_raw_mode(0o600))?);
                }
            }
        }
        Ok(renameat(self.parent, &self.name, self.parent, name)?)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // An error means that the file has been renamed, or was never created.
        let _ = unlinkat(self.parent, &self.name, AtFlags::empty());
    }
}
