//! The picture at the head of a company's documents: one that was put here, or the one at the address in its profile.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refused;
use super::program::{self, Failed};
use crate::app::App;
use crate::audit::{self, Change};
use crate::http::{Caller, Code, Envelope, Error, Json, Reply};
use crate::setting::profile;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(update_document_logo, remove_document_logo))
}

/// The largest picture, in bytes.
const LARGEST: usize = 512 * 1024;

/// The most pixels of a picture: unpacked, each takes four bytes.
const PIXELS: u64 = 4 * 1024 * 1024;

/// How long fetching one may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// For how long one that was fetched is good, and for how long one that was not is not fetched again, in milliseconds.
const GOOD: i64 = 60 * 60 * 1000;
const BAD: i64 = 5 * 60 * 1000;

/// Pictures that are kept.
const MOST: usize = 256;

/// Pictures that were fetched a while ago, by company and address.
#[derive(Debug, Default)]
pub struct Logos(Mutex<HashMap<(i64, String), Fetched>>);

/// When one was fetched, and none where there was none.
#[derive(Debug)]
struct Fetched {
    at: i64,
    image: Option<Bytes>,
}

impl Logos {
    fn known(&self, key: &(i64, String), now: i64) -> Option<Option<Bytes>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(key)?;
        let good = if found.image.is_some() { GOOD } else { BAD };
        (now - found.at < good).then(|| found.image.clone())
    }

    fn keep(&self, key: (i64, String), now: i64, image: Option<Bytes>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One picture for a company: that of the address that holds now.
        known.retain(|(company, _), _| *company != key.0);
        if known.len() >= MOST {
            known.retain(|_, found| now - found.at < BAD);
        }
        if known.len() < MOST {
            known.insert(key, Fetched { at: now, image });
        }
    }
}

/// The company's picture, where it has one that can be used.
pub(super) async fn of(app: &App, company: i64) -> Result<Option<Vec<u8>>, Error> {
    let mut conn = app.db.read().await?;
    let query = conn.sql("select image from document_logo where company = $1").bind(company);
    let own: Option<Vec<u8>> = query.optional().await?;
    if own.is_some() {
        return Ok(own);
    }
    let Some(address) = profile::of(&mut conn, company).await?.logo_url.clone().filter(|address| !address.is_empty())
    else {
        return Ok(None);
    };
    drop(conn);
    let key = (company, address);
    let now = app.steady();
    if let Some(known) = app.logos.known(&key, now) {
        return Ok(known.map(|image| image.to_vec()));
    }
    let fetched = tokio::time::timeout(PATIENCE, fetch(app, &key.1)).await.ok().flatten();
    let image = fetched.filter(|image| is_picture(image)).map(Bytes::from);
    app.logos.keep(key, now, image.clone());
    Ok(image.map(|image| image.to_vec()))
}

/// Fetches a picture with the client that refuses private addresses.
async fn fetch(app: &App, address: &str) -> Option<Vec<u8>> {
    let url = reqwest::Url::parse(address).ok()?;
    // The client looks at what names stand for, not at addresses that are written as numbers.
    if !app.config.allow_private_webhooks && crate::webhook::client::names_private_address(&url) {
        return None;
    }
    let response = app.webhook_http.get(url).send().await.ok()?.error_for_status().ok()?;
    let mut pieces = response.bytes_stream();
    let mut image = Vec::new();
    while let Some(piece) = pieces.next().await {
        image.extend_from_slice(&piece.ok()?);
        if image.len() > LARGEST {
            return None;
        }
    }
    Some(image)
}

/// Whether this is a picture of PNG or JPEG that is not too large unpacked.
fn is_picture(image: &[u8]) -> bool {
    let size = png(image).or_else(|| jpeg(image));
    size.is_some_and(|(width, height)| width > 0 && height > 0 && u64::from(width) * u64::from(height) <= PIXELS)
}

fn png(image: &[u8]) -> Option<(u32, u32)> {
    let header = image.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(4..16)?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    header.starts_with(b"IHDR").then_some(())?;
    Some((number(4)?, number(8)?))
}

/// Goes from segment to segment until one begins a frame.
fn jpeg(image: &[u8]) -> Option<(u32, u32)> {
    let mut rest = image.strip_prefix(b"\xff\xd8")?;
    loop {
        let (&mark, &kind) = (rest.first()?, rest.get(1)?);
        if mark != 0xff {
            return None;
        }
        if kind == 0xff {
            rest = rest.get(1..)?;
            continue;
        }
        let number = |at: usize| Some(u32::from(u16::from_be_bytes(rest.get(at..at + 2)?.try_into().ok()?)));
        if matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
            return Some((number(7)?, number(5)?));
        }
        let length = usize::try_from(number(2)?).ok()?;
        rest = rest.get(2 + length..)?;
    }
}

/// A picture.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentLogoWrite {
    /// A PNG or a JPEG in Base64, at most 512 KiB and four million pixels.
    #[schema(
        example = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )]
    content: String,
}

