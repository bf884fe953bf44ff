//! Group commit, which only SQLite has: these tests run on it whichever engine the others are run on.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
    task::Poll,
    time::Duration,
};

use db::{Conn, Error, Options};
use tokio::sync::Notify;

use crate::support::{Test, add, sqlite_with};

pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// A group never grows too old here, so that who is in it does not depend on the speed of the machine.
pub(crate) fn patient() -> Options {
    Options { group_age: Duration::from_secs(600), ..Options::default() }
}

/// Runs the units as one group: all of them wait while the first holds the writer.
pub(crate) async fn together(test: &Test, units: Vec<Answer<'_>>) -> Vec<Result<(), Error>> {
    let gate = Notify::new();
    let runs = AtomicU32::new(0);
    let mut units: Vec<Option<Answer<'_>>> = units.into_iter().map(Some).collect();
    let mut answers: Vec<Option<Result<(), Error>>> = units.iter().map(|_| None).collect();
    let mut holder: Answer<'_> = Box::pin(test.write(async |mut tx| {
        tx.sql("update room set last = last + 1 where company = 1 and id = 1").exec().await?;
        if runs.fetch_add(1, Ordering::Relaxed) == 0 {
            gate.notified().await;
        }
        Ok(())
    }));
    let mut held = None;
    let mut open = false;
    poll_fn(|cx| {
        if held.is_none()
            && let Poll::Ready(answer) = holder.as_mut().poll(cx)
        {
            held = Some(answer);
        }
        for (unit, answer) in units.iter_mut().zip(&mut answers) {
            if let Some(future) = unit
                && let Poll::Ready(result) = future.as_mut().poll(cx)
            {
                *unit = None;
                *answer = Some(result);
            }
        }
        if !std::mem::replace(&mut open, true) {
            gate.notify_one();
        }
        if held.is_some() && units.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    assert_eq!(held, Some(Ok(())));
    answers.into_iter().map(|answer| answer.unwrap()).collect()
}

fn message(test: &Test, id: i64) -> Answer<'_> {
    Box::pin(async move { test.write(async |mut tx| add(&mut tx, id).await).await })
}

fn unit<'a>(test: &'a Test, text: &'static str) -> Answer<'a> {
    Box::pin(async move { test.write(async |mut tx| tx.sql(text).exec().await.map(drop)).await })
}

#[tokio::test]
async fn units_that_wait_share_a_commit_of_at_most_64() {
    let test = sqlite_with(patient()).await;
    let before = test.stats();
    let units = (0..100).map(|id| message(&test, id)).collect();
    for answer in together(&test, units).await {
        assert_eq!(answer, Ok(()));
    }
    let after = test.stats();
    assert_eq!(after.members - before.members, 101);
    assert_eq!(after.commits - before.commits, 2);
    assert_eq!((after.largest_group, after.run_again, after.waiting), (64, 0, 0));
    assert_eq!(test.messages().await.len(), 100);
}

#[tokio::test]
async fn a_unit_alone_is_committed_at_once() {
    let test = sqlite_with(patient()).await;
    let before = test.stats();
    for id in 0..3 {
        message(&test, id).await.unwrap();
        assert_eq!(test.messages().await.len(), usize::try_from(id).unwrap() + 1);
    }
    assert_eq!(test.stats().commits - before.commits, 3);
}

#[tokio::test]
async fn one_that_fails_touches_no_other() {
    let test = sqlite_with(patient()).await;
    let units =
        vec![message(&test, 1), message(&test, 1), message(&test, 2), unit(&test, "nonsense"), message(&test, 3)];
    let answers = together(&test, units).await;
    assert!(
        matches!(&answers[..], [Ok(()), Err(Error::Duplicate(_)), Ok(()), Err(Error::Sql(_)), Ok(())]),
        "{answers:?}"
    );
    assert_eq!(test.messages().await, [1, 2, 3]);
    assert_eq!((test.stats().run_again, test.stats().largest_group), (0, 6));
}

