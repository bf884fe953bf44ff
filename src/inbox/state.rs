//! The state of a room and its changes: who was quicker wins, and the other is told who it was.

use db::{Conn, Rows, Type};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::assign;
use super::rights::{self, RoomAccess};
use super::room::{PRIORITIES, people, status_word};
use crate::app::App;
use crate::audit::{self, Change};
use crate::event::{self, Event};
use crate::http::{Caller, Code, Conditions, Error, Fault, Faults, Patch};
use crate::job::{self, Job, Kind, Next};
use crate::live::{self, Audience, Item};

/// The status of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open = 1,
    Waiting = 2,
    Closed = 3,
}

/// A change of a room; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomUpdate {
    /// `open`, `waiting` (with `waitingUntil`) or `closed`.
    #[schema(example = "closed")]
    status: Option<String>,
    /// Until when the room is put off: Unix time in milliseconds.
    waiting_until: Option<i64>,
    /// Who answers it: a user id; null for nobody.
    #[schema(value_type = Option<Uuid>)]
    assignee: Patch<Uuid>,
    /// Whom the caller saw as the assignee; null for nobody.
    #[schema(value_type = Option<Uuid>)]
    if_assignee: Patch<Uuid>,
    /// The team's number; null for none.
    #[schema(value_type = Option<i64>)]
    team: Patch<i64>,
    /// `low`, `normal`, `high` or `urgent`.
    #[schema(example = "high")]
    priority: Option<String>,
    /// Numbers of the list `labels`, as a whole.
    labels: Option<Vec<i64>>,
    /// `paused` lets a bot that answers in this room be silent; `on` lets it go on.
    #[schema(example = "paused")]
    bot: Option<String>,
}

/// What is to become of a room.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish {
    status: Option<(i64, Option<i64>)>,
    assignee: Patch<Uuid>,
    if_assignee: Patch<Uuid>,
    team: Patch<i64>,
    priority: Option<i64>,
    labels: Option<Vec<i64>>,
    bot_paused: Option<bool>,
    /// Somebody who has the room already need not have it again.
    is_claim: bool,
}

/// Labels that a room may have.
const MOST_LABELS: usize = 20;

impl Wish {
    pub(super) fn claim(person: Uuid) -> Wish {
        Wish { assignee: Patch::Set(person), if_assignee: Patch::Clear, is_claim: true, ..Wish::default() }
    }

    pub(super) fn read(app: &App, input: &RoomUpdate) -> Result<Wish, Error> {
        let mut faults = Faults::default();
        let status = match input.status.as_deref().map(|word| word.trim().to_lowercase()).as_deref() {
            None => None,
            Some("open") => Some((Status::Open as i64, None)),
            Some("closed") => Some((Status::Closed as i64, None)),
            Some("waiting") => {
                match input.waiting_until {
                    None => faults.add(Code::Required, "waitingUntil", "waitingUntil is required with waiting"),
                    Some(until) if until <= app.now() => {
                        faults.add(Code::InvalidValue, "waitingUntil", "waitingUntil must be in the future");
                    }
                    Some(_) => {}
                }
                Some((Status::Waiting as i64, input.waiting_until))
            }
            Some(_) => {
                faults.add(Code::InvalidValue, "status", "status must be open, waiting or closed");
                None
            }
        };
        let priority = input.priority.as_deref().map(|word| word.trim().to_lowercase());
        let priority = priority.and_then(|word| {
            let found = PRIORITIES.iter().position(|known| *known == word);
            if found.is_none() {
                faults.add(
                    Code::InvalidValue,
                    "priority",
                    format!("priority must be one of {}", PRIORITIES.join(", ")),
                );
            }
            found.and_then(|index| i64::try_from(index + 1).ok())
        });
        let bot_paused = match input.bot.as_deref().map(|word| word.trim().to_lowercase()).as_deref() {
            None => None,
            Some("paused") => Some(true),
            Some("on") => Some(false),
            Some(_) => {
                faults.add(Code::InvalidValue, "bot", "bot must be on or paused");
                None
            }
        };
        if input.labels.as_ref().is_some_and(|labels| labels.len() > MOST_LABELS) {
            faults.add(Code::TooLong, "labels", format!("A room may have {MOST_LABELS} labels"));
        }
        faults.end()?;
        Ok(Wish {
            status,
            assignee: input.assignee.clone(),
            if_assignee: input.if_assignee.clone(),
            team: input.team.clone(),
            priority,
            labels: input.labels.clone(),
            bot_paused,
            is_claim: false,
        })
    }
}

