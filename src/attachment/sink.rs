//! One file on its way into the media store, in constant memory: counted, hashed, and looked at as it passes.

use bytes::Bytes;
use object_store::buffered::BufWriter;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::name;
use crate::app::App;
use crate::http::Error;
use crate::job::{self, Kind};
use crate::media;
use crate::random;

/// Bytes without a record are looked for after so long: no upload takes longer.
const LOST_AFTER: i64 = 24 * 60 * 60 * 1000;

/// A file that is in the store and belongs to no record yet.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) size: i64,
    pub(super) sha256: Vec<u8>,
    pub(super) content_type: String,
}

/// Takes a file's bytes.
pub(super) struct Sink {
    writer: BufWriter,
    limit: u64,
    size: u64,
    hash: Sha256,
    head: Vec<u8>,
}

/// Why a file was not taken.
pub(super) enum Refusal {
    /// It is larger than the limit.
    TooLarge,
    /// The store failed.
    Store(Error),
}

impl Sink {
    /// Begins a file under this id.
    pub(super) fn begin(app: &App, id: &str) -> Sink {
        Sink {
            writer: app.media.writer(id),
            limit: app.config.max_file_size,
            size: 0,
            hash: Sha256::new(),
            head: Vec::with_capacity(name::HEAD),
        }
    }

    /// Takes the next bytes; after a refusal the file is given up.
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            self.abort().await;
            return Err(Refusal::TooLarge);
        }
        let wanted = name::HEAD - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        self.hash.update(&bytes);
        if let Err(error) = self.writer.put(bytes).await {
            self.abort().await;
            return Err(Refusal::Store(media::unwritten(&error)));
        }
        Ok(())
    }

    /// Gives the file up.
    pub(super) async fn abort(&mut self) {
        // What could not be cleared away now is found by the job that looks after this id.
        let _ = self.writer.abort().await;
    }

    /// Ends the file: it is on disk when this returns.
    pub(super) async fn finish(mut self, name: &str) -> Result<Stored, Error> {
        self.writer.shutdown().await.map_err(|error| media::unwritten(&error))?;
        Ok(Stored {
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            sha256: self.hash.finalize().to_vec(),
            content_type: name::content_type(&self.head, name),
        })
    }
}

/// An id that cannot be guessed. It begins with the company, as the ids of media do, and names the bytes in the store.
pub(super) fn new_id(company: i64) -> Result<String, Error> {
    Ok(format!("{company}-{}", random::text(16)?))
}

/// Writes down that bytes will lie under this id, so that they are found and deleted should no record come of them.
pub(super) async fn look_after(app: &App, company: i64, id: &str) -> Result<(), Error> {
    let at = app.now() + LOST_AFTER;
    app.db.write(async |mut tx| Ok(job::enqueue(&mut tx, company, Kind::Discard, id, at).await?)).await
}