/// Whether there is a picture at the head of documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DocumentLogo {
    /// True when one was put here; else that of the profile's address is used.
    has_logo: bool,
    /// How large it is, in bytes.
    #[schema(example = 1024)]
    size: usize,
}

/// Put a picture at the head of documents.
#[utoipa::path(
    put,
    path = "/v1/documents/logo",
    operation_id = "updateDocumentLogo",
    tag = "Setting",
    request_body = DocumentLogoWrite,
    responses((status = 200, description = "It is there.", body = Envelope<DocumentLogo>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn update_document_logo(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<DocumentLogoWrite>,
) -> Result<Reply<DocumentLogo>, Error> {
    let refuse = |code: Code, message: &str| Err(Error::invalid(code, "content", message));
    let text: String = input.content.split_whitespace().collect();
    let text = text.split_once("base64,").map_or(text.as_str(), |(_, text)| text);
    let Ok(image) = STANDARD.decode(text) else {
        return refuse(Code::InvalidFormat, "content must be Base64");
    };
    if image.len() > LARGEST {
        return refuse(Code::TooLong, "content may have at most 512 KiB");
    }
    if !is_picture(&image) {
        return refuse(Code::InvalidValue, "content must be a PNG or a JPEG of at most four million pixels");
    }
    if !can_be_printed(&app, &caller, &image).await? {
        return refuse(Code::InvalidValue, "content cannot be unpacked: the picture is damaged or not complete");
    }
    change(&app, &caller, Some(image)).await
}

/// Whether the program that makes documents can unpack a picture; without the program nobody knows yet.
async fn can_be_printed(app: &App, caller: &Caller, image: &[u8]) -> Result<bool, Error> {
    let Ok(program) = program::find(app.config.render.as_deref()) else { return Ok(true) };
    let question = json!({
        "files": {"main.typ": "#image(\"logo\", height: 16mm, fit: \"contain\", alt: \"\")"},
        "data": {},
        "images": {"logo": STANDARD.encode(image)},
    });
    let question = serde_json::to_vec(&question).map_err(|error| Error::Internal(error.to_string()))?;
    let place = app.documents.enter(caller.company).await?;
    match program::run(program, question, place).await {
        Ok(_) => Ok(true),
        Err(Failed::Template(_)) => Ok(false),
        // That says nothing of the picture.
        Err(failed) => Err(Refused::Failed(failed).into()),
    }
}

/// Take the picture away again.
#[utoipa::path(
    delete,
    path = "/v1/documents/logo",
    operation_id = "removeDocumentLogo",
    tag = "Setting",
    responses((status = 200, description = "There is none.", body = Envelope<DocumentLogo>)),
    security(("bearerAuth" = ["setting:write"], "subscriptionKey" = []))
)]
async fn remove_document_logo(State(app): State<App>, caller: Caller) -> Result<Reply<DocumentLogo>, Error> {
    change(&app, &caller, None).await
}

async fn change(app: &App, caller: &Caller, image: Option<Vec<u8>>) -> Result<Reply<DocumentLogo>, Error> {
    caller
        .write(app, async |mut tx| {
            let by = tx.actor();
            let company = by.caller.company;
            // There may be no row yet that could be held.
            tx.lock(&format!("document-logo/{company}")).await?;
            let old = tx.sql("select image from document_logo where company = $1").bind(company);
            let old: Option<Vec<u8>> = old.optional().await?;
            tx.sql("delete from document_logo where company = $1").bind(company).exec().await?;
            if let Some(image) = &image {
                tx.sql("insert into document_logo (company, image, modified_by, modified_at) values ($1, $2, $3, $4)")
                    .bind(company)
                    .bind(image.clone())
                    .bind(by.caller.id.as_str())
                    .bind(by.now)
                    .exec()
                    .await?;
            }
            let state = |image: &Option<Vec<u8>>| DocumentLogo {
                has_logo: image.is_some(),
                size: image.as_ref().map_or(0, Vec::len),
            };
            let reference = "documentLogo".to_owned();
            let change = Change { company, reference, actor: &by.caller.id, action: "updated", at: by.now };
            audit::record(&mut tx, &change, &state(&old), &state(&image)).await?;
            tx.reply(Reply::ok(state(&image))).await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_own_size() {
        let mut small = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        small.extend([0, 0, 4, 0, 0, 0, 2, 0]);
        assert_eq!(png(&small), Some((1024, 512)));
        assert!(is_picture(&small));
        let mut huge = small.clone();
        huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(!is_picture(&huge));
        let photo = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc0\0\x11\x08\x02\0\x04\0\x03";
        assert_eq!(jpeg(photo), Some((1024, 512)));
        for broken in [&b""[..], b"\xff\xd8", b"\xff\xd8\xff\xe0\xff\xff", b"<svg/>", b"\x89PNG\r\n\x1a\n"] {
            assert!(!is_picture(broken));
        }
    }
}