/// The state as stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct State {
    status: i64,
    waiting_until: Option<i64>,
    waiting_since: Option<i64>,
    assignee: Option<Uuid>,
    assigned_by: Option<String>,
    team: Option<i64>,
    priority: i64,
    bot_paused: bool,
    unanswered: bool,
    last_customer_at: Option<i64>,
    last_reply_at: Option<i64>,
}

impl State {
    fn shape(&self) -> i64 {
        self.status * 2 + i64::from(self.assignee.is_some())
    }

    /// What the audit trail compares.
    fn entered(&self, labels: &[i64]) -> Value {
        json!({
            "status": status_word(self.status), "waitingUntil": self.waiting_until, "assignee": self.assignee,
            "team": self.team, "priority": PRIORITIES.get(usize::try_from(self.priority - 1).unwrap_or(1)),
            "botPaused": self.bot_paused, "labels": labels,
        })
    }
}

/// Holds the room until the unit ends, and reads its state.
async fn held(tx: &mut Conn, company: i64, room: Uuid) -> Result<State, db::Error> {
    // An update that changes nothing holds the row on both databases.
    tx.sql("update room set version = version where company = $1 and id = $2").bind(company).bind(room).exec().await?;
    tx.sql(
        "select status, waiting_until, waiting_since, assignee, assigned_by, team, priority, bot_paused, unanswered,
                last_customer_at, last_reply_at
         from room where company = $1 and id = $2",
    )
    .bind(company)
    .bind(room)
    .one()
    .await
}

/// Since when the customer of a room that was closed waits for an answer: as before, from the first message after the last
/// reply on.
async fn waits_since(tx: &mut Conn, company: i64, room: Uuid, state: &State) -> Result<Option<i64>, db::Error> {
    let first: Option<i64> = tx
        .sql(
            "select sent_at from message
             where company = $1 and room = $2 and sent_at > $3 and contact is not null and kind <> 'unsent'
             order by sent_at, number limit 1",
        )
        .bind(company)
        .bind(room)
        .bind(state.last_reply_at.unwrap_or_default())
        .optional()
        .await?;
    // One that was said before the reply and came after it is the last one, too.
    Ok(first.or(state.last_customer_at))
}

async fn labels_of(tx: &mut Conn, company: i64, room: Uuid) -> Result<Vec<i64>, db::Error> {
    tx.sql("select label from room_label where company = $1 and room = $2 order by label")
        .bind(company)
        .bind(room)
        .all()
        .await
}

