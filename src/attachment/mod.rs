//! Files that people attach to records: customers now, later every other kind. The bytes lie in the media store under the
//! attachment's id, which begins with the company.
//!
//! Bytes come before their record: a job is asked for that looks after the id, then the bytes are stored, then the
//! record is written and the job withdrawn in one transaction. What a crash leaves behind, that job deletes a day later.

mod dto;
mod fetch;
mod intake;
mod link;
mod name;
mod serve;
mod sink;

use std::collections::HashMap;

use db::{Conn, Rows, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub use self::dto::AttachmentDto;
pub use self::fetch::run;
use self::intake::Source;
pub use self::intake::{MOST_FILES, New, Upload};
pub use self::link::{Link, public_id};
use crate::app::App;
use crate::audit::{self, Change};
use crate::event::{self, Event};
use crate::http::{Caller, Error, Paging};
use crate::job::{self, Kind, Wanted};
use crate::setting::choice;
use crate::setting::list::List;
use crate::time::{self, Zone};

/// The routes of this room of the house.
pub fn routes() -> OpenApiRouter<App> {
    serve::routes()
}

/// The kind of files that are sent in rooms.
const CHAT: &str = "chat";

/// What files are attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The kind of record, as in the audit trail: `customer`.
    pub kind: &'static str,
    /// The topic of its events: `Customer`.
    pub topic: &'static str,
    /// Its number.
    pub id: i64,
    /// Whether everybody may see its files, by an address that lasts.
    is_public: bool,
    /// Selects its version, which is its events' place among those of the record, and the name that it has there and in the
    /// audit trail.
    place: &'static str,
}

impl Record {
    /// A customer.
    pub fn customer(id: i64) -> Record {
        Record {
            kind: "customer",
            topic: "Customer",
            id,
            is_public: false,
            place: "select version, cast(id as text) from customer where company = $1 and id = $2",
        }
    }

    /// An expense.
    pub fn expense(id: i64) -> Record {
        Record {
            kind: "expense",
            topic: "Expense",
            id,
            is_public: false,
            place: "select version, number from expense where company = $1 and id = $2",
        }
    }

    /// A contract.
    pub fn contract(id: i64) -> Record {
        Record {
            kind: "contract",
            topic: "Contract",
            id,
            is_public: false,
            place: "select version, number from contract where company = $1 and id = $2",
        }
    }

    /// A product.
    pub fn product(id: i64) -> Record {
        Record {
            kind: "product",
            topic: "Product",
            id,
            is_public: true,
            place: "select version, cast(id as text) from product where company = $1 and id = $2",
        }
    }

    /// An activity.
    pub fn activity(id: i64) -> Record {
        Record {
            kind: "activity",
            topic: "Activity",
            id,
            is_public: false,
            place: "select version, no from activity where company = $1 and id = $2",
        }
    }

    /// A message to come. Its provider fetches the file, so that the id, which nobody guesses, is the permission.
    pub fn chat() -> Record {
        Record { kind: CHAT, topic: "", id: 0, is_public: true, place: "" }
    }

    /// The record of a stored attachment.
    fn of(row: &Row) -> Option<Record> {
        match row.record_kind.as_str() {
            "customer" => Some(Record::customer(row.record)),
            "product" => Some(Record::product(row.record)),
            "expense" => Some(Record::expense(row.record)),
            "contract" => Some(Record::contract(row.record)),
            "activity" => Some(Record::activity(row.record)),
            CHAT => Some(Record::chat()),
            _ => None,
        }
    }
}

/// A file of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachedFile {
    /// Its id.
    #[schema(example = "507-q3Jz0b8e5mA1kQ2xvN7c9w")]
    pub file_id: String,
    /// What it is called.
    #[schema(example = "ใบเสนอราคา.pdf")]
    pub file_name: String,
    /// Number of its category.
    #[schema(example = 1)]
    pub file_category_id: Option<i64>,
    /// Name of its category.
    #[schema(example = "Contract")]
    pub file_category_name: Option<String>,
    /// What it is by its first bytes; null until it is here.
    #[schema(example = "application/pdf")]
    pub content_type: Option<String>,
    /// How many bytes it has.
    #[schema(example = 48_213)]
    pub size: Option<i64>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: Option<String>,
    /// `waiting` (to be fetched), `stored` or `failed`.
    #[schema(example = "stored")]
    pub state: String,
    /// Why it could not be fetched, or not yet.
    pub reason: Option<String>,
    /// Where it can be had without a token, for an hour; null until it is here.
    pub file_url: Option<String>,
    /// Who attached it: the id of an API client.
    pub created_by_user_id: String,
    /// When it was attached.
    #[schema(example = "2025-01-29T15:38:43+0700")]
    pub date_created: String,
}

