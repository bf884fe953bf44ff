//! What the person wrote and was sent: rooms, messages, and files.

use db::{Conn, Rows, Type};
use serde::Deserialize;
use uuid::Uuid;

use super::{Counts, LOT};
use crate::app::App;
use crate::attachment;
use crate::chat::texts;
use crate::http::Error;
use crate::job::{self, Kind, Wanted};

/// Takes name, picture and account from the rooms and the person behind them: who writes from that account again is new.
pub(super) async fn erase_rooms(app: &App, company: i64, ids: &[i64], counts: &mut Counts) -> Result<Vec<Uuid>, Error> {
    let rooms: Vec<Uuid> = app
        .db
        .read()
        .await?
        .sql("select id from room where company = $1 and customer in ")
        .bind(company)
        .push_ids(ids)
        .push(" order by id")
        .all()
        .await?;
    let now = app.now();
    for room in &rooms {
        app.db.write(async |mut tx| erase_room(&mut tx, company, *room, now).await).await?;
    }
    counts.add("rooms", rooms.len() as u64);
    Ok(rooms)
}

async fn erase_room(tx: &mut Conn, company: i64, room: Uuid, now: i64) -> Result<(), db::Error> {
    let contact: Uuid = tx
        .sql(
            "update room
             set external_id = $3, name = '', name_key = '', picture = '', last_content = null, last_kind = null,
                 reply_token = null, reply_token_at = null, unread = 0, unanswered = false, waiting_since = null,
                 status = 3, waiting_until = null, shape = case when assignee is null then 6 else 7 end, version = version + 1,
                 erased_at = coalesce(erased_at, $4)
             where company = $1 and id = $2 returning contact",
        )
        .bind(company)
        .bind(room)
        .bind(format!("erased-{room}"))
        .bind(now)
        .one()
        .await?;
    tx.sql(
        "update contact
         set external_id = $3, name = '', picture = '', language = null, follows = null, profile_at = null
         where company = $1 and id = $2",
    )
    .bind(company)
    .bind(contact)
    .bind(format!("erased-{contact}"))
    .later()
    .await?;
    for gone in [
        "delete from room_mention where company = $1 and room = $2",
        "delete from room_note where company = $1 and room = $2",
        "delete from room_draft where company = $1 and room = $2",
        "delete from room_read where company = $1 and room = $2",
        "delete from room_label where company = $1 and room = $2",
    ] {
        tx.sql(gone).bind(company).bind(room).later().await?;
    }
    tx.sql("delete from room_gram where company = $1 and room = $2").bind(company).bind(room).later().await
}

/// Empties a room's messages, lot by lot, and lets their files go.
pub(super) async fn erase_messages(app: &App, company: i64, room: Uuid, counts: &mut Counts) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Position {
        id: Uuid,
        sent_at: i64,
        number: i64,
    }
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let positions: Vec<Position> = app
            .db
            .read()
            .await?
            .sql(
                "select id, sent_at, number from message
                 where company = $1 and room = $2 and (sent_at, number) > ($3, $4) order by sent_at, number limit $5",
            )
            .bind(company)
            .bind(room)
            .bind(after.0)
            .bind(after.1)
            .bind(LOT)
            .all()
            .await?;
        let Some(last) = positions.last() else { return Ok(()) };
        after = (last.sent_at, last.number);
        let mut rows = Rows::new(&[("id", Type::Uuid)]);
        for position in &positions {
            rows.push([position.id.into()]);
        }
        let now = app.now();
        let files = app.db.write(async |mut tx| empty_messages(&mut tx, company, &rows, now).await).await?;
        for file in &files {
            app.media.delete(file).await?;
        }
        counts.add("messages", positions.len() as u64);
        counts.add("files", files.len() as u64);
    }
}

/// Empties these messages; answers the files to delete. A job deletes them too: one that is being fetched at this moment
/// comes to the store after the first deletion.
async fn empty_messages(tx: &mut Conn, company: i64, rows: &Rows, now: i64) -> Result<Vec<String>, db::Error> {
    texts::lock(tx, company).await?;
    texts::forget(tx, company, rows).await?;
    let sent: Vec<String> = tx
        .sql("select content from message where company = $1 and staff is not null and kind <> 'message' and id in (select id from ")
        .bind(company)
        .push_rows(rows)
        .push(" as input)")
        .all()
        .await?;
    attachment::forget_chat_files(tx, company, &sent, now).await?;
    tx.sql(
        "update message
         set kind = 'erased', content = '', body = null, details = null, failure = null, provider_id = null,
             delivery = case when delivery = 1 then 9 else delivery end
         where company = $1 and id in (select id from ",
    )
    .bind(company)
    .push_rows(rows)
    .push(" as input)")
    .later()
    .await?;
    tx.sql(
        "update attempt set reason = null where company = $1 and reason is not null and message in (select id from ",
    )
    .bind(company)
    .push_rows(rows)
    .push(" as input)")
    .later()
    .await?;
    let files: Vec<String> = tx
        .sql(
            "update media set state = 'gone', source = '', content_type = null, size = null
             where company = $1 and (state <> 'gone' or source <> '') and message in (select id from ",
        )
        .bind(company)
        .push_rows(rows)
        .push(" as input) returning id")
        .all()
        .await?;
    let jobs = files.iter().map(|file| Wanted { key: file.clone(), lane: String::new(), at: 0 });
    job::enqueue_all(tx, company, Kind::Media, jobs.collect()).await?;
    Ok(files)
}

/// Deletes the files that people attached to the records. The name goes last: it says that a file is still to be deleted.
pub(super) async fn erase_attachments(app: &App, company: i64, ids: &[i64], counts: &mut Counts) -> Result<(), Error> {
    erase_files_of(app, company, OF_CUSTOMERS, ids, counts).await?;
    erase_files_of(app, company, OF_ACTIVITIES, ids, counts).await
}

const OF_CUSTOMERS: (&str, &str) = (" and record_kind = 'customer' and record in ", "");
const OF_ACTIVITIES: (&str, &str) =
    (" and record_kind = 'activity' and record in (select id from activity where company = $1 and customer in ", ")");

async fn erase_files_of(
    app: &App,
    company: i64,
    (begin, end): (&'static str, &'static str),
    ids: &[i64],
    counts: &mut Counts,
) -> Result<(), Error> {
    loop {
        let files: Vec<String> = app
            .db
            .write(async |mut tx| {
                tx.sql(
                    "update attachment set state = 'gone', source = null, reason = null
                     where company = $1 and id in (
                       select id from attachment where company = $1 and name <> ''",
                )
                .bind(company)
                .push(begin)
                .push_ids(ids)
                .push(end)
                .push(" order by id limit ")
                .push_bind(LOT)
                .push(") returning id")
                .all()
                .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
        if files.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(&[("id", Type::Text)]);
        for file in &files {
            app.media.delete(file).await?;
            rows.push([file.as_str().into()]);
        }
        app.db
            .write(async |mut tx| {
                tx.sql(
                    "update attachment set name = '', content_type = null, size = null, sha256 = null
                     where company = $1 and id in (select id from ",
                )
                .bind(company)
                .push_rows(&rows)
                .push(" as input)")
                .exec()
                .await
            })
            .await
            .map_err(|error: db::Error| Error::Db(error))?;
        counts.add("attachments", files.len() as u64);
    }
}