/// Changes a room that the caller may see.
pub(super) async fn change(
    tx: &mut Conn,
    caller: &Caller,
    room: Uuid,
    conditions: &Conditions,
    wish: &Wish,
    now: i64,
) -> Result<(), Error> {
    let company = caller.company;
    // Looked up before it is held, so that a room of others is not there whoever asks.
    let seen = rights::find(tx, caller, room).await?;
    if seen.is_none() && (!wish.is_claim || !is_there(tx, caller, room).await?) {
        return Err(Error::NotFound("room"));
    }
    let old = held(tx, company, room).await?;
    let access = match rights::find(tx, caller, room).await? {
        Some(access) => access,
        // Taken by somebody else a moment ago.
        None => return Err(lost(tx, company, old.assignee).await?),
    };
    if let Patch::Set(_) | Patch::Clear = wish.if_assignee
        && wish.if_assignee.clone().over(None) != old.assignee
        && !(wish.is_claim && wish.assignee == old.assignee.map_or(Patch::Clear, Patch::Set))
    {
        return Err(lost(tx, company, old.assignee).await?);
    }
    conditions.allow_change(Some(access.version))?;
    let mut new = old.clone();
    if let Some((status, until)) = wish.status {
        (new.status, new.waiting_until) = (status, until);
        // Whoever closes a room says that nothing more is to be answered.
        new.waiting_since = match status {
            3 => None,
            _ if old.waiting_since.is_none() && old.unanswered => waits_since(tx, company, room, &old).await?,
            _ => old.waiting_since,
        };
    }
    new.assignee = wish.assignee.clone().over(old.assignee);
    if new.assignee != old.assignee {
        new.assigned_by = new.assignee.map(|_| "person".to_owned());
    }
    new.team = wish.team.clone().over(old.team);
    if new.assignee != old.assignee {
        let team = match new.assignee {
            Some(assignee) => Some(colleague(tx, company, assignee).await?),
            None => None,
        };
        // The team follows the assignee, unless the room was given another one than that of the former assignee.
        let is_own = new.team.is_some() && new.team != team_of(tx, company, old.assignee).await?;
        if wish.team == Patch::Keep && !is_own {
            new.team = team;
        }
    }
    if let Patch::Set(team) = wish.team {
        let known = crate::setting::choice::find(tx, company, crate::setting::list::List::Teams, team).await?;
        known.ok_or_else(|| Error::invalid(Code::InvalidValue, "team", format!("team {team} is not a known team")))?;
    }
    new.priority = wish.priority.unwrap_or(old.priority);
    new.bot_paused = wish.bot_paused.unwrap_or(old.bot_paused);
    let old_labels = labels_of(tx, company, room).await?;
    let new_labels = match &wish.labels {
        Some(labels) => set_labels(tx, company, room, &old_labels, labels).await?,
        None => old_labels.clone(),
    };
    if new == old && new_labels == old_labels {
        return Ok(());
    }
    store(tx, company, room, &new).await?;
    if let Some(until) = new.waiting_until.filter(|_| new.waiting_until != old.waiting_until) {
        let key = room.to_string();
        job::enqueue(tx, company, Kind::Snooze, &key, until).await?;
        // The room may have been put off before, until another time.
        tx.sql("update job set run_at = $4 where company = $1 and kind = $2 and key = $3 and worker is null")
            .bind(company)
            .bind(Kind::Snooze.name())
            .bind(key)
            .bind(until)
            .later()
            .await?;
    }
    let change = Change { company, reference: format!("room/{room}"), actor: &caller.id, action: "updated", at: now };
    audit::record(tx, &change, &old.entered(&old_labels), &new.entered(&new_labels)).await?;
    tell(tx, company, &access, (&old, &new), &caller.id, now).await
}

async fn is_there(tx: &mut Conn, caller: &Caller, room: Uuid) -> Result<bool, db::Error> {
    // A colleague's room of one of the caller's accounts: whoever claims it is told whose it is.
    let query =
        tx.sql("select room.account from room where room.company = $1 and room.id = $2 and room.erased_at is null");
    let account: Option<String> = query.bind(caller.company).bind(room).optional().await?;
    let accounts = caller.person.as_ref().and_then(|person| person.accounts.as_ref());
    Ok(account.is_some_and(|account| accounts.is_none_or(|accounts| accounts.contains(&account))))
}

/// The refusal of whoever came second.
async fn lost(tx: &mut Conn, company: i64, winner: Option<Uuid>) -> Result<Error, Error> {
    let names = people(tx, company, winner.into_iter()).await?;
    let message = match winner.and_then(|id| names.get(&id).cloned()) {
        Some(winner) => format!("The room is already assigned to {}", winner.nickname.unwrap_or(winner.name)),
        None => "The room is no longer assigned".to_owned(),
    };
    Ok(Error::Conflict(Fault::new(Code::Taken, "assignee", message)))
}

/// The team of a colleague who may be assigned.
async fn colleague(tx: &mut Conn, company: i64, id: Uuid) -> Result<i64, Error> {
    let team: Option<i64> = tx
        .sql(
            "select employee.team from person
             join employee on employee.company = person.company and employee.id = person.id
             where person.company = $1 and person.id = $2 and not person.disabled and employee.active",
        )
        .bind(company)
        .bind(id)
        .optional()
        .await?;
    team.ok_or_else(|| Error::invalid(Code::InvalidValue, "assignee", "assignee is not a user who can sign in"))
}