/// An attachment as the database has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    company: i64,
    id: String,
    record_kind: String,
    record: i64,
    category: Option<i64>,
    name: String,
    content_type: Option<String>,
    size: Option<i64>,
    sha256: Option<Vec<u8>>,
    source: Option<String>,
    state: String,
    reason: Option<String>,
    link_key: Vec<u8>,
    created_by: String,
    created_at: i64,
}

impl Row {
    /// Whether everybody may see it.
    fn is_public(&self) -> bool {
        Record::of(self).is_some_and(|record| record.is_public)
    }

    /// Where it can be had: a signed link for an hour, or the address that lasts.
    fn address(&self, app: &App) -> String {
        if self.is_public() {
            return link::public(app, &self.id);
        }
        link::sign(app, &self.id, &self.link_key, app.now() / 1000 + link::SHOWN_FOR)
    }

    fn view(self, app: &App, category: Option<String>, zone: &Zone) -> AttachedFile {
        let file_url = (self.state == "stored").then(|| self.address(app));
        AttachedFile {
            file_id: self.id,
            file_name: self.name,
            file_category_id: self.category,
            file_category_name: category,
            content_type: self.content_type,
            size: self.size,
            sha256: self.sha256.as_deref().map(hex),
            state: self.state,
            reason: self.reason,
            file_url,
            created_by_user_id: self.created_by,
            date_created: time::text(self.created_at, zone),
        }
    }

    /// What the audit trail keeps of it: enough to say which file it was.
    fn entered(&self) -> Value {
        json!({"file": {"fileId": self.id, "fileName": self.name, "fileCategoryId": self.category}})
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const COLUMNS: &str = "select company, id, record_kind, record, category, name, content_type, size, sha256, source, state, \
     reason, link_key, created_by, created_at from attachment where company = $1";

/// An attachment by its id, whatever its state.
async fn by_id(conn: &mut Conn, company: i64, id: &str) -> Result<Option<Row>, db::Error> {
    conn.sql(COLUMNS).push(" and id = $2").bind(company).bind(id).optional().await
}

/// A file of a record; 404 when the record has no such file.
pub async fn find(conn: &mut Conn, company: i64, record: Record, id: &str) -> Result<Row, Error> {
    let found = by_id(conn, company, id).await?;
    let found = found.filter(|row| row.record_kind == record.kind && row.record == record.id && row.state != "gone");
    found.ok_or(Error::NotFound("file"))
}

/// A file of a record whose bytes are here.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) content_type: Option<String>,
    pub(crate) size: u64,
}

/// Those of a record's files with these ids whose bytes are here, by their ids.
pub(crate) async fn kept(
    conn: &mut Conn,
    company: i64,
    record: Record,
    ids: &[&str],
) -> Result<HashMap<String, Kept>, db::Error> {
    let mut rows = Rows::new(&[("id", Type::Text)]);
    // A zero is in no id, and no database takes one.
    for id in ids.iter().filter(|id| !id.contains('\0')) {
        rows.push([(*id).into()]);
    }
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Row> = conn
        .sql(COLUMNS)
        .push(" and id in (select id from ")
        .bind(company)
        .push_rows(&rows)
        .push(" as input)")
        .all()
        .await?;
    let is_here = |row: &Row| row.record_kind == record.kind && row.record == record.id && row.state == "stored";
    let kept = found.into_iter().filter(is_here).map(|row| {
        let size = row.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        (row.id.clone(), Kept { id: row.id, name: row.name, content_type: row.content_type, size })
    });
    Ok(kept.collect())
}

/// A file that is to be sent in a room.
pub(crate) struct ChatFile {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) address: String,
}

