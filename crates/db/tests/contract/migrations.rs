//! Migrations.

use std::time::Duration;

use db::{Error, Migrated, Migration, MigrationState, Options};

use crate::support::Home;

const ONE: Migration = Migration {
    version: 1,
    name: "one",
    sql: "create table a (id bigint not null primary key, data jsonb not null, flag boolean not null default false);
          -- a comment; with a semicolon
          create unique index a_flag on a (id) where flag;
          insert into a (id, data) values (1, '123');",
};
const TWO: Migration = Migration {
    version: 2,
    name: "two",
    sql: "alter table a add column name text not null default 'it''s; fine'; create table b (id uuid not null primary key, raw bytea)",
};
const BROKEN: Migration =
    Migration { version: 3, name: "broken", sql: "create table c (id bigint); insert into nowhere values (1)" };

#[tokio::test]
async fn migrations_are_applied_once_and_in_order() {
    let home = Home::new().await;
    let db = home.open(Options::default()).await;
    assert_eq!(db.migration_state(&[ONE, TWO]).await, Ok(MigrationState::Pending(2)));
    assert_eq!(db.migrate(&[ONE]).await, Ok(Migrated { applied: 1, version: 1 }));
    assert_eq!(db.migration_state(&[ONE, TWO]).await, Ok(MigrationState::Pending(1)));
    assert_eq!(db.migrate(&[ONE, TWO]).await, Ok(Migrated { applied: 1, version: 2 }));
    assert_eq!(db.migrate(&[ONE, TWO]).await, Ok(Migrated { applied: 0, version: 2 }));
    assert_eq!(db.migration_state(&[ONE, TWO]).await, Ok(MigrationState::Current));
    let mut reader = db.read().await.unwrap();
    let row: (serde_json::Value, bool, String) = reader.sql("select data, flag, name from a").one().await.unwrap();
    assert_eq!(row, (123.into(), false, "it's; fine".into()));
    let names: Vec<(i64, String)> =
        reader.sql("select version, name from _migration order by version").all().await.unwrap();
    assert_eq!(names, [(1, "one".into()), (2, "two".into())]);
    let late: i64 = reader.sql("select count(*) from _migration where applied_at > 1700000000000").one().await.unwrap();
    assert_eq!(late, 2);
}

#[tokio::test]
async fn the_state_of_an_untouched_database_is_looked_at_without_a_trace() {
    let home = Home::new().await;
    let db = home.open(Options::default()).await;
    assert_eq!(db.migration_state(&[]).await, Ok(MigrationState::Current));
    assert_eq!(db.migration_state(&[ONE]).await, Ok(MigrationState::Pending(1)));
    let found = db.read().await.unwrap().sql("select version from _migration").all::<i64>().await;
    assert!(matches!(found, Err(Error::Sql(_))), "{found:?}");
}

#[tokio::test]
async fn a_changed_text_and_a_newer_database_are_refused() {
    let home = Home::new().await;
    let db = home.open(Options::default()).await;
    db.migrate(&[ONE, TWO]).await.unwrap();
    let changed = Migration { sql: "create table a (id bigint)", ..ONE };
    assert_eq!(db.migrate(&[changed, TWO]).await, Err(Error::Changed(1)));
    assert_eq!(db.migration_state(&[changed, TWO]).await, Ok(MigrationState::Changed(1)));
    assert_eq!(db.migrate(&[ONE]).await, Err(Error::Newer(2)));
    assert_eq!(db.migration_state(&[ONE]).await, Ok(MigrationState::Newer(2)));
    let late = Migration { version: 5, ..TWO };
    assert_eq!(db.migrate(&[ONE, late]).await, Err(Error::Changed(2)));
    // The refusals have left the database as it was, and usable.
    assert_eq!(db.migrate(&[ONE, TWO]).await, Ok(Migrated { applied: 0, version: 2 }));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    let home = Home::new().await;
    let db = home.open(Options::default()).await;
    let failed = db.migrate(&[ONE, TWO, BROKEN]).await;
    assert!(matches!(&failed, Err(Error::Sql(text)) if text.contains("migration 3 broken")), "{failed:?}");
    assert_eq!(db.migration_state(&[ONE, TWO, BROKEN]).await, Ok(MigrationState::Pending(1)));
    let mended = Migration { sql: "create table c (id bigint)", ..BROKEN };
    assert_eq!(db.migrate(&[ONE, TWO, mended]).await, Ok(Migrated { applied: 1, version: 3 }));
}

#[tokio::test]
async fn what_could_not_be_undone_or_would_fail_a_group_is_refused() {
    let home = Home::new().await;
    let db = home.open(Options::default()).await;
    for sql in [
        "create table c (id bigint); commit; create table d (id bigint)",
        "create table c (id bigint references a (id) deferrable initially deferred)",
    ] {
        let refused = db.migrate(&[ONE, Migration { version: 2, name: "bad", sql }]).await;
        assert!(matches!(refused, Err(Error::Sql(_))), "{refused:?}");
    }
    assert_eq!(db.migration_state(&[ONE]).await, Ok(MigrationState::Pending(1)));
    assert!(matches!(db.migrate(&[TWO, ONE]).await, Err(Error::Sql(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_at_once_do_not_collide() {
    let home = Home::new().await;
    let mut nodes = Vec::new();
    for _ in 0..4 {
        let url = home.url.clone();
        nodes.push(tokio::spawn(async move {
            let db = db::Db::open(&url, Options::default()).await?;
            db.migrate(&[ONE, TWO]).await
        }));
    }
    let mut applied = 0;
    for node in nodes {
        applied += node.await.unwrap().unwrap().applied;
    }
    assert_eq!(applied, 2);
}

#[tokio::test]
async fn a_migration_takes_as_long_as_it_takes() {
    let home = Home::new().await;
    let options =
        Options { hold_limit: Duration::from_millis(10), read_limit: Duration::from_millis(10), ..Options::default() };
    let db = home.open(options).await;
    let slow = Migration {
        version: 2,
        name: "slow",
        sql: "insert into a (id, data) with recursive n (i) as (select 2 as i union all select i + 1 from n where i < 200000) \
              select i, '{}' from n",
    };
    assert_eq!(db.migrate(&[ONE, slow]).await, Ok(Migrated { applied: 2, version: 2 }));
}