/// The team of whoever has a room.
async fn team_of(tx: &mut Conn, company: i64, assignee: Option<Uuid>) -> Result<Option<i64>, db::Error> {
    let Some(assignee) = assignee else { return Ok(None) };
    let query = tx.sql("select team from employee where company = $1 and id = $2");
    query.bind(company).bind(assignee).optional().await
}

async fn set_labels(tx: &mut Conn, company: i64, room: Uuid, old: &[i64], wanted: &[i64]) -> Result<Vec<i64>, Error> {
    let mut new = wanted.to_vec();
    new.sort_unstable();
    new.dedup();
    let known: Vec<i64> = tx
        .sql("select id from choice where company = $1 and list = 'labels' and id in ")
        .bind(company)
        .push_ids(&new)
        .all()
        .await?;
    if let Some(unknown) = new.iter().find(|label| !known.contains(label)) {
        return Err(Error::invalid(Code::InvalidValue, "labels", format!("{unknown} is not a known label")));
    }
    if new == old {
        return Ok(new);
    }
    tx.sql("delete from room_label where company = $1 and room = $2").bind(company).bind(room).later().await?;
    let mut rows = Rows::new(&[("label", Type::BigInt)]);
    for label in &new {
        rows.push([(*label).into()]);
    }
    if !rows.is_empty() {
        tx.sql("insert into room_label (company, label, room) select $1, label, $2 from ")
            .bind(company)
            .bind(room)
            .push_rows(&rows)
            .push(" as input where true on conflict (company, label, room) do nothing")
            .exec()
            .await?;
    }
    Ok(new)
}

async fn store(tx: &mut Conn, company: i64, room: Uuid, new: &State) -> Result<(), db::Error> {
    tx.sql(
        "update room
         set status = $3, waiting_until = $4, waiting_since = $5, assignee = $6, assigned_by = $7, team = $8,
             priority = $9, bot_paused = $10, shape = $11, version = version + 1
         where company = $1 and id = $2",
    )
    .bind(company)
    .bind(room)
    .bind(new.status)
    .bind(new.waiting_until)
    .bind(new.waiting_since)
    .bind(new.assignee)
    .bind(new.assigned_by.clone())
    .bind(new.team)
    .bind(new.priority)
    .bind(new.bot_paused)
    .bind(new.shape())
    .exec()
    .await?;
    Ok(())
}

/// Tells the readers of the room, those who could see it before, and subscriptions.
async fn tell(
    tx: &mut Conn,
    company: i64,
    access: &RoomAccess,
    (old, new): (&State, &State),
    actor: &str,
    now: i64,
) -> Result<(), Error> {
    let to = Audience::Room {
        account: access.account.clone(),
        assignees: vec![old.assignee, new.assignee],
        teams: vec![old.team, new.team],
    };
    let action = match () {
        () if old.assignee != new.assignee => "assigned",
        () if old.status != new.status => status_word(new.status),
        () => "updated",
    };
    let data = json!({
        "kind": "room", "roomId": access.id, "version": access.version + 1, "action": action, "actor": actor, "at": now,
        "status": status_word(new.status), "assignee": new.assignee, "team": new.team,
    });
    live::note(tx, company, "room", &[Item::new(to, &data)], now).await?;
    let closed = Status::Closed as i64;
    let events = [
        ("RoomReopened", old.status == closed && new.status != closed),
        ("RoomAssigned", old.assignee != new.assignee),
        ("RoomClosed", old.status != closed && new.status == closed),
    ];
    for (name, _) in events.into_iter().filter(|(_, is_so)| *is_so) {
        raise(tx, company, access.id, name, actor, (now, now)).await?;
    }
    Ok(())
}

