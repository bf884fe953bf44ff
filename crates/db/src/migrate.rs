//! Migrations: one text for both engines, applied in order, each with its record in one transaction.

use std::{
    fmt::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use deadpool_postgres::Object;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::{Error, Kind, postgres, postgres::Postgres, sqlite, sqlite::Sqlite, text};

/// The name under which SQLite knows a JSON column. It contains TEXT, which gives the column that affinity: under any
/// other, the JSON text `123` would be stored as a number.
pub(crate) const JSON: &str = "json_text";

const TABLE: &str = "create table if not exists _migration \
    (version bigint not null primary key, name text not null, checksum text not null, applied_at bigint not null)";

/// An arbitrary number that nodes agree on: the advisory lock taken while migrating.
const LOCK: i64 = 0x5a1a_0001;

/// A change of the schema. Its text, once applied anywhere, is never edited again.
///
/// The text holds several statements in the subset both engines share, with the types `bigint`, `text`, `boolean`,
/// `uuid`, `bytea` and `jsonb`. `create text index name` makes an index for [`crate::Conn::index_text`]. Deferred foreign keys are refused: on SQLite they would fail a whole group of units.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order.
    pub version: i64,
    /// What it is called in the record.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// What [`crate::Db::migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// How many migrations this call applied; another node may have applied the others meanwhile.
    pub applied: usize,
    /// The version the database is at now; zero when there are no migrations.
    pub version: i64,
}

/// How a database compares with the migrations of this binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// All are applied.
    Current,
    /// So many are missing.
    Pending(usize),
    /// A newer binary has brought the database to this version.
    Newer(i64),
    /// This migration was applied with another text, or out of order.
    Changed(i64),
}

/// Applied migrations: version and checksum, in order.
type Applied = Vec<(i64, String)>;

/// Compares what was applied with what this binary has.
pub(crate) fn compare(migrations: &[Migration], applied: &Applied) -> MigrationState {
    let newest = migrations.last().map_or(0, |m| m.version);
    if let Some((version, _)) = applied.iter().rfind(|(version, _)| *version > newest) {
        return MigrationState::Newer(*version);
    }
    // What was applied must be the beginning of the list, text by text.
    for (index, (version, sum)) in applied.iter().enumerate() {
        match migrations.get(index) {
            Some(migration) if migration.version == *version && checksum(migration.sql) == *sum => {}
            Some(migration) => return MigrationState::Changed(migration.version.min(*version)),
            None => return MigrationState::Changed(*version),
        }
    }
    match migrations.len() - applied.len() {
        0 => MigrationState::Current,
        pending => MigrationState::Pending(pending),
    }
}

/// The next migration to apply, or that there is none.
fn next<'m>(migrations: &'m [Migration], applied: &Applied) -> Result<Option<&'m Migration>, Error> {
    match compare(migrations, applied) {
        MigrationState::Current => Ok(None),
        MigrationState::Pending(_) => Ok(migrations.get(applied.len())),
        MigrationState::Newer(version) => Err(Error::Newer(version)),
        MigrationState::Changed(version) => Err(Error::Changed(version)),
    }
}

/// Refuses a list or a text that could not be applied the same way everywhere.
fn check(migrations: &[Migration]) -> Result<(), Error> {
    if !migrations.is_sorted_by(|a, b| a.version < b.version) || migrations.first().is_some_and(|m| m.version <= 0) {
        return Err(Error::Sql("migrations are numbered upwards from one".into()));
    }
    for migration in migrations {
        let wrong = |what: &str| Err(Error::Sql(format!("migration {}: {what}", migration.version)));
        for word in words(migration.sql) {
            let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word.text));
            if is(&["deferrable", "deferred"]) {
                return wrong("foreign keys are checked at once, not deferred");
            }
            if word.first && is(&["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"]) {
                return wrong("the transaction is the runner's");
            }
        }
    }
    Ok(())
}

pub(crate) async fn run_sqlite(database: &Sqlite, migrations: &[Migration]) -> Result<Migrated, Error> {
    check(migrations)?;
    let mut applied = 0;
    while database.alone(|connection| step_sqlite(connection, migrations)).await? {
        applied += 1;
    }
    Ok(Migrated { applied, version: migrations.last().map_or(0, |m| m.version) })
}