#[tokio::test]
async fn the_first_of_a_group_may_fail_or_be_dropped() {
    let test = sqlite_with(patient()).await;
    let failed = test
        .write(async |mut tx| {
            add(&mut tx, 1).await?;
            tx.sql("nonsense").exec().await
        })
        .await;
    assert!(matches!(failed, Err(Error::Sql(_))), "{failed:?}");
    let refused = test
        .write(async |mut tx| {
            add(&mut tx, 1).await?;
            Err::<(), _>(Error::Busy)
        })
        .await;
    assert_eq!(refused, Err(Error::Busy));
    let inside = Notify::new();
    let dropped = test.write(async |mut tx| {
        add(&mut tx, 2).await?;
        inside.notify_one();
        std::future::pending::<()>().await;
        Ok::<_, Error>(())
    });
    tokio::select! {
        _ = dropped => unreachable!(),
        () = inside.notified() => {}
    }
    assert_eq!(message(&test, 3).await, Ok(()));
    assert_eq!(test.messages().await, [3]);
    assert_eq!(test.stats().run_again, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_place_lets_others_in() {
    let test = std::sync::Arc::new(sqlite_with(patient()).await);
    let before = test.stats();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let test = std::sync::Arc::clone(&test);
            tokio::spawn(async move {
                for id in 0..50 {
                    test.write(async |mut tx| add(&mut tx, task * 100 + id).await).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    let after = test.stats();
    assert_eq!((after.members - before.members, after.run_again), (400, 0));
    assert_eq!(test.messages().await.len(), 400);
}

#[tokio::test]
async fn when_one_ends_the_transaction_the_innocent_run_again() {
    let test = sqlite_with(patient()).await;
    let guilty = "insert or rollback into room (company, id) values (1, 1)";
    let units = vec![message(&test, 1), unit(&test, guilty), message(&test, 2)];
    let answers = together(&test, units).await;
    assert!(matches!(&answers[..], [Ok(()), Err(Error::Duplicate(_)), Ok(())]), "{answers:?}");
    assert_eq!(test.messages().await, [1, 2]);
    // What comes after the end of the transaction must not be written on its own.
    let swallowed: Answer<'_> = Box::pin(test.write(async |mut tx| {
        let _ = tx.sql(guilty).exec().await;
        let _ = add(&mut tx, 9).await;
        Ok(())
    }));
    let answers = together(&test, vec![swallowed, message(&test, 3)]).await;
    assert!(matches!(&answers[..], [Err(Error::Duplicate(_)), Ok(())]), "{answers:?}");
    assert_eq!(test.messages().await, [1, 2, 3]);
    let last: i64 = test.read().await.unwrap().sql("select last from room").one().await.unwrap();
    assert_eq!(last, 2);
}

#[tokio::test]
async fn a_failed_commit_acknowledges_nobody() {
    let test = sqlite_with(patient()).await;
    // A deferred foreign key, which migrations refuse, fails at COMMIT only: for the whole group.
    rusqlite::Connection::open(test.home.path())
        .unwrap()
        .execute_batch(
            "create table late (id int primary key, of int references late (id) deferrable initially deferred)",
        )
        .unwrap();
    let runs = AtomicU32::new(0);
    let orphan: Answer<'_> = Box::pin(test.write(async |mut tx| {
        tx.sql("insert into late values (1, 99)").exec().await?;
        tx.sql("insert into room (company, id, name) values (1, 5, 'taken')").exec().await.map(drop)
    }));
    // This one is told of a conflict with a row that will never have existed.
    let conflict: Answer<'_> = Box::pin(test.write(async |mut tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.sql("insert into room (company, id, name) values (1, 6, 'taken')").exec().await.map(drop)
    }));
    let answers = together(&test, vec![orphan, conflict, message(&test, 1)]).await;
    assert!(matches!(&answers[..], [Err(Error::Reference(_)), Ok(()), Ok(())]), "{answers:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(test.messages().await, [1]);
    let rooms: Vec<i64> = test.read().await.unwrap().sql("select id from room order by id").all().await.unwrap();
    assert_eq!(rooms, [1, 6]);
    assert_eq!(test.stats().run_again, 4);
}

async fn fill(tx: &mut Conn, id: i64, bytes: usize) -> Result<(), Error> {
    let insert = tx.sql("insert into thing (id, bytes_) values ($1, $2)");
    insert.bind(id).bind(vec![7_u8; bytes]).exec().await.map(drop)
}

#[tokio::test]
async fn a_full_disk_is_full_for_the_large_and_not_for_the_small() {
    let test = sqlite_with(Options { sqlite_max_pages: Some(100), ..patient() }).await;
    let large: Answer<'_> = Box::pin(test.write(async |mut tx| fill(&mut tx, 1, 1_000_000).await));
    let small: Answer<'_> = Box::pin(test.write(async |mut tx| fill(&mut tx, 2, 1_000).await));
    let answers = together(&test, vec![message(&test, 1), large, small, message(&test, 2)]).await;
    assert_eq!(answers, [Ok(()), Err(Error::Full), Ok(()), Ok(())]);
    assert_eq!(test.messages().await, [1, 2]);
    // Until nothing fits any more; then it is still whole and can be read.
    let mut id = 10;
    while test.write(async |mut tx| fill(&mut tx, id, 10_000).await).await != Err(Error::Full) {
        id += 1;
    }
    assert!(id > 11);
    let things: i64 = test.read().await.unwrap().sql("select count(*) from thing").one().await.unwrap();
    assert_eq!(things, id - 10 + 1);
    let whole: String = rusqlite::Connection::open(test.home.path())
        .unwrap()
        .query_row("pragma integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

#[tokio::test]
async fn one_that_is_dropped_mid_group_takes_only_its_own_back() {
    let test = sqlite_with(patient()).await;
    let inside = Notify::new();
    let dropped: Answer<'_> = Box::pin(async {
        let unit = test.write(async |mut tx| {
            add(&mut tx, 2).await?;
            inside.notify_one();
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        });
        tokio::select! {
            _ = unit => unreachable!(),
            () = inside.notified() => Ok(()),
        }
    });
    let answers = together(&test, vec![message(&test, 1), dropped, message(&test, 3)]).await;
    assert_eq!(answers, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(test.messages().await, [1, 3]);
    assert_eq!(test.stats().run_again, 0);
}

#[tokio::test]
async fn the_last_of_a_group_may_be_dropped() {
    let test = sqlite_with(patient()).await;
    let inside = Notify::new();
    let dropped: Answer<'_> = Box::pin(async {
        let unit = test.write(async |mut tx| {
            add(&mut tx, 2).await?;
            inside.notify_one();
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        });
        tokio::select! {
            _ = unit => unreachable!(),
            () = inside.notified() => Ok(()),
        }
    });
    let answers = together(&test, vec![message(&test, 1), dropped]).await;
    assert_eq!(answers, [Ok(()), Ok(())]);
    assert_eq!(test.messages().await, [1]);
}