/// Tells the subscriptions that ask for this event by its name, with the room as it is now. It is not handed on before
/// the second time.
async fn raise(
    tx: &mut Conn,
    company: i64,
    room: Uuid,
    name: &'static str,
    actor: &str,
    (now, from): (i64, i64),
) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Stored {
        account: String,
        platform: i64,
        contact: Uuid,
        customer: Option<i64>,
        status: i64,
        assignee: Option<Uuid>,
        team: Option<i64>,
        messages: i64,
    }
    if !event::is_wanted(tx, company, "Chat", name).await? {
        return Ok(());
    }
    let stored: Stored = tx
        .sql(
            "select account, platform, contact, customer, status, assignee, team, messages
             from room where company = $1 and id = $2",
        )
        .bind(company)
        .bind(room)
        .one()
        .await?;
    let record = json!({
        "roomId": room, "platform": stored.platform, "accountId": stored.account, "contactId": stored.contact,
        "customerId": stored.customer, "status": status_word(stored.status), "assigneeId": stored.assignee,
        "teamId": stored.team, "actor": actor,
    });
    let body = event::body("Chat", name, "Room", &record)?;
    let subject = room.to_string();
    let event = Event { company, topic: "Chat", name, subject: &subject, place: stored.messages, body, at: now };
    event::emit_from(tx, &event, from).await?;
    Ok(())
}

/// Moves a caller's read mark, and tells the caller's other screens. Answers where it is.
pub(super) async fn mark_read(
    tx: &mut Conn,
    caller: &Caller,
    room: Uuid,
    to: i64,
    force: bool,
    now: i64,
) -> Result<i64, Error> {
    let company = caller.company;
    let moved = tx
        .sql(
            "insert into room_read (company, who, room, number, at) values ($1, $2, $3, $4, $5)
             on conflict (company, who, room) do update set number = excluded.number, at = excluded.at
             where room_read.number < excluded.number or $6",
        )
        .bind(company)
        .bind(&caller.id)
        .bind(room)
        .bind(to)
        .bind(now)
        .bind(force)
        .exec()
        .await?;
    if let Some(person) = &caller.person {
        tx.sql("update room_mention set seen = true where company = $1 and person = $2 and room = $3 and not seen")
            .bind(company)
            .bind(person.id)
            .bind(room)
            .exec()
            .await?;
    }
    if moved == 1 {
        let data = json!({"kind": "read", "roomId": room, "readTo": to, "at": now});
        live::note(tx, company, "read", &[Item::new(Audience::Who(caller.id.clone()), &data)], now).await?;
        return Ok(to);
    }
    let read = tx.sql("select number from room_read where company = $1 and who = $2 and room = $3");
    Ok(read.bind(company).bind(&caller.id).bind(room).one().await?)
}

/// What a room was before a customer wrote.
#[derive(Debug, Deserialize)]
pub(crate) struct Before {
    status: i64,
    assignee: Option<Uuid>,
    team: Option<i64>,
    messages: i64,
}

/// What a room is before a customer's message is stored.
pub(crate) async fn before(tx: &mut Conn, company: i64, room: Uuid) -> Result<Before, db::Error> {
    // Held, so that a person who claims the room meanwhile comes before this message or after it.
    let query = tx.sql("select status, assignee, team, messages from room where company = $1 and id = $2");
    query.bind(company).bind(room).held().one().await
}