/// Applies the next migration; false when there is none.
fn step_sqlite(connection: &Connection, migrations: &[Migration]) -> Result<bool, Error> {
    connection.execute_batch("begin immediate").map_err(sqlite::error)?;
    let done = apply_sqlite(connection, migrations);
    let done = match done {
        Ok(done) => connection.execute_batch("commit").map_err(sqlite::error).map(|()| done),
        failed => failed,
    };
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("rollback").map_err(sqlite::error)?;
    }
    done
}

fn apply_sqlite(connection: &Connection, migrations: &[Migration]) -> Result<bool, Error> {
    connection.execute_batch(TABLE).map_err(sqlite::error)?;
    let applied = read_sqlite(connection)?;
    let Some(migration) = next(migrations, &applied)? else { return Ok(false) };
    connection
        .execute_batch(&translate(Kind::Sqlite, migration.sql))
        .map_err(sqlite::error_in_text)
        .map_err(|e| named(migration, e))?;
    connection
        .execute(
            "insert into _migration (version, name, checksum, applied_at) values (?1, ?2, ?3, ?4)",
            (migration.version, migration.name, checksum(migration.sql), now()),
        )
        .map_err(sqlite::error)?;
    Ok(true)
}

pub(crate) fn read_sqlite(connection: &Connection) -> Result<Applied, Error> {
    let mut statement =
        connection.prepare("select version, checksum from _migration order by version").map_err(sqlite::error)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite::error)?;
    rows.collect::<Result<_, _>>().map_err(sqlite::error)
}

pub(crate) async fn run_postgres(database: &Postgres, migrations: &[Migration]) -> Result<Migrated, Error> {
    check(migrations)?;
    // Out of the pool for good: when this future is dropped half way, closing the connection rolls back.
    let client = Object::take(database.connection().await?);
    let wrong = |fault: tokio_postgres::Error| postgres::error(&fault);
    let mut applied = 0;
    loop {
        // One node at a time; the lock goes with the transaction, and the table is looked at under it.
        let begin = format!("begin; select pg_advisory_xact_lock({LOCK}); {TABLE}");
        client.batch_execute(&begin).await.map_err(wrong)?;
        let Some(migration) = next(migrations, &postgres::applied(&client).await?)? else {
            client.batch_execute("commit").await.map_err(wrong)?;
            break;
        };
        client
            .batch_execute(&translate(Kind::Postgres, migration.sql))
            .await
            .map_err(|fault| named(migration, postgres::error(&fault)))?;
        let (name, sum) = (migration.name, checksum(migration.sql));
        client
            .execute(
                "insert into _migration (version, name, checksum, applied_at) values ($1, $2, $3, $4)",
                &[&migration.version, &name, &sum, &now()],
            )
            .await
            .map_err(wrong)?;
        client.batch_execute("commit").await.map_err(wrong)?;
        applied += 1;
    }
    Ok(Migrated { applied, version: migrations.last().map_or(0, |m| m.version) })
}

/// Says which migration it was where the error is a bug in its text.
fn named(migration: &Migration, fault: Error) -> Error {
    match fault {
        Error::Sql(message) => Error::Sql(format!("migration {} {}: {message}", migration.version, migration.name)),
        other => other,
    }
}

fn checksum(sql: &str) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(sql.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What must differ between the engines: the name of the JSON type, and text indexes.
fn translate(kind: Kind, sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 64);
    let mut from = 0;
    let mut replace = |first: &Word<'_>, last: &Word<'_>, by: &str| {
        text.push_str(&sql[from..first.at]);
        text.push_str(by);
        from = last.at + last.text.len();
    };
    let words: Vec<Word<'_>> = words(sql).collect();
    for (index, word) in words.iter().enumerate() {
        let is = |ahead: usize, name: &str| words.get(index + ahead).is_some_and(|w| w.text.eq_ignore_ascii_case(name));
        if kind == Kind::Sqlite && is(0, "jsonb") {
            replace(word, word, JSON);
        } else if word.first
            && is(0, "create")
            && is(1, "text")
            && is(2, "index")
            && let Some(name) = words.get(index + 3)
        {
            replace(word, name, &text::definition(kind, name.text));
        }
    }
    text.push_str(&sql[from..]);
    text
}

/// A word of an SQL text.
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    at: usize,
    /// Whether it begins a statement.
    first: bool,
}

