//! What only a server can do to us: ignored unless the tests are run on one, as scripts/test.sh does.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use db::{Db, Error, Options};
use tokio::sync::Barrier;

use crate::support::{Home, NONE, add, test, test_with};

const KILL: &str = "select pg_terminate_backend($1, 5000)";

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn a_unit_whose_connection_is_killed_runs_again() {
    let test = test().await;
    for swallow in [false, true] {
        let runs = AtomicU32::new(0);
        let before = test.messages().await.len();
        let result = test
            .write(async |mut tx| {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                let pid: i64 = tx.sql("select pg_backend_pid()").one().await?;
                add(&mut tx, 10 * i64::from(swallow)).await?;
                if run == 0 {
                    assert!(test.read().await?.sql(KILL).bind(pid).one::<bool>().await?);
                    let dead = add(&mut tx, 2).await;
                    assert!(matches!(dead, Err(Error::Unavailable(_))), "{dead:?}");
                    if !swallow {
                        dead?;
                    }
                }
                Ok::<_, Error>(())
            })
            .await;
        assert_eq!(result, Ok(()));
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        assert_eq!(test.messages().await.len(), before + 1);
    }
    assert_eq!(test.stats().run_again, 2);
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn a_unit_that_is_killed_each_time_is_unavailable() {
    let test = test().await;
    let result = test
        .write(async |mut tx| {
            let pid: i64 = tx.sql("select pg_backend_pid()").one().await?;
            test.read().await?.sql(KILL).bind(pid).one::<bool>().await?;
            add(&mut tx, 1).await
        })
        .await;
    assert!(matches!(&result, Err(error @ Error::Unavailable(_)) if error.is_transient()), "{result:?}");
    assert_eq!(test.messages().await, NONE);
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn a_connection_that_dies_during_commit_leaves_the_outcome_unknown() {
    let test = test().await;
    test.write(async |mut tx| {
        tx.sql(
            "create function die() returns trigger language plpgsql as \
            $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$",
        )
        .exec()
        .await?;
        tx.sql("create constraint trigger die after insert on message deferrable initially deferred for each row execute function die()")
            .exec()
            .await
    })
    .await
    .unwrap();
    let runs = AtomicU32::new(0);
    let result = test
        .write(async |mut tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            add(&mut tx, 1).await
        })
        .await;
    assert_eq!(result, Err(Error::Unknown));
    assert!(!Error::Unknown.is_transient());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(test.messages().await, NONE);
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn a_deadlock_is_run_again() {
    let test = test().await;
    test.write(async |mut tx| tx.sql("insert into room (company, id) values (1, 2)").exec().await).await.unwrap();
    let both = Barrier::new(2);
    let cross = async |first: i64, second: i64| {
        let runs = AtomicU32::new(0);
        test.write(async |mut tx| {
            let lock = "update room set last = last + 1 where company = 1 and id = $1";
            tx.sql(lock).bind(first).exec().await?;
            if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                both.wait().await;
            }
            tx.sql(lock).bind(second).exec().await
        })
        .await
    };
    let (one, two) = tokio::join!(cross(1, 2), cross(2, 1));
    assert_eq!((one, two), (Ok(1), Ok(1)));
    assert_eq!(test.stats().run_again, 1);
    let sums: Vec<i64> = test.read().await.unwrap().sql("select last from room order by id").all().await.unwrap();
    assert_eq!(sums, [2, 2]);
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn a_statement_that_is_dropped_on_its_way_fails_the_unit() {
    let test = test_with(Options { pool_size: 1, ..Options::default() }).await;
    for more in [false, true] {
        let result = test
            .write(async |mut tx| {
                add(&mut tx, 1).await?;
                tokio::select! {
                    biased;
                    _ = tx.sql("insert into room (company, id) values (1, 1)").exec() => unreachable!(),
                    () = std::future::ready(()) => {}
                }
                if more {
                    assert!(add(&mut tx, 2).await.is_err());
                }
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(result, Err(Error::Sql(_))), "{result:?}");
        assert_eq!(test.messages().await, NONE);
    }
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn a_changed_table_makes_statements_be_prepared_again() {
    let test = test_with(Options { pool_size: 2, ..Options::default() }).await;
    let text = "select * from room";
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Room {
        id: i64,
        #[serde(default)]
        added: Option<i64>,
    }
    let mut reader = test.read().await.unwrap();
    assert_eq!(reader.sql(text).one::<Room>().await.unwrap().added, None);
    test.write(async |mut tx| {
        tx.sql(text).one::<Room>().await?;
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let change =
        db::Migration { version: 2, name: "add", sql: "alter table room add column added bigint not null default 7" };
    let other = test.home.open(Options::default()).await;
    other.migrate(&[crate::support::SCHEMA, change]).await.unwrap();
    assert_eq!(reader.sql(text).one::<Room>().await, Ok(Room { id: 1, added: Some(7) }));
    let written = test.write(async |mut tx| tx.sql(text).one::<Room>().await).await;
    assert_eq!(written, Ok(Room { id: 1, added: Some(7) }));
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn the_server_is_trusted_as_far_as_sslmode_says() {
    let home = Home::new().await;
    let mark = if home.url.contains('?') { '&' } else { '?' };
    let open = async |url: &str, mode: &str| Db::open(&format!("{url}{mark}sslmode={mode}"), Options::default()).await;
    // Whether the connection is encrypted, or that there is none.
    let encrypted = async |url: &str, mode: &str| -> Result<bool, Error> {
        let db = open(url, mode).await?;
        let mut reader = db.read().await?;
        reader.sql("select ssl from pg_stat_ssl where pid = pg_backend_pid()").one().await
    };
    let refused = |result: Result<bool, Error>| assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    assert_eq!(encrypted(&home.url, "disable").await, Ok(false));
    assert_eq!(encrypted(&home.url, "allow").await, Ok(false));
    let Ok(root) = std::env::var("SALA_TEST_POSTGRES_ROOT") else {
        // A server without TLS.
        assert_eq!(encrypted(&home.url, "prefer").await, Ok(false));
        return refused(encrypted(&home.url, "require").await);
    };
    let named = home.url.replace("127.0.0.1", "localhost");
    assert_eq!(encrypted(&home.url, "prefer").await, Ok(true));
    assert_eq!(encrypted(&home.url, "require").await, Ok(true));
    for mode in ["require", "verify-ca"] {
        assert_eq!(encrypted(&home.url, &format!("{mode}&sslrootcert={root}")).await, Ok(true));
    }
    assert_eq!(encrypted(&named, &format!("verify-full&sslrootcert={root}")).await, Ok(true));
    // The name is not in the certificate; the root is not among those of the system.
    refused(encrypted(&home.url, &format!("verify-full&sslrootcert={root}")).await);
    refused(encrypted(&named, "verify-full").await);
    refused(encrypted(&named, "verify-ca").await);
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn abandoned_connections_do_not_exhaust_the_pool() {
    let options = Options { pool_size: 2, acquire_timeout: Duration::from_secs(30), ..Options::default() };
    let test = test_with(options).await;
    for _ in 0..10 {
        let unit = test.write(async |mut tx| {
            add(&mut tx, 1).await?;
            tx.sql("select pg_sleep(600)").exec().await
        });
        // Dropped while the server is busy with it.
        assert!(tokio::time::timeout(Duration::from_millis(20), unit).await.is_err());
    }
    assert_eq!(test.messages().await, NONE);
}