/// An uploaded file that a message may name.
pub(crate) async fn chat_file(
    app: &App,
    conn: &mut Conn,
    company: i64,
    id: &str,
) -> Result<Option<ChatFile>, db::Error> {
    let found = by_id(conn, company, id).await?.filter(|row| row.record_kind == CHAT && row.state == "stored");
    Ok(found.map(|row| ChatFile {
        address: row.address(app),
        content_type: row.content_type.unwrap_or_default(),
        name: row.name,
    }))
}

/// What the uploaded files are called that these addresses lead to, by address. An address that leads elsewhere is not among them.
pub(crate) async fn chat_names(
    conn: &mut Conn,
    company: i64,
    addresses: &[String],
) -> Result<HashMap<String, String>, db::Error> {
    // A zero is in no id, and no database takes one.
    let wanted: Vec<(&str, &String)> = addresses
        .iter()
        .filter_map(|address| Some((public_id(address)?, address)))
        .filter(|(id, _)| !id.contains('\0'))
        .collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids = Rows::new(&[("id", Type::Text)]);
    for (id, _) in &wanted {
        ids.push([(*id).into()]);
    }
    let found: Vec<(String, String)> = conn
        .sql("select attachment.id, attachment.name from ")
        .push_rows(&ids)
        .push(" as input cross join attachment where attachment.id = input.id and attachment.company = ")
        .push_bind(company)
        .push(" and attachment.record_kind = ")
        .push_bind(CHAT)
        .all()
        .await?;
    let names: HashMap<&str, &String> = found.iter().map(|(id, name)| (id.as_str(), name)).collect();
    let named = |(id, address): (&str, &String)| Some((address.clone(), (*names.get(id)?).clone()));
    Ok(wanted.into_iter().filter_map(named).filter(|(_, name)| !name.is_empty()).collect())
}

/// Lets go of the files that these addresses lead to: the messages that held them are erased.
pub(crate) async fn forget_chat_files(
    tx: &mut Conn,
    company: i64,
    addresses: &[String],
    now: i64,
) -> Result<(), db::Error> {
    for id in addresses.iter().filter_map(|address| public_id(address)) {
        let gone = tx
            .sql("update attachment set state = 'gone', source = null, name = '' where company = $1 and id = $2 and record_kind = $3")
            .bind(company)
            .bind(id)
            .bind(CHAT)
            .exec()
            .await?;
        if gone == 1 {
            job::enqueue(tx, company, Kind::Discard, id, now).await?;
        }
    }
    Ok(())
}

/// The files of a record, the newest first, and how many there are, counted to one beyond [`crate::http::Listing::MOST_COUNTED`].
pub async fn list(
    conn: &mut Conn,
    company: i64,
    record: Record,
    category: Option<i64>,
    paging: Paging,
) -> Result<(Vec<Row>, i64), db::Error> {
    let mut query = conn.sql(COLUMNS).push(" and record_kind = $2 and record = $3 and state <> 'gone'");
    query = query.bind(company).bind(record.kind).bind(record.id);
    if let Some(category) = category {
        query = query.push(" and category = ").push_bind(category);
    }
    let query = query.push(" order by created_at desc, id limit ").push_bind(paging.take);
    let rows = query.push(" offset ").push_bind(paging.skip).all().await?;
    let counted = "select count(*) from (select 1 as one from attachment
                   where company = $1 and record_kind = $2 and record = $3 and state <> 'gone'";
    let mut query = conn.sql(counted).bind(company).bind(record.kind).bind(record.id);
    if let Some(category) = category {
        query = query.push(" and category = ").push_bind(category);
    }
    let most = crate::http::Listing::<Row>::MOST_COUNTED + 1;
    let counted = query.push(" limit ").push_bind(most).push(") as counted").one().await?;
    Ok((rows, counted))
}

