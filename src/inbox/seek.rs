//! How messages are found: by their text index, the newest first. What is not in it yet, that of the last minutes, and the messages
//! of one room are looked through from the newest back.
//!
//! A request reads a bounded number of messages, whatever ids they have and however many hold a common word. A search that has not
//! come to the end says how far it has, and goes on.

use std::collections::HashMap;

use db::{Conn, Ids, Rows, Type};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rights;
use crate::chat::texts;
use crate::http::Caller;
use crate::search::{self, Effort};
use crate::{event, live};

/// Messages that one request looks through: a few microseconds each.
const MOST_SCANNED: usize = 5_000;

/// Messages that are read at a time: few at first, as a common word is soon met, then more.
const FIRST_LOT: i64 = 100;
const LARGEST_LOT: i64 = 2_000;

/// Numbers that the index is asked for at a time, and messages that are read of them.
const MOST_NAMED: usize = 2_000;
const AT_ONCE: usize = 200;

/// Clocks of nodes differ by less, in milliseconds: no id of a message in order is further ahead.
const AHEAD: i64 = 60 * 1000;

/// A message that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundMessage {
    /// Its id, as `around` takes it.
    id: Uuid,
    /// The room.
    room_id: Uuid,
    /// The room's name.
    room_name: String,
    /// The text around the place where the keyword stands.
    content: String,
    /// When it was said: Unix time in milliseconds.
    timestamp: i64,
    /// `customer`, `staff` or `client`.
    #[schema(example = "customer")]
    from: &'static str,
}

#[derive(Deserialize)]
struct Said {
    id: Uuid,
    room: Uuid,
    content: String,
    sent_at: i64,
    contact: Option<Uuid>,
    staff: Option<Uuid>,
    /// Its number in the index, or among strays; 0 of what has none there.
    place: i64,
    /// Whether it is looked at elsewhere.
    is_met: bool,
}

impl Said {
    fn position(&self) -> Position {
        Position { id: self.id, sent_at: self.sent_at, place: self.place }
    }
}

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Behind this message: by its time in a room, by its id otherwise.
    Message(i64, Uuid),
    /// Below this number among strays.
    Stray(i64),
    /// Below this number of the text index.
    Number(i64),
}

impl After {
    pub(super) fn read(text: &str) -> Option<After> {
        if let Some(number) = text.strip_prefix('n') {
            return number.parse().ok().map(After::Number);
        }
        if let Some(number) = text.strip_prefix('s') {
            return number.parse().ok().map(After::Stray);
        }
        let (at, id) = text.split_once('_')?;
        Some(After::Message(at.parse().ok()?, Uuid::parse_str(id).ok()?))
    }

    pub(super) fn text(self) -> String {
        match self {
            After::Message(at, id) => format!("{at}_{id}"),
            After::Stray(number) => format!("s{number}"),
            After::Number(number) => format!("n{number}"),
        }
    }
}

/// A search on its way.
pub(super) struct Seeker<'a> {
    caller: &'a Caller,
    keyword: &'a str,
    take: usize,
    now: i64,
    /// The rooms that were met: their names, none of those that the caller may not see.
    names: HashMap<Uuid, Option<String>>,
    found: Vec<FoundMessage>,
    scanned: usize,
    lot: i64,
    searched_to: Option<i64>,
}

