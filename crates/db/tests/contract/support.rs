//! A database for one test.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use db::{Db, Error, Migration, Options};

/// Tables that most tests use.
pub(crate) const SCHEMA: Migration = Migration {
    version: 1,
    name: "schema",
    sql: "
        create table room (company bigint not null, id bigint not null, name text, last bigint not null default 0,
            primary key (company, id));
        create unique index room_name on room (company, name) where name <> '';
        create table message (company bigint not null, id bigint not null, room bigint not null, body text not null,
            primary key (company, id), foreign key (company, room) references room (company, id));
        create table thing (id bigint not null primary key, text_ text, uuid_ uuid, boolean_ boolean, bytes_ bytea,
            json_ jsonb, amount_ bigint, integer_ bigint);
    ",
};

pub(crate) enum Engine {
    Sqlite,
    Postgres(String),
}

pub(crate) fn engine() -> Engine {
    match std::env::var("SALA_TEST_DATABASE").as_deref() {
        Err(_) | Ok("" | "sqlite") => Engine::Sqlite,
        Ok("postgres") => {
            let url = std::env::var("SALA_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
            Engine::Postgres(
                url.expect("SALA_TEST_DATABASE=postgres needs SALA_TEST_POSTGRES, see scripts/postgres.sh"),
            )
        }
        Ok(other) => panic!("SALA_TEST_DATABASE is sqlite or postgres, not {other}"),
    }
}

pub(crate) fn on_postgres() -> bool {
    matches!(engine(), Engine::Postgres(_))
}

/// An empty database: a file in a folder, or a schema on the server.
pub(crate) struct Home {
    pub(crate) url: String,
    folder: Option<PathBuf>,
}

impl Home {
    pub(crate) async fn new() -> Self {
        Self::on(engine()).await
    }

    async fn on(engine: Engine) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        match engine {
            Engine::Sqlite => {
                let folder = std::env::temp_dir().join(format!("sala-db-{name}"));
                std::fs::create_dir_all(&folder).unwrap();
                Self { url: format!("sqlite:{}", folder.join("test.db").display()), folder: Some(folder) }
            }
            Engine::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
                let connection = tokio::spawn(connection);
                client
                    .batch_execute(&format!("drop schema if exists {name} cascade; create schema {name}"))
                    .await
                    .unwrap();
                drop(client);
                connection.await.unwrap().unwrap();
                let mark = if url.contains('?') { '&' } else { '?' };
                Self { url: format!("{url}{mark}options=-c%20search_path%3D{name}"), folder: None }
            }
        }
    }

    pub(crate) async fn open(&self, options: Options) -> Db {
        Db::open(&self.url, options).await.unwrap()
    }

    /// The file of a SQLite database.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.as_ref().unwrap().join("test.db")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// A database with the tables of [`SCHEMA`] and a room 1 of company 1.
pub(crate) struct Test {
    pub(crate) db: Db,
    pub(crate) home: Home,
}

impl std::ops::Deref for Test {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

pub(crate) async fn test() -> Test {
    test_with(Options::default()).await
}

pub(crate) async fn test_with(options: Options) -> Test {
    test_in(Home::new().await, options).await
}

/// The same on SQLite, whichever engine this run is about: for what only SQLite has.
pub(crate) async fn sqlite_with(options: Options) -> Test {
    test_in(Home::on(Engine::Sqlite).await, options).await
}

async fn test_in(home: Home, options: Options) -> Test {
    let db = home.open(options).await;
    db.migrate(&[SCHEMA]).await.unwrap();
    db.write(async |mut tx| tx.sql("insert into room (company, id, name) values (1, 1, 'one')").exec().await)
        .await
        .unwrap();
    Test { db, home }
}

impl Test {
    pub(crate) async fn messages(&self) -> Vec<i64> {
        self.read().await.unwrap().sql("select id from message order by id").all().await.unwrap()
    }
}

/// Adds a message, as a helper of the product would.
pub(crate) async fn add(tx: &mut db::Conn, id: i64) -> Result<(), Error> {
    let insert = tx.sql("insert into message (company, id, room, body) values (1, $1, 1, $2)");
    insert.bind(id).bind(format!("message {id}")).exec().await?;
    Ok(())
}

/// No messages at all.
pub(crate) const NONE: [i64; 0] = [];