/// Files as the API shows them.
pub async fn views(app: &App, conn: &mut Conn, company: i64, rows: Vec<Row>) -> Result<Vec<AttachedFile>, Error> {
    let zone = time::zone(conn, company).await?;
    let names: HashMap<i64, String> = match rows.iter().any(|row| row.category.is_some()) {
        true => {
            choice::all(conn, company, List::FileCategories).await?.into_iter().map(|one| (one.id, one.name)).collect()
        }
        false => HashMap::new(),
    };
    let view = |row: Row| {
        let category = row.category.and_then(|category| names.get(&category).cloned());
        row.view(app, category, &zone)
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Attaches files to a record. After the commit, wake [`Kind::File`] and [`Kind::Webhook`].
pub async fn attach(
    app: &App,
    tx: &mut Conn,
    caller: &Caller,
    record: Record,
    category: Option<i64>,
    files: &[New],
) -> Result<Vec<AttachedFile>, Error> {
    let (company, now) = (caller.company, app.now());
    let made: Vec<Row> =
        files.iter().map(|file| made(file, caller, record, category, now)).collect::<Result<_, Error>>()?;
    insert(tx, &made).await?;
    settle_jobs(tx, company, &made, now).await?;
    let views = views(app, tx, company, made.clone()).await?;
    let of = place(tx, company, record).await?;
    for (row, view) in made.iter().zip(&views) {
        audit::record(tx, &change(&of, caller, "file attached", now), &json!({}), &row.entered()).await?;
        if row.state == "stored" {
            tell(tx, company, &of, view, "FileAttached", now).await?;
        }
    }
    Ok(views)
}

fn made(file: &New, caller: &Caller, record: Record, category: Option<i64>, now: i64) -> Result<Row, Error> {
    let (stored, source) = match &file.source {
        Source::Here(stored) => (Some(stored.clone()), None),
        Source::At(url) => (None, Some(url.clone())),
    };
    Ok(Row {
        company: caller.company,
        id: file.id.clone(),
        record_kind: record.kind.to_owned(),
        record: record.id,
        category,
        name: file.name.clone(),
        content_type: stored.as_ref().map(|stored| stored.content_type.clone()),
        size: stored.as_ref().map(|stored| stored.size),
        state: if stored.is_some() { "stored" } else { "waiting" }.to_owned(),
        sha256: stored.map(|stored| stored.sha256),
        source,
        reason: None,
        link_key: link::new_key()?,
        created_by: caller.id.clone(),
        created_at: now,
    })
}

async fn insert(tx: &mut Conn, made: &[Row]) -> Result<(), db::Error> {
    let columns = [
        ("company", Type::BigInt),
        ("id", Type::Text),
        ("record_kind", Type::Text),
        ("record", Type::BigInt),
        ("category", Type::BigInt),
        ("name", Type::Text),
        ("content_type", Type::Text),
        ("size", Type::BigInt),
        ("sha256", Type::Bytes),
        ("source", Type::Text),
        ("state", Type::Text),
        ("link_key", Type::Bytes),
        ("created_by", Type::Text),
        ("created_at", Type::BigInt),
    ];
    let mut rows = Rows::new(&columns);
    for row in made {
        rows.push([
            row.company.into(),
            row.id.as_str().into(),
            row.record_kind.as_str().into(),
            row.record.into(),
            row.category.into(),
            row.name.as_str().into(),
            row.content_type.as_deref().into(),
            row.size.into(),
            row.sha256.as_deref().into(),
            row.source.as_deref().into(),
            row.state.as_str().into(),
            row.link_key.as_slice().into(),
            row.created_by.as_str().into(),
            row.created_at.into(),
        ]);
    }
    tx.sql(
        "insert into attachment (company, id, record_kind, record, category, name, content_type, size, sha256, source,
                                 state, link_key, created_by, created_at)
         select company, id, record_kind, record, category, name, content_type, size, sha256, source, state, link_key,
                created_by, created_at from ",
    )
    .push_rows(&rows)
    .push(" as input")
    .later()
    .await
}

/// Bytes that have a record now are looked after no longer; what is to be fetched is asked for.
async fn settle_jobs(tx: &mut Conn, company: i64, made: &[Row], now: i64) -> Result<(), db::Error> {
    let mut here = Rows::new(&[("key", Type::Text)]);
    let mut away = Vec::new();
    for row in made {
        match row.source {
            None => drop(here.push([row.id.as_str().into()])),
            Some(_) => away.push(Wanted { key: row.id.clone(), lane: String::new(), at: now }),
        }
    }
    if !here.is_empty() {
        tx.sql("delete from job where company = $1 and kind = $2 and worker is null and key in (select key from ")
            .bind(company)
            .bind(Kind::Discard.name())
            .push_rows(&here)
            .push(" as input)")
            .later()
            .await?;
    }
    job::enqueue_all(tx, company, Kind::File, away).await
}

/// Removes a file: it is unreachable at once, and a job deletes the bytes and then the row.
pub async fn remove(app: &App, tx: &mut Conn, caller: &Caller, record: Record, id: &str) -> Result<(), Error> {
    let now = app.now();
    let row = find(tx, caller.company, record, id).await?;
    tx.sql("update attachment set state = 'gone', source = null where company = $1 and id = $2")
        .bind(caller.company)
        .bind(id)
        .later()
        .await?;
    job::enqueue(tx, caller.company, Kind::Discard, id, now).await?;
    let of = place(tx, caller.company, record).await?;
    audit::record(tx, &change(&of, caller, "file removed", now), &row.entered(), &json!({})).await?;
    let views = views(app, tx, caller.company, vec![row]).await?;
    for view in &views {
        tell(tx, caller.company, &of, view, "FileRemoved", now).await?;
    }
    Ok(())
}

/// A new link to a file that is here; every earlier one is worthless from the commit on.
pub async fn relink(
    app: &App,
    tx: &mut Conn,
    caller: &Caller,
    record: Record,
    id: &str,
    seconds: i64,
) -> Result<Link, Error> {
    let now = app.now();
    let row = find(tx, caller.company, record, id).await?;
    link::must_be_here(&row)?;
    let key = link::new_key()?;
    tx.sql("update attachment set link_key = $3 where company = $1 and id = $2")
        .bind(caller.company)
        .bind(id)
        .bind(key.as_slice())
        .later()
        .await?;
    let until = now / 1000 + seconds;
    let zone = time::zone(tx, caller.company).await?;
    let link = Link { file_url: link::sign(app, id, &key, until), date_expires: time::text(until * 1000, &zone) };
    let made = json!({"link": {"fileId": id, "fileName": row.name, "dateExpires": link.date_expires}});
    let of = place(tx, caller.company, record).await?;
    audit::record(tx, &change(&of, caller, "file link made", now), &json!({}), &made).await?;
    Ok(link)
}

/// Where a record's audit trail and its events stand.
struct RecordPlace {
    record: Record,
    version: i64,
    /// `contract/CT2511-0001`: what the trail and the events of the record itself are kept under.
    reference: String,
}

async fn place(tx: &mut Conn, company: i64, record: Record) -> Result<RecordPlace, Error> {
    let (version, name): (i64, String) = match record.place {
        "" => (0, record.id.to_string()),
        place => tx.sql(place).bind(company).bind(record.id).one().await?,
    };
    Ok(RecordPlace { record, version, reference: format!("{}/{name}", record.kind) })
}

fn change<'a>(of: &RecordPlace, caller: &'a Caller, action: &'static str, at: i64) -> Change<'a> {
    Change { company: caller.company, reference: of.reference.clone(), actor: &caller.id, action, at }
}

/// Tells subscriptions, in the order of the record's own events. The file's address, which is good for an hour, is left
/// out.
async fn tell(
    tx: &mut Conn,
    company: i64,
    of: &RecordPlace,
    file: &AttachedFile,
    name: &'static str,
    at: i64,
) -> Result<(), Error> {
    let record = of.record;
    if record.topic.is_empty() {
        return Ok(());
    }
    let told = AttachedFile { file_url: None, ..file.clone() };
    let mut told = match serde_json::to_value(&told) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    told.insert(format!("{}Id", record.kind), record.id.into());
    let body = event::body(record.topic, name, &format!("{}File", record.topic), &told)?;
    let (subject, place) = (of.reference.as_str(), of.version);
    event::emit(tx, &Event { company, topic: record.topic, name, subject, place, body, at }).await?;
    Ok(())
}
