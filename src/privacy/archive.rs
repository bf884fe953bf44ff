//! A ZIP file that goes into the media store as it is made: no more of it is in memory than a piece.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::buffered::BufWriter;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::http::Error;

/// So much is compressed before others have their turn, and so much is gathered before it is handed to the store.
const PIECE: usize = 64 * 1024;

/// The archive while it is made.
pub(super) struct Archive {
    zip: ZipWriter<StreamWriter<Pipe>>,
    pipe: Pipe,
    store: BufWriter,
    size: u64,
    open: Option<Open>,
    contents: Vec<Entry>,
}

/// What came out of the compressor and is not in the store yet.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Open {
    path: String,
    records: u64,
    bytes: u64,
    hash: Sha256,
}

/// A file of the archive, as its manifest lists it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Entry {
    path: String,
    /// Lines of a JSON Lines file; 0 for other files.
    records: u64,
    bytes: u64,
    sha256: String,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("archive: {error}"))
}

impl Archive {
    pub(super) fn new(store: BufWriter) -> Archive {
        let pipe = Pipe::default();
        let zip = ZipWriter::new_stream(pipe.clone());
        Archive { zip, pipe, store, size: 0, open: None, contents: Vec::new() }
    }

    /// Begins a file of records or other text, which is compressed and may become large.
    pub(super) fn begin_text(&mut self, path: &str) -> Result<(), Error> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.begin(path, options)
    }

    /// Begins a file that somebody sent: pictures and films do not become smaller.
    pub(super) fn begin_file(&mut self, path: &str) -> Result<(), Error> {
        self.begin(path, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))
    }

    fn begin(&mut self, path: &str, options: SimpleFileOptions) -> Result<(), Error> {
        self.end();
        self.zip.start_file(path, options).map_err(failed)?;
        self.open = Some(Open { path: path.to_owned(), records: 0, bytes: 0, hash: Sha256::new() });
        Ok(())
    }

    fn end(&mut self) {
        if let Some(Open { path, records, bytes, hash }) = self.open.take() {
            let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            self.contents.push(Entry { path, records, bytes, sha256 });
        }
    }

    /// Writes one record as a line.
    pub(super) async fn line(&mut self, record: &impl Serialize) -> Result<(), Error> {
        let mut line = serde_json::to_vec(record).map_err(failed)?;
        line.push(b'\n');
        if let Some(open) = &mut self.open {
            open.records += 1;
        }
        self.write(&line).await
    }

    /// Writes bytes of the file that was begun.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for piece in bytes.chunks(PIECE) {
            if let Some(open) = &mut self.open {
                open.bytes += piece.len() as u64;
                open.hash.update(piece);
            }
            self.zip.write_all(piece).map_err(failed)?;
            self.drain(PIECE).await?;
        }
        Ok(())
    }

    /// Hands on what came out of the compressor, when it is so much.
    async fn drain(&mut self, least: usize) -> Result<(), Error> {
        let ready = {
            let mut waiting = self.pipe.0.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < least {
                return Ok(());
            }
            std::mem::take(&mut *waiting)
        };
        self.size += ready.len() as u64;
        self.store.write_all(&ready).await.map_err(failed)?;
        tokio::task::yield_now().await;
        Ok(())
    }

    /// The files so far, the open one not among them.
    pub(super) fn contents(&mut self) -> &[Entry] {
        self.end();
        &self.contents
    }

    /// Completes the archive; answers its size. Before this it is not in the store.
    pub(super) async fn finish(mut self) -> Result<u64, Error> {
        let Archive { zip, .. } = &mut self;
        // The writer is replaced so that the pipe can be drained after it.
        std::mem::replace(zip, ZipWriter::new_stream(Pipe::default())).finish().map_err(failed)?;
        self.drain(0).await?;
        self.store.shutdown().await.map_err(failed)?;
        Ok(self.size)
    }

    /// Gives the archive up: nothing of it stays in the store.
    pub(super) async fn abort(mut self) {
        if let Err(error) = self.store.abort().await {
            tracing::warn!(%error, "an unfinished archive could not be aborted");
        }
    }
}
