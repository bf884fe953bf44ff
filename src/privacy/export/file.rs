//! Files in the archive: those that came with messages, and those that people attached to the record.

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Room, moment, positions};
use crate::app::App;
use crate::http::Error;
use crate::privacy::archive::Archive;

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct File {
    id: String,
    /// The message that it came with, for a file of a conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    message: Option<Uuid>,
    /// Its name, for a file that was attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    name: Option<String>,
    state: String,
    content_type: Option<String>,
    size: Option<i64>,
    #[serde(serialize_with = "moment")]
    created_at: i64,
    #[serde(skip_deserializing)]
    path: Option<String>,
}

/// The files that came with messages; answers those that are not in the store any more.
pub(super) async fn media(
    app: &App,
    company: i64,
    rooms: &[Room],
    archive: &mut Archive,
) -> Result<Vec<String>, Error> {
    let mut files: Vec<File> = Vec::new();
    for room in rooms {
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let mut conn = app.db.read().await?;
            let positions = positions(&mut conn, company, room.id, after).await?;
            let Some(last) = positions.last() else { break };
            after = (last.sent_at, last.number);
            let mut ids = db::Rows::new(&[("id", db::Type::Uuid)]);
            for position in &positions {
                ids.push([position.id.into()]);
            }
            let found: Vec<File> = conn
                .sql(
                    "select id, message, state, content_type, size, created_at from media
                     where company = $1 and state <> 'gone' and message in (select id from ",
                )
                .bind(company)
                .push_rows(&ids)
                .push(" as input) order by id")
                .all()
                .await?;
            files.extend(found);
        }
    }
    put_files(app, archive, "media", files).await
}

/// The files that people attached to the records; answers those that are not in the store.
pub(super) async fn attachments(
    app: &App,
    company: i64,
    ids: &[i64],
    archive: &mut Archive,
) -> Result<Vec<String>, Error> {
    let mut files: Vec<File> = Vec::new();
    for id in ids {
        let found: Vec<File> = app
            .db
            .read()
            .await?
            .sql(
                "select id, name, state, content_type, size, created_at from attachment
                 where company = $1 and record_kind = 'customer' and record = $2 and state <> 'gone' order by id",
            )
            .bind(company)
            .bind(*id)
            .all()
            .await?;
        files.extend(found);
    }
    put_files(app, archive, "attachments", files).await
}

/// The bytes of files, and the list of them.
async fn put_files(app: &App, archive: &mut Archive, folder: &str, mut files: Vec<File>) -> Result<Vec<String>, Error> {
    let mut missing = Vec::new();
    for file in &mut files {
        let stored = match file.state.as_str() {
            "stored" => app.media.read(&file.id).await?,
            _ => None,
        };
        let Some((_, mut bytes)) = stored else {
            missing.push(file.id.clone());
            continue;
        };
        let path = format!("{folder}/{}{}", file.id, tail(file.name.as_deref(), file.content_type.as_deref()));
        archive.begin_file(&path)?;
        while let Some(piece) = bytes.try_next().await.map_err(|error| Error::Internal(error.to_string()))? {
            archive.write(&piece).await?;
        }
        file.path = Some(path);
    }
    archive.begin_text(&format!("{folder}.jsonl"))?;
    for file in &files {
        archive.line(file).await?;
    }
    Ok(missing)
}

/// What follows the id in a file's name: its own name, without what could lead out of a folder, or an ending.
fn tail(name: Option<&str>, content_type: Option<&str>) -> String {
    if let Some(name) = name {
        let safe: String = name
            .chars()
            .map(
                |letter| if letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | ' ') { letter } else { '_' },
            )
            .take(100)
            .collect();
        return format!("-{safe}");
    }
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match kind {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "video/mp4" => ".mp4",
        "audio/mp4" | "audio/x-m4a" => ".m4a",
        "audio/mpeg" => ".mp3",
        "application/pdf" => ".pdf",
        _ => ".bin",
    }
    .to_owned()
}