/// What follows from a customer's message: a room that rested is open again, one that is nobody's may find somebody, and readers
/// are told at once; subscriptions not before the second time.
pub(crate) async fn written(
    tx: &mut Conn,
    app: &App,
    (company, account, room): (i64, &str, Uuid),
    before: &Before,
    (number, version): (i64, i64),
    (now, from): (i64, i64),
) -> Result<(), Error> {
    if before.status != Status::Open as i64 {
        let change =
            Change { company, reference: format!("room/{room}"), actor: "system", action: "reopened", at: now };
        let status = |status: i64| json!({"status": status_word(status)});
        audit::record(tx, &change, &status(before.status), &status(Status::Open as i64)).await?;
    }
    if before.status == Status::Closed as i64 {
        raise(tx, company, room, "RoomReopened", "system", (now, from)).await?;
    }
    let mut to =
        Audience::Room { account: account.to_owned(), assignees: vec![before.assignee], teams: vec![before.team] };
    let is_new = before.messages == 0 || before.status == Status::Closed as i64;
    let chosen = match before.assignee.is_none() && is_new {
        true => assign::choose(tx, app, (company, account, room)).await?,
        false => None,
    };
    let mut items = Vec::new();
    if let Some((person, team)) = chosen {
        if let Audience::Room { assignees, teams, .. } = &mut to {
            assignees.push(Some(person));
            teams.push(before.team.or(Some(team)));
        }
        let data = json!({
            "kind": "room", "roomId": room, "version": version + 1, "action": "assigned", "actor": "rule", "at": now,
            "status": "open", "assignee": person, "team": before.team.unwrap_or(team),
        });
        live::note(tx, company, "room", &[Item::new(to.clone(), &data)], now).await?;
        raise(tx, company, room, "RoomAssigned", "rule", (now, from)).await?;
    }
    let data = json!({"kind": "messages", "roomId": room, "from": number, "to": number, "version": version, "at": now});
    items.push(Item::new(to, &data));
    Ok(live::note(tx, company, "messages", &items, now).await?)
}

/// Tells the readers of a room that messages of it have come further, or not at all.
pub(crate) async fn delivered(tx: &mut Conn, company: i64, room: Uuid, now: i64) -> Result<(), db::Error> {
    let access: Option<RoomAccess> = tx
        .sql("select id, account, platform, messages, assignee, team, version from room where company = $1 and id = $2")
        .bind(company)
        .bind(room)
        .optional()
        .await?;
    let Some(access) = access else { return Ok(()) };
    let to = access.audience();
    let (messages, version) = (access.messages, access.version);
    let data = json!({"kind": "delivery", "roomId": room, "messages": messages, "version": version, "at": now});
    live::note(tx, company, "delivery", &[Item::new(to, &data)], now).await
}

/// A person answered: a room that rested is open again.
pub(super) async fn answered(tx: &mut Conn, caller: &Caller, room: Uuid, now: i64) -> Result<(), Error> {
    let access = rights::must(tx, caller, room).await?;
    let old = held(tx, caller.company, room).await?;
    if old.status == Status::Open as i64 {
        return Ok(());
    }
    let new = State { status: Status::Open as i64, waiting_until: None, ..old.clone() };
    store(tx, caller.company, room, &new).await?;
    let reference = format!("room/{room}");
    let change = Change { company: caller.company, reference, actor: &caller.id, action: "updated", at: now };
    audit::record(tx, &change, &old.entered(&[]), &new.entered(&[])).await?;
    tell(tx, caller.company, &access, (&old, &new), &caller.id, now).await
}

/// Opens a room again that was put off until now; the job of its key.
pub(crate) async fn wake(app: &App, job: &Job) -> Result<Next, Error> {
    let Ok(room) = Uuid::parse_str(&job.key) else { return Ok(Next::Done) };
    let (company, now) = (job.company, app.now());
    let next = app
        .db
        .write(async |mut tx| {
            let access: Option<RoomAccess> = tx
                .sql("select id, account, messages, assignee, team, platform, version from room where company = $1 and id = $2")
                .bind(company)
                .bind(room)
                .optional()
                .await?;
            let Some(access) = access else { return Ok(Next::Done) };
            let old = held(&mut tx, company, room).await?;
            match old.waiting_until.filter(|_| old.status == Status::Waiting as i64) {
                None => return Ok(Next::Done),
                Some(until) if until > now => return Ok(Next::At(until)),
                Some(_) => {}
            }
            let new = State { status: Status::Open as i64, waiting_until: None, ..old.clone() };
            store(&mut tx, company, room, &new).await?;
            let change =
                Change { company, reference: format!("room/{room}"), actor: "system", action: "woken", at: now };
            audit::record(&mut tx, &change, &old.entered(&[]), &new.entered(&[])).await?;
            tell(&mut tx, company, &access, (&old, &new), "system", now).await?;
            Ok::<_, Error>(Next::Done)
        })
        .await?;
    app.live.wake(company);
    Ok(next)
}