#[tokio::test]
async fn a_statement_that_does_not_end_is_interrupted() {
    let test = sqlite_with(Options { hold_limit: Duration::from_millis(200), ..patient() }).await;
    let endless = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";
    // On another thread, since it blocks the one it runs on.
    let db = test.db.clone();
    let stuck = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(db.write(async |mut tx| tx.sql(endless).one::<i64>().await))
    });
    assert_eq!(tokio::task::spawn_blocking(move || stuck.join().unwrap()).await.unwrap(), Err(Error::Busy));
    message(&test, 1).await.unwrap();
    assert_eq!(test.messages().await, [1]);
}

#[tokio::test]
async fn the_log_does_not_grow_without_bound() {
    let test = sqlite_with(Options::default()).await;
    for id in 0..40 {
        test.write(async |mut tx| fill(&mut tx, id, 4_000_000).await).await.unwrap();
    }
    let log = test.home.path().with_extension("db-wal");
    let bytes = std::fs::metadata(log).unwrap().len();
    assert!(bytes < 100 << 20, "{bytes}");
}

#[tokio::test]
async fn the_members_of_a_group_do_not_wait_for_one_that_is_not_polled() {
    // However old the group may get.
    let test = sqlite_with(patient()).await;
    let gate = Notify::new();
    let mut first: Answer<'_> = Box::pin(test.write(async |mut tx| {
        add(&mut tx, 1).await?;
        gate.notified().await;
        Ok(())
    }));
    let mut second = message(&test, 2);
    poll_fn(|cx| {
        assert!(first.as_mut().poll(cx).is_pending() && second.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    gate.notify_one();
    assert_eq!(first.await, Ok(()));
    assert_eq!(second.await, Ok(()));
    assert_eq!(test.messages().await, [1, 2]);
}

/// Which index a statement is looked up by. Whichever SQLite takes when it knows nothing, one of the plans would be wrong.
async fn taken(test: &Test, text: &'static str) -> String {
    let plan: Vec<(i64, i64, i64, String)> = test.read().await.unwrap().sql(text).all().await.unwrap();
    plan[0].3.clone()
}

const FIRST_TWO: &str = "explain query plan select id from sampled where one = 1 and two = 7";
const LAST_TWO: &str = "explain query plan select id from sampled where two = 7 and three = 1";

#[tokio::test]
async fn tables_are_sampled_when_they_have_grown_tenfold() {
    let test = sqlite_with(Options::default()).await;
    let table = db::Migration {
        version: 2,
        name: "sampled",
        sql: "create table sampled (id bigint not null primary key, one bigint not null, two bigint not null,
                                    three bigint not null);
              create index sampled_one on sampled (one); create index sampled_two on sampled (two);
              create index sampled_three on sampled (three)",
    };
    test.migrate(&[crate::support::SCHEMA, table]).await.unwrap();
    let fill = async |ids: std::ops::Range<i64>, values: &'static str| {
        let mut rows = db::Rows::new(&[("id", db::Type::BigInt)]);
        for id in ids {
            rows.push([id.into()]);
        }
        let insert = async |mut tx: Conn| {
            tx.sql("insert into sampled (id, one, two, three) ").push_values(values, rows.clone()).exec().await
        };
        test.write(insert).await.unwrap();
    };
    // The second column tells nothing, the others everything.
    fill(0..100, "input.id, input.id, 7, input.id").await;
    test.tune().await.unwrap();
    assert!(taken(&test, FIRST_TWO).await.contains("sampled_one"));
    assert!(taken(&test, LAST_TWO).await.contains("sampled_three"));
    // Then it is the other way round; nothing is looked at again before the table is ten times what it was.
    fill(100..900, "input.id, 1, input.id, 1").await;
    test.tune().await.unwrap();
    assert!(taken(&test, FIRST_TWO).await.contains("sampled_one"));
    fill(900..60_000, "input.id, 1, input.id, 1").await;
    test.tune().await.unwrap();
    assert!(taken(&test, FIRST_TWO).await.contains("sampled_two"));
    assert!(taken(&test, LAST_TWO).await.contains("sampled_two"));
    let mut reader = test.read().await.unwrap();
    let found = reader.sql("select count(*) from sampled where one = 1 and two = 700").one::<i64>().await;
    assert_eq!(found, Ok(1));
}