/// The words of a text that are neither in quotes nor in comments.
pub(crate) fn words(sql: &str) -> impl Iterator<Item = Word<'_>> {
    let bytes = sql.as_bytes();
    let (mut at, mut first) = (0, true);
    let part = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80;
    std::iter::from_fn(move || {
        while let Some(&byte) = bytes.get(at) {
            let rest = &sql[at..];
            match byte {
                b'\'' | b'"' => {
                    let quote = char::from(byte);
                    at += rest[1..].find(quote).map_or(rest.len(), |end| end + 2);
                }
                b'-' if rest.starts_with("--") => at += rest.find('\n').unwrap_or(rest.len()),
                b'/' if rest.starts_with("/*") => at += rest.find("*/").map_or(rest.len(), |end| end + 2),
                b';' => {
                    first = true;
                    at += 1;
                }
                c if part(c) => {
                    let end = rest.bytes().position(|c| !part(c)).unwrap_or(rest.len());
                    let word = Word { text: &rest[..end], at, first: std::mem::take(&mut first) };
                    at += end;
                    return Some(word);
                }
                _ => at += 1,
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_type_is_translated() {
        let sql = "create table t (a jsonb not null, -- jsonb\n b text default 'jsonb ''jsonb', \"jsonb\" JSONB, ajsonb int);";
        assert_eq!(
            translate(Kind::Sqlite, sql),
            "create table t (a json_text not null, -- jsonb\n b text default 'jsonb ''jsonb', \"jsonb\" json_text, ajsonb int);"
        );
    }

    #[test]
    fn a_text_index_is_what_the_engine_makes_of_it() {
        let sql = "create table a (id int); -- create text index no\n Create Text Index a_text ; select 'create text index b'";
        for (kind, word) in [(Kind::Sqlite, "using fts5("), (Kind::Postgres, "using gin (")] {
            let made = translate(kind, sql);
            assert!(made.starts_with("create table a (id int); -- create text index no\n create "), "{made}");
            assert!(made.ends_with(" ; select 'create text index b'"), "{made}");
            assert!(made.contains(word) && made.contains(" a_text "), "{made}");
        }
        let same = "create index text on a (text)";
        assert_eq!(translate(Kind::Postgres, same), same);
    }

    fn one(sql: &'static str) -> Result<(), Error> {
        check(&[Migration { version: 1, name: "one", sql }])
    }

    #[test]
    fn a_text_may_not_control_the_transaction_or_defer() {
        assert!(one("create table t (a int); commit; create table u (a int)").is_err());
        assert!(one("create table t (a int references u deferrable initially deferred)").is_err());
        assert!(one("-- commit; \ncreate table t (a int, \"commit\" int default 1 /* deferrable */)").is_ok());
        assert!(one("create table \u{e9}t\u{e9} (a text default '\u{e9}')").is_ok());
    }

    #[test]
    fn numbers_go_up() {
        let m = |version| Migration { version, name: "", sql: "" };
        assert!(check(&[m(1), m(2), m(10)]).is_ok());
        assert!(check(&[m(2), m(1)]).is_err());
        assert!(check(&[m(1), m(1)]).is_err());
        assert!(check(&[m(0)]).is_err());
    }

    #[test]
    fn what_was_applied_must_be_the_beginning_of_the_list() {
        let m = |version, sql| Migration { version, name: "", sql };
        let applied = |list: &[(i64, &str)]| list.iter().map(|(v, s)| (*v, checksum(s))).collect::<Applied>();
        let mine = [m(1, "a"), m(2, "b"), m(4, "d")];
        assert_eq!(compare(&mine, &applied(&[])), MigrationState::Pending(3));
        assert_eq!(compare(&mine, &applied(&[(1, "a"), (2, "b"), (4, "d")])), MigrationState::Current);
        assert_eq!(compare(&mine, &applied(&[(1, "a"), (2, "x")])), MigrationState::Changed(2));
        assert_eq!(compare(&mine, &applied(&[(1, "a"), (4, "d")])), MigrationState::Changed(2));
        assert_eq!(compare(&mine, &applied(&[(1, "a"), (2, "b"), (3, "c")])), MigrationState::Changed(3));
        assert_eq!(compare(&mine, &applied(&[(1, "a"), (5, "e")])), MigrationState::Newer(5));
    }
}
