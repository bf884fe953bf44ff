//! Receiving a file: as a form, or as the body itself. Its bytes go to the media store as they come.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use futures_util::{Stream, TryStreamExt};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::header::Mapping;
use crate::app::App;
use crate::http::{Code, Error, Faults};
use crate::media;

/// A file in the media store, and what its sender said of it.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// Where it lies.
    pub(super) file: String,
    pub(super) size: i64,
    /// The name that its sender gave it.
    pub(super) name: Option<String>,
    /// The form's other fields, by their names in lower case.
    pub(super) fields: BTreeMap<String, String>,
}

/// The longest value of a form's field: a mapping of many columns.
const LONGEST_FIELD: usize = 64 * 1024;

/// Receives what a request brings.
pub(super) async fn receive(app: &App, company: i64, request: Request) -> Result<Upload, Error> {
    let limit = app.config.import_limit;
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text(CONTENT_LENGTH).parse::<usize>().is_ok_and(|length| length > limit + LONGEST_FIELD) {
        return Err(Error::TooLarge { limit });
    }
    let kind = text(CONTENT_TYPE).to_owned();
    let plain = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = request.into_body().into_data_stream();
    match plain.as_str() {
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(&kind)
                .map_err(|_| Error::invalid(Code::InvalidBody, "", "The form has no boundary"))?;
            form(app, company, multer::Multipart::new(body, boundary)).await
        }
        // What curl calls any `--data-binary` is taken as the file that it is: nobody sends this operation such a form.
        "application/json" | "text/json" => Err(Error::MediaType("multipart/form-data, or the file itself")),
        _ => {
            let broken = |_| Error::invalid(Code::InvalidBody, "", "The body ended too early");
            let (file, size) = keep(app, company, body.map_err(broken)).await?;
            Ok(Upload { file, size, ..Upload::default() })
        }
    }
}

async fn form(app: &App, company: i64, mut form: multer::Multipart<'_>) -> Result<Upload, Error> {
    let mut upload = Upload::default();
    let read = async {
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_ascii_lowercase();
            if field.file_name().is_some() || name == "file" {
                if !upload.file.is_empty() {
                    return Err(Error::invalid(Code::InvalidValue, "file", "An import has one file"));
                }
                upload.name = field.file_name().map(str::to_owned);
                (upload.file, upload.size) = keep(app, company, field.map_err(unreadable)).await?;
                continue;
            }
            let mut value = Vec::new();
            let mut field = field;
            while let Some(piece) = field.chunk().await.map_err(unreadable)? {
                value.extend_from_slice(&piece);
                if value.len() > LONGEST_FIELD {
                    return Err(Error::invalid(Code::TooLong, name, "A field of the form is too long"));
                }
            }
            let value = String::from_utf8(value)
                .map_err(|_| Error::invalid(Code::InvalidValue, name.as_str(), format!("{name} is not UTF-8")))?;
            upload.fields.insert(name, value);
        }
        Ok(())
    };
    let ended = read.await;
    let refused = match ended {
        Ok(()) if upload.file.is_empty() => Error::invalid(Code::Required, "file", "file is required"),
        Ok(()) => return Ok(upload),
        Err(error) => error,
    };
    if !upload.file.is_empty() {
        drop_file(app, &upload.file).await;
    }
    Err(refused)
}

/// Deletes a file of which nothing comes. The answer is why, whatever the store says to it.
pub(super) async fn drop_file(app: &App, file: &str) {
    if let Err(error) = app.media.delete(file).await {
        tracing::warn!(%error, file, "a file of a refused import stays in the media store");
    }
}

fn unreadable(error: multer::Error) -> Error {
    Error::invalid(Code::InvalidBody, "", format!("The form cannot be read: {error}"))
}

/// Keeps a file; answers where it lies and how many bytes it has.
pub(crate) async fn keep(
    app: &App,
    company: i64,
    pieces: impl Stream<Item = Result<Bytes, Error>>,
) -> Result<(String, i64), Error> {
    let limit = app.config.import_limit;
    let file = format!("{company}-import{}", Uuid::new_v4().simple());
    let mut writer = app.media.writer(&file);
    let mut size = 0;
    let mut pieces = std::pin::pin!(pieces);
    let failed = |error: std::io::Error| media::unwritten(&error);
    let ended = async {
        while let Some(piece) = pieces.try_next().await? {
            size += piece.len();
            if size > limit {
                return Err(Error::TooLarge { limit });
            }
            writer.write_all(&piece).await.map_err(failed)?;
        }
        match size {
            0 => Err(Error::invalid(Code::Required, "file", "The file is empty")),
            _ => Ok(()),
        }
    };
    match ended.await {
        Ok(()) => writer.shutdown().await.map_err(failed)?,
        Err(error) => {
            let _ = writer.abort().await;
            return Err(error);
        }
    }
    Ok((file, i64::try_from(size).unwrap_or(i64::MAX)))
}

/// A mapping as its caller writes it: JSON from headers to fields, null for a column that is left out.
pub(crate) fn read_mapping(text: &str, faults: &mut Faults) -> Mapping {
    match serde_json::from_str::<Mapping>(text) {
        Ok(mapping) => mapping,
        Err(error) => {
            let message = format!("mapping must be a JSON object from headers to fields: {error}");
            faults.add(Code::InvalidFormat, "mapping", message);
            Mapping::new()
        }
    }
}
