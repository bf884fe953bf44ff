//! What an export lies in: a folder, or one ZIP file.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{TransferError, refused};
use crate::attachment::hex;

/// Pieces in which files are copied.
pub(super) const PIECE: usize = 128 * 1024;

fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> TransferError + use<> {
    let path = path.display().to_string();
    move |error| TransferError::Io(path.clone(), error)
}

fn zip_failed(path: &Path) -> impl Fn(zip::result::ZipError) -> TransferError + use<> {
    let failed = failed(path);
    move |error| failed(error.into())
}

/// An export being written. It has its name only when it is whole.
pub(super) struct Writer {
    path: PathBuf,
    partial: PathBuf,
    to: To,
    hash: Sha256,
    size: u64,
}

enum To {
    Folder(Option<BufWriter<File>>),
    Zip(Box<ZipWriter<BufWriter<File>>>),
    Done,
}

/// What is not whole is of no use to anyone, and it holds a company's data.
impl Drop for Writer {
    fn drop(&mut self) {
        let _ = match std::mem::replace(&mut self.to, To::Done) {
            To::Done => Ok(()),
            To::Folder(_) => fs::remove_dir_all(&self.partial),
            To::Zip(_) => fs::remove_file(&self.partial),
        };
    }
}

impl Writer {
    /// Begins an export; what is there already is not overwritten.
    pub(super) fn create(path: &Path) -> Result<Writer, TransferError> {
        let taken = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => path.exists(),
        };
        if taken || (path.is_dir() && is_zip(path)) {
            return Err(refused(format!("{} already exists; choose another place", path.display())));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let to = if is_zip(path) {
            let file = File::create(&partial).map_err(failed(&partial))?;
            To::Zip(Box::new(ZipWriter::new(BufWriter::with_capacity(PIECE, file))))
        } else {
            if partial.exists() {
                fs::remove_dir_all(&partial).map_err(failed(&partial))?;
            }
            fs::create_dir_all(&partial).map_err(failed(&partial))?;
            To::Folder(None)
        };
        Ok(Writer { path: path.to_owned(), partial, to, hash: Sha256::new(), size: 0 })
    }

    /// Begins a file of the export.
    pub(super) fn begin(&mut self, name: &str) -> Result<(), TransferError> {
        (self.hash, self.size) = (Sha256::new(), 0);
        match &mut self.to {
            To::Folder(open) => {
                let path = self.partial.join(name);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(failed(folder))?;
                }
                *open = Some(BufWriter::with_capacity(PIECE, File::create(&path).map_err(failed(&path))?));
                Ok(())
            }
            To::Zip(zip) => {
                // What comes from the media store is mostly compressed already.
                let method =
                    if name.starts_with("files/") { CompressionMethod::Stored } else { CompressionMethod::Deflated };
                let options = SimpleFileOptions::default().compression_method(method).large_file(true);
                zip.start_file(name, options).map_err(zip_failed(&self.partial))
            }
            To::Done => Ok(()),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        let written = match &mut self.to {
            To::Folder(Some(open)) => open.write_all(bytes),
            To::Folder(None) | To::Done => Ok(()),
            To::Zip(zip) => zip.write_all(bytes),
        };
        written.map_err(failed(&self.partial))
    }

    /// Ends the file; answers its SHA-256 and its size.
    pub(super) fn end(&mut self) -> Result<(String, u64), TransferError> {
        if let To::Folder(open) = &mut self.to
            && let Some(open) = open.take()
        {
            let file = open.into_inner().map_err(|error| failed(&self.partial)(error.into_error()))?;
            file.sync_all().map_err(failed(&self.partial))?;
        }
        Ok((hex(&std::mem::take(&mut self.hash).finalize()), self.size))
    }

    /// Ends the export, which gets its name.
    pub(super) fn finish(mut self) -> Result<(), TransferError> {
        if let To::Zip(zip) = std::mem::replace(&mut self.to, To::Done) {
            let file = zip.finish().map_err(zip_failed(&self.partial))?;
            let file = file.into_inner().map_err(|error| failed(&self.partial)(error.into_error()))?;
            file.sync_all().map_err(failed(&self.partial))?;
        } else if self.path.exists() {
            // An empty folder, made beforehand.
            fs::remove_dir(&self.path).map_err(failed(&self.path))?;
        }
        fs::rename(&self.partial, &self.path).map_err(failed(&self.path))
    }
}

/// An export being read.
pub(super) struct Reader {
    path: PathBuf,
    from: From,
}

enum From {
    Folder,
    Zip(Box<ZipArchive<BufReader<File>>>),
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Reader, TransferError> {
        if path.is_dir() {
            return Ok(Reader { path: path.to_owned(), from: From::Folder });
        }
        let file = File::open(path).map_err(failed(path))?;
        let zip = ZipArchive::new(BufReader::with_capacity(PIECE, file))
            .map_err(|error| refused(format!("{} is not a ZIP file: {error}", path.display())))?;
        Ok(Reader { path: path.to_owned(), from: From::Zip(Box::new(zip)) })
    }

    /// One file of the export, from its beginning.
    pub(super) fn file(&mut self, name: &str) -> Result<Box<dyn Read + '_>, TransferError> {
        // The names come from the export, which may be anyone's: none leads out of it.
        let safe = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !safe {
            return Err(refused(format!("{name} is not a file name of an export")));
        }
        match &mut self.from {
            From::Folder => {
                let path = self.path.join(name);
                Ok(Box::new(BufReader::with_capacity(PIECE, File::open(&path).map_err(failed(&path))?)))
            }
            From::Zip(zip) => {
                let file = zip.by_name(name).map_err(|error| refused(format!("{name} of the export: {error}")))?;
                Ok(Box::new(file))
            }
        }
    }

    /// The SHA-256 of a file of the export, which is what the manifest says, or the file is refused.
    pub(super) fn verify(&mut self, name: &str, expected: &str) -> Result<(), TransferError> {
        let mut file = self.file(name)?;
        let mut hash = Sha256::new();
        let mut piece = vec![0; PIECE];
        loop {
            let read = file.read(&mut piece).map_err(|error| damaged(name, &error))?;
            if read == 0 {
                break;
            }
            hash.update(&piece[..read]);
        }
        if hex(&hash.finalize()) == expected { Ok(()) } else { Err(changed(name)) }
    }
}

/// A file that cannot be read to its end.
pub(super) fn damaged(name: &str, error: &io::Error) -> TransferError {
    refused(format!("{name} of the export is damaged: {error}"))
}

/// A file whose bytes are not those that were exported.
pub(super) fn changed(name: &str) -> TransferError {
    refused(format!("{name} of the export is damaged: its checksum is not the manifest's"))
}