impl<'a> Seeker<'a> {
    pub(super) fn new(caller: &'a Caller, keyword: &'a str, take: usize, now: i64) -> Seeker<'a> {
        Seeker {
            caller,
            keyword,
            take,
            now,
            names: HashMap::new(),
            found: Vec::new(),
            scanned: 0,
            lot: FIRST_LOT,
            searched_to: None,
        }
    }

    /// What was found, the newest first, and the time of the oldest message that was looked at.
    pub(super) fn end(mut self) -> (Vec<FoundMessage>, Option<i64>) {
        self.found.sort_by_key(|message| std::cmp::Reverse(message.timestamp));
        (self.found, self.searched_to)
    }

    /// All messages: those that are not in the index yet, then those that it names; answers where to go on.
    pub(super) async fn everywhere(
        &mut self,
        conn: &mut Conn,
        mut after: Option<After>,
        effort: Effort,
    ) -> Result<Option<After>, db::Error> {
        let cursor = texts::cursor(conn, self.caller.company).await?;
        let known = cursor.as_ref().filter(|cursor| !cursor.anew);
        if matches!(after, None | Some(After::Stray(_))) {
            let next = self.strays(conn, after, known.map_or(0, |known| known.stray)).await?;
            if next.is_some() {
                return Ok(next);
            }
            after = None;
        }
        if !matches!(after, Some(After::Number(_))) {
            let next = self.by_ids(conn, after, known.map_or(Uuid::nil(), |known| known.message)).await?;
            if next.is_some() || known.is_none() {
                return Ok(next);
            }
            // The page before may have ended at a message that is in the index by now.
            if let Some(After::Message(_, id)) = after {
                let query = conn.sql("select number from message_place where company = $1 and message = $2");
                let place: Option<i64> = query.bind(self.caller.company).bind(id).optional().await?;
                after = place.map(After::Number);
            }
        }
        let top = match after {
            Some(After::Number(number)) => number,
            _ => known.map_or(0, |known| known.number) + 1,
        };
        self.indexed(conn, top, effort).await
    }

    /// The messages of one room, in the order in which they were said.
    pub(super) async fn room(
        &mut self,
        conn: &mut Conn,
        room: Uuid,
        mut after: Option<After>,
    ) -> Result<Option<After>, db::Error> {
        loop {
            let mut query = conn
                .sql(
                    "select id, room, content, sent_at, contact, staff, 0 as place, false as is_met
                     from message where company = $1 and room = $2",
                )
                .bind(self.caller.company)
                .bind(room);
            if let Some(After::Message(at, id)) = after {
                query = query.push(" and (sent_at, number) < (").push_bind(at);
                query = query
                    .push(", (select m.number from message as m where m.company = $1 and m.id = ")
                    .push_bind(id)
                    .push("))");
            }
            let query = query.push(" order by sent_at desc, number desc limit ").push_bind(self.lot);
            let lot: Vec<Said> = query.all().await?;
            match self.take(conn, lot).await? {
                Taken::All => return Ok(None),
                Taken::More(last) => after = Some(After::Message(last.sent_at, last.id)),
                Taken::Enough(last) => return Ok(Some(After::Message(last.sent_at, last.id))),
            }
        }
    }

    /// Messages whose ids are out of order, down to a number that the index has.
    async fn strays(
        &mut self,
        conn: &mut Conn,
        mut after: Option<After>,
        down_to: i64,
    ) -> Result<Option<After>, db::Error> {
        loop {
            let mut query = conn
                .sql(
                    "select message.id, message.room, message.content, message.sent_at, message.contact, message.staff,
                            stray.number as place, false as is_met
                     from message_stray as stray
                     join message on message.company = stray.company and message.id = stray.message
                     where stray.company = $1 and stray.number > $2",
                )
                .bind(self.caller.company)
                .bind(down_to);
            if let Some(After::Stray(number)) = after {
                query = query.push(" and stray.number < ").push_bind(number);
            }
            let lot: Vec<Said> = query.push(" order by stray.number desc limit ").push_bind(self.lot).all().await?;
            match self.take(conn, lot).await? {
                Taken::All => return Ok(None),
                Taken::More(last) => after = Some(After::Stray(last.place)),
                Taken::Enough(last) => return Ok(Some(After::Stray(last.place))),
            }
        }
    }

    /// The others, by their ids, which are times, down to one that the index has. Strays among them were met by their numbers.
    async fn by_ids(
        &mut self,
        conn: &mut Conn,
        after: Option<After>,
        down_to: Uuid,
    ) -> Result<Option<After>, db::Error> {
        // Ids of the future are strays: whoever makes many of them puts none before what is looked through. A clock that went back
        // has left ids in order up to where the index is.
        let latest = self.now.max(live::time_of(down_to).unwrap_or(0)).saturating_add(AHEAD);
        let mut below = match after {
            Some(After::Message(_, id)) => id,
            _ => event::first_id(latest),
        };
        loop {
            let lot: Vec<Said> = conn
                .sql(
                    "select id, room, content, sent_at, contact, staff, 0 as place,
                            exists (select 1 from message_stray as stray
                                    where stray.company = message.company and stray.message = message.id) as is_met
                     from message where company = $1 and id < $2 and id > $3 order by id desc limit $4",
                )
                .bind(self.caller.company)
                .bind(below)
                .bind(down_to)
                .bind(self.lot)
                .all()
                .await?;
            match self.take(conn, lot).await? {
                Taken::All => return Ok(None),
                Taken::More(last) => below = last.id,
                Taken::Enough(last) => return Ok(Some(After::Message(last.sent_at, last.id))),
            }
        }
    }

    /// The messages that the index names below a number.
    async fn indexed(&mut self, conn: &mut Conn, mut below: i64, effort: Effort) -> Result<Option<After>, db::Error> {
        let company = self.caller.company;
        while below > 1 {
            if self.scanned >= MOST_SCANNED {
                return Ok(Some(After::Number(below)));
            }
            let most = effort.entries.min(MOST_NAMED);
            let named = conn.text_candidates(texts::TEXTS, company, self.keyword, below, most).await?;
            let Ids { ids, floor } = named;
            if ids.is_empty() && floor >= below {
                return self.common(conn, below).await;
            }
            for some in ids.chunks(AT_ONCE) {
                let query = conn.sql(PLACED).bind(company).push(" and message_place.number in ").push_ids(some);
                let said: Vec<Said> = query.push(" order by message_place.number desc").all().await?;
                if let Some(last) = self.look_at(conn, said).await? {
                    return Ok(Some(After::Number(last.place)));
                }
            }
            below = floor;
        }
        Ok(None)
    }

    /// The messages that hold a common word, below a number: it is soon met in the messages themselves, and the index is not asked
    /// again.
    async fn common(&mut self, conn: &mut Conn, mut below: i64) -> Result<Option<After>, db::Error> {
        loop {
            let said: Vec<Said> = conn
                .sql(PLACED)
                .bind(self.caller.company)
                .push(" and message_place.number < ")
                .push_bind(below)
                .push(" order by message_place.number desc limit ")
                .push_bind(self.lot)
                .all()
                .await?;
            match self.take(conn, said).await? {
                Taken::All => return Ok(None),
                Taken::More(last) => below = last.place,
                Taken::Enough(last) => return Ok(Some(After::Number(last.place))),
            }
        }
    }

    /// Takes a lot; the next may be larger.
    async fn take(&mut self, conn: &mut Conn, lot: Vec<Said>) -> Result<Taken, db::Error> {
        let is_last = search::number(lot.len()) < self.lot;
        self.lot = (self.lot * 2).min(LARGEST_LOT);
        let Some(at) = lot.last().map(Said::position) else { return Ok(Taken::All) };
        Ok(match self.look_at(conn, lot).await? {
            Some(full) => Taken::Enough(full),
            None if is_last => Taken::All,
            None if self.scanned >= MOST_SCANNED => Taken::Enough(at),
            None => Taken::More(at),
        })
    }

    /// Keeps the messages that hold the keyword, in rooms that the caller may see; answers the one with which the page is full.
    async fn look_at(&mut self, conn: &mut Conn, lot: Vec<Said>) -> Result<Option<Position>, db::Error> {
        self.scanned += lot.len();
        let oldest = lot.last().map(|message| message.sent_at);
        let mut hits = Vec::new();
        for message in lot.into_iter().filter(|message| !message.is_met) {
            let folded = search::fold(&message.content);
            if let Some(place) = folded.find(self.keyword) {
                let shown = around(&message.content, &folded, place);
                hits.push((message, shown));
            }
        }
        self.learn(conn, hits.iter().map(|(message, _)| message.room)).await?;
        for (message, content) in hits {
            let Some(Some(room_name)) = self.names.get(&message.room) else { continue };
            // One that moved into the index between two looks is met twice.
            if self.found.iter().any(|known| known.id == message.id) {
                continue;
            }
            let at = message.position();
            self.found.push(FoundMessage {
                id: message.id,
                room_id: message.room,
                room_name: room_name.clone(),
                content,
                timestamp: message.sent_at,
                from: match (message.contact, message.staff) {
                    (Some(_), _) => "customer",
                    (None, Some(_)) => "staff",
                    (None, None) => "client",
                },
            });
            if self.found.len() == self.take {
                self.searched_to = Some(message.sent_at);
                return Ok(Some(at));
            }
        }
        self.searched_to = oldest.or(self.searched_to);
        Ok(None)
    }

    /// Reads the names of rooms that were not met before: all of them at once.
    async fn learn(&mut self, conn: &mut Conn, rooms: impl Iterator<Item = Uuid>) -> Result<(), db::Error> {
        let mut ids = Rows::new(&[("id", Type::Uuid)]);
        for room in rooms {
            if let std::collections::hash_map::Entry::Vacant(place) = self.names.entry(room) {
                place.insert(None);
                ids.push([room.into()]);
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        let query = conn
            .sql("select room.id, room.name from ")
            .push_rows(&ids)
            .push(" as input cross join room where room.id = input.id and room.erased_at is null and room.company = ")
            .push_bind(self.caller.company);
        let named: Vec<(Uuid, String)> = rights::within(query, self.caller).all().await?;
        self.names.extend(named.into_iter().map(|(id, name)| (id, Some(name))));
        Ok(())
    }
}

/// A message at which a search goes on.
#[derive(Debug, Clone, Copy)]
struct Position {
    id: Uuid,
    sent_at: i64,
    place: i64,
}

/// What came of a lot.
enum Taken {
    /// It was the last one.
    All,
    /// More follow behind this message.
    More(Position),
    /// The page is full, or enough was looked at, with this message.
    Enough(Position),
}

const PLACED: &str =
    "select message.id, message.room, message.content, message.sent_at, message.contact, message.staff,
        message_place.number as place, false as is_met
 from message_place join message on message.company = message_place.company and message.id = message_place.message
 where message_place.company = $1";

/// Characters that are shown before and behind the place.
const AROUND: usize = 60;

/// The part of a text around the place where a keyword stands in its folded form. Folding may make more or fewer characters of one,
/// so that the place is about right; whole characters are cut.
fn around(text: &str, folded: &str, place: usize) -> String {
    let before = folded[..place].chars().count();
    let start = before.saturating_sub(AROUND);
    let part: String = text.chars().skip(start).take(3 * AROUND).collect();
    let dots = |cut: bool| if cut { "…" } else { "" };
    format!("{}{part}{}", dots(start > 0), dots(text.chars().count() > start + 3 * AROUND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_around_the_place() {
        let text = format!("{}ใบเสนอราคา{}", "ก".repeat(200), "ข".repeat(200));
        let folded = search::fold(&text);
        let shown = around(&text, &folded, folded.find("ใบเสนอราคา").expect("place"));
        assert!(shown.starts_with("…ก") && shown.contains("ใบเสนอราคา") && shown.ends_with("ข…"), "{shown}");
        assert_eq!(around("Hello", "hello", 0), "Hello");
    }
}
