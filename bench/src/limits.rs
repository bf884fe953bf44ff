//! What Sala is compared with: the statements of sending a message, without Sala.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::Result;
use crate::seed;
use crate::server::{COMPANY, Sala};

/// Messages a second straight through rusqlite: the settings of Sala's own writer, one thread, a COMMIT after each group.
pub(crate) fn rusqlite(sala: &Sala, group: u32, time: Duration) -> Result<f64> {
    let connection = Connection::open(sala.file())?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma foreign_keys = on;
         pragma wal_autocheckpoint = 16384",
    )?;
    let mut begin = connection.prepare("begin immediate")?;
    let mut commit = connection.prepare("commit")?;
    let mut room = connection.prepare(
        "update room
         set messages = messages + 1, last_message = ?1, last_kind = 'message', last_content = ?2, last_at = ?3,
             last_reply_at = ?3, unread = 0, unanswered = false
         where company = ?4 and id = ?5 and platform = 1
         returning company, id, messages",
    )?;
    let mut message = connection.prepare(
        "insert into message (company, id, room, number, client, kind, content, body, sent_at, stored_at, delivery,
                              first_of_customer, trace)
         values (?1, ?2, ?3, ?4, 'bench', 'message', ?5, null, ?6, ?6, 1, false, '4bf92f3577b34da6a3ce929d0e0e4736')",
    )?;
    let mut job = connection.prepare(
        "insert into job (company, kind, key, run_at, version, tries, dead, created_at)
         values (?1, 'deliver', ?2, ?3, 1, 0, false, ?3)
         on conflict (company, kind, key) do update
         set version = job.version + 1, dead = false,
             run_at = case when job.dead then excluded.run_at else job.run_at end",
    )?;
    let (text, preview) = ("m".repeat(300), "m".repeat(100));
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        begin.raw_execute()?;
        for _ in 0..group {
            let (id, at) = (Uuid::now_v7(), 1_763_884_800_000_i64 + i64::from(count));
            let place = seed::room(spread(count.into(), seed::ROOMS));
            let number: i64 =
                room.query_row(params![id.as_bytes(), preview, at, COMPANY, place.as_bytes()], |row| row.get(2))?;
            message.execute(params![COMPANY, id.as_bytes(), place.as_bytes(), number, text, at])?;
            job.execute(params![COMPANY, place.to_string(), at])?;
            count += 1;
        }
        commit.raw_execute()?;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

/// The room of a request: all rooms in turn, in an order that no index has.
#[expect(clippy::cast_possible_truncation, reason = "smaller than a u32 by the remainder")]
pub(crate) fn spread(number: u64, rooms: u32) -> u32 {
    (number.wrapping_mul(7_919) % u64::from(rooms)) as u32
}

/// A private PostgreSQL with its default durability; it ends with this value.
pub(crate) struct Postgres {
    script: Child,
    url: String,
}

impl Postgres {
    pub(crate) fn start() -> Result<Postgres> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres.sh");
        let mut script = Command::new(script)
            .args(["sh", "-c", "echo \"$SALA_TEST_POSTGRES\"; cat >/dev/null"])
            .env("SALA_TEST_POSTGRES_FSYNC", "on")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(stdout) = script.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        let url = url.trim().trim_end_matches("/postgres").to_owned();
        let postgres = Postgres { script, url };
        match postgres.url.is_empty() {
            true => Err("no PostgreSQL could be started".into()),
            false => Ok(postgres),
        }
    }

    /// The address of one of its databases.
    pub(crate) fn database(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// Runs a text in a database and answers what it prints.
    pub(crate) fn psql(&self, database: &str, text: &str) -> Result<String> {
        let mut psql = Command::new(program("psql")?)
            .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", &self.database(database)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = psql.stdin.take() {
            stdin.write_all(text.as_bytes())?;
        }
        let output = psql.wait_with_output()?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err("psql failed".into()),
        }
    }

    /// Messages a second with the combined statement: pgbench, 16 clients, prepared.
    pub(crate) fn pgbench(&self, database: &str, folder: &std::path::Path, time: Duration) -> Result<f64> {
        let script = folder.join("send.pgbench");
        std::fs::write(&script, COMBINED.replace("507", &COMPANY.to_string()))?;
        let seconds = time.as_secs().max(1).to_string();
        let output = Command::new(program("pgbench")?)
            .args(["-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", &seconds, "-f"])
            .arg(&script)
            .arg(self.database(database))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("tps = "));
        let rate = line.and_then(|line| line.split_whitespace().nth(2)?.parse().ok());
        rate.ok_or_else(|| format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The script ends its server when the command that it runs has read everything.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// A program of PostgreSQL's, from the PATH or from Debian's folders, the newest first.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|folders| folders.flatten().map(|folder| folder.path().join("bin")).collect())
        .unwrap_or_default();
    places.sort();
    places.reverse();
    places.extend(std::env::split_paths(&path));
    let found = places.into_iter().map(|place| place.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| format!("{name} is not installed").into())
}

/// The three statements of sending one message as one. The message's id grows with time, as Sala's do.
const COMBINED: &str = "\
\\set n random(0, 999)
\\set x (:n * 2654435761) % 4294967296
with input as (
  select (lpad(to_hex(:x::bigint), 8, '0') || '-0000-4000-8000-000000000000')::uuid as room,
         (substr(t.hex, 1, 8) || '-' || substr(t.hex, 9, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid as id,
         t.at
  from (select lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') as hex,
               (extract(epoch from clock_timestamp()) * 1000)::bigint as at) as t
), moved as (
  update room
  set messages = room.messages + 1, last_message = input.id, last_kind = 'message', last_content = repeat('m', 100),
      last_at = input.at, last_reply_at = input.at, unread = 0, unanswered = false
  from input where room.company = 507 and room.id = input.room and room.platform = 1
  returning room.id as room, room.messages as number, input.id, input.at
), stored as (
  insert into message (company, id, room, number, client, kind, content, body, sent_at, stored_at, delivery,
                       first_of_customer, trace)
  select 507, id, room, number, 'bench', 'message', repeat('m', 300), null, at, at, 1, false,
         '4bf92f3577b34da6a3ce929d0e0e4736'
  from moved
)
insert into job (company, kind, key, run_at, version, tries, dead, created_at)
select 507, 'deliver', room::text, at, 1, 0, false, at from moved
on conflict (company, kind, key) do update
set version = job.version + 1, dead = false, run_at = case when job.dead then excluded.run_at else job.run_at end;
";
