//! Opening a pack file in any of its forms.

use std::{
    env,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom},
};

use rollout_trace_schema::packed::{BARE_MAGIC, FrameError, PACK_FILE, bare_version};

use super::{
    bare_pack::FromBare,
    header::{FoundHeader, PROBED, find_header},
};
use crate::{PayloadError, contained::ContainedFolder};

/// Opens the pack file of the bundle in `folder`. Returns it with its length.
///
/// A pack in its bare form, which is left by extracting an archive with another program, is restored to a temporary
/// file.
pub(super) fn open_pack(folder: &mut ContainedFolder) -> Result<(File, u64), PayloadError> {
    let (mut file, len) = folder.open(PACK_FILE)?;
    let path = folder.path().join(PACK_FILE);
    let is_bare = is_bare(&mut file).map_err(|source| PayloadError::Read { path: path.clone(), source })?;
    if !is_bare {
        return Ok((file, len));
    }
    restored(file).map_err(|source| PayloadError::Read { path, source })
}

/// Reads the header of a pack file.
pub(crate) fn probe_pack(mut file: File) -> io::Result<Result<FoundHeader, FrameError>> {
    let mut bytes = Vec::new();
    if is_bare(&mut file)? {
        FromBare::new(BufReader::new(file)).take(PROBED).read_to_end(&mut bytes)?;
    } else {
        file.take(PROBED).read_to_end(&mut bytes)?;
    }
    Ok(find_header(&bytes))
}

/// Returns whether the file is in some version of the bare form.
fn is_bare(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(BARE_MAGIC.len() as u64).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(bare_version(&start).is_some())
}

/// Writes the full form of a pack to a temporary file.
fn restored(bare: File) -> io::Result<(File, u64)> {
    let mut bare = FromBare::new(BufReader::new(bare));
    let mut full = BufWriter::with_capacity(1 << 20, tempfile::tempfile().map_err(temporary)?);
    let mut bytes = vec![0; 64 << 10];
    loop {
        let count = match bare.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => count,
            // The file was cut off. The part before the cut can be read.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        };
        io::Write::write_all(&mut full, &bytes[..count]).map_err(temporary)?;
    }
    let mut full = full.into_inner().map_err(|error| temporary(error.into_error()))?;
    let len = full.stream_position()?;
    Ok((full, len))
}

fn temporary(error: io::Error) -> io::Error {
    let folder = env::temp_dir();
    let reason = format!(
        "restoring it needs {}, the folder for temporary files: {}; make room there, or set TMPDIR to another folder",
        folder.display(),
        error.kind()
    );
    io::Error::new(error.kind(), reason)
}
