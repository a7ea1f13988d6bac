//! Opening a pack file in any of its forms.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use rollout_trace_schema::packed::{BARE_MAGIC, FrameError, PACK_FILE, bare_version};

use super::{
    bare_pack::FromBare,
    header::{FoundHeader, PROBED, find_header},
};
use crate::{
    PayloadError,
    contained::{BundleFile, Bytes, ContainedFolder},
};

/// Opens the pack file of the bundle in `folder`. Returns it with its length.
///
/// A pack in its bare form, which is left by extracting an archive with another program, is restored in memory.
pub(super) fn open_pack(folder: &mut ContainedFolder) -> Result<(BundleFile, u64), PayloadError> {
    let (mut file, len) = folder.open(PACK_FILE)?;
    let path = folder.path().join(PACK_FILE);
    let is_bare = is_bare(&mut file).map_err(|source| PayloadError::Read { path: path.clone(), source })?;
    if !is_bare {
        return Ok((file, len));
    }
    restored(file).map_err(|source| PayloadError::Read { path, source })
}

/// Reads the header of a pack file.
pub(crate) fn probe_pack(mut file: BundleFile) -> io::Result<Result<FoundHeader, FrameError>> {
    let mut bytes = Vec::new();
    if is_bare(&mut file)? {
        FromBare::new(BufReader::new(file)).take(PROBED).read_to_end(&mut bytes)?;
    } else {
        file.append_next(PROBED, &mut bytes)?;
    }
    Ok(find_header(&bytes))
}

/// Returns whether the file is in some version of the bare form.
fn is_bare(file: &mut BundleFile) -> io::Result<bool> {
    let mut start = Vec::new();
    file.append_next(BARE_MAGIC.len() as u64, &mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(bare_version(&start).is_some())
}

/// Returns the full form of a pack. It is no longer than the bare one apart from its checksums, for which the bare form has
/// zeros.
fn restored(bare: BundleFile) -> io::Result<(BundleFile, u64)> {
    let modified = bare.modified();
    let mut full = Vec::new();
    match FromBare::new(BufReader::new(bare)).read_to_end(&mut full) {
        Ok(_) => {}
        // The file was cut off. The part before the cut can be read.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error),
    }
    let len = full.len() as u64;
    Ok((BundleFile::in_memory(Bytes::new(full), modified), len))
}
