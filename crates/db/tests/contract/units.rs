//! Units of work: what both engines promise.

use std::{
    future::{pending, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

use db::{Conn, Db, Error, Options};
use tokio::sync::Notify;

use crate::support::{Home, NONE, add, test, test_with};

/// An error of the product, as its handlers have one.
#[derive(Debug, PartialEq)]
enum Refused {
    Rule,
    Db(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Db(error)
    }
}

/// Polls a future once, so that it is under way.
async fn begin<F: Future + Unpin>(future: &mut F) -> bool {
    poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_ready())).await
}

struct Input {
    name: String,
    items: Vec<String>,
}

async fn handler(db: Db, input: Input, company: i64) -> Result<i64, Refused> {
    db.write(async |mut tx| {
        for (id, item) in input.items.iter().enumerate() {
            let insert = tx.sql("insert into room (company, id, name) values ($1, $2, $3)");
            insert.bind(company).bind(i64::try_from(id).unwrap()).bind(item).exec().await?;
        }
        rename(&mut tx, company, &input.name).await
    })
    .await
}

async fn rename(tx: &mut Conn, company: i64, name: &str) -> Result<i64, Refused> {
    tx.sql("update room set name = $2 where company = $1 and id = 0").bind(company).bind(name).exec().await?;
    Ok(tx.sql("select count(*) from room where company = $1").bind(company).one().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_with_a_unit_is_send() {
    fn assert_send<T: Send + 'static>(value: T) -> T {
        value
    }
    let test = test().await;
    let input = Input { name: "n".into(), items: vec!["a".into(), "b".into()] };
    let handled = tokio::spawn(assert_send(handler(test.db.clone(), input, 7)));
    assert_eq!(handled.await.unwrap(), Ok(2));
}

#[tokio::test]
async fn a_unit_happens_as_a_whole_or_not_at_all() {
    let test = test().await;
    let refused = test
        .write(async |mut tx| {
            add(&mut tx, 1).await?;
            Err::<(), _>(Refused::Rule)
        })
        .await;
    assert_eq!(refused, Err(Refused::Rule));
    assert_eq!(test.messages().await, NONE);
    let seen = test
        .write(async |mut tx| {
            add(&mut tx, 2).await?;
            // Nobody else sees the change before it is committed.
            assert_eq!(test.messages().await, NONE);
            Ok::<_, Refused>(tx.sql("select count(*) from message").one::<i64>().await?)
        })
        .await;
    assert_eq!(seen, Ok(1));
    assert_eq!(test.messages().await, [2]);
}

#[tokio::test]
async fn a_swallowed_statement_error_fails_the_unit() {
    let test = test().await;
    let result = test
        .write(async |mut tx| {
            add(&mut tx, 1).await?;
            let _ = add(&mut tx, 1).await;
            // Whatever follows is refused with the same error.
            assert!(matches!(add(&mut tx, 2).await, Err(Error::Duplicate(_))));
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(result, Err(Error::Duplicate(_))), "{result:?}");
    assert_eq!(test.messages().await, NONE);
}

#[tokio::test]
async fn a_row_that_is_missing_or_does_not_fit_fails_nothing() {
    let test = test().await;
    let result = test
        .write(async |mut tx| {
            assert_eq!(tx.sql("select id from room where id = 9").one::<i64>().await, Err(Error::NoRow));
            assert!(matches!(tx.sql("select name from room").one::<i64>().await, Err(Error::Decode(_))));
            add(&mut tx, 1).await
        })
        .await;
    assert_eq!(result, Ok(()));
    assert_eq!(test.messages().await, [1]);
}

#[tokio::test]
async fn a_unit_keeps_what_it_has_read_of_a_tenant_and_a_reader_does_not() {
    let test = test().await;
    test.write(async |mut tx| {
        assert_eq!(tx.kept::<String>(1), None, "a unit that runs begins with nothing");
        assert_eq!(*tx.keep(1, "Bangkok".to_owned()), "Bangkok");
        assert_eq!(tx.kept::<String>(1).as_deref().map(String::as_str), Some("Bangkok"));
        assert_eq!((tx.kept::<String>(2), tx.kept::<i64>(1)), (None, None), "another tenant, another fact");
        tx.forget();
        assert_eq!(tx.kept::<String>(1), None);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let mut reader = test.read().await.unwrap();
    assert_eq!(*reader.keep(1, "Bangkok".to_owned()), "Bangkok");
    assert_eq!(reader.kept::<String>(1), None);
}

#[tokio::test]
async fn later_is_done_in_order_and_its_failure_fails_the_unit() {
    let test = test().await;
    let count = test
        .write(async |mut tx| {
            for id in 1..=40 {
                let insert = tx.sql("insert into message (company, id, room, body) values (1, $1, 1, '')");
                insert.bind(id).later().await?;
            }
            tx.sql("delete from message where id > 30").later().await?;
            let count = tx.sql("select count(*) from message").one::<i64>().await?;
            add(&mut tx, 50).await?;
            tx.sql("delete from message where id > 20 and id < 50").later().await?;
            Ok::<_, Error>(count)
        })
        .await;
    assert_eq!(count, Ok(30));
    assert_eq!(test.messages().await.len(), 21);

    // At the end, and with a statement after it.
    for more in [false, true] {
        let failed = test
            .write(async |mut tx| {
                add(&mut tx, 100).await?;
                let _ = tx.sql("insert into room (company, id) values (1, 1)").later().await;
                if more {
                    let _ = tx.sql("select count(*) from room").one::<i64>().await;
                }
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(failed, Err(Error::Duplicate(_))), "{failed:?}");
    }
    // Alone.
    let failed = test.write(async |mut tx| tx.sql("insert into room (company, id) values (1, 1)").later().await).await;
    assert!(matches!(failed, Err(Error::Duplicate(_))), "{failed:?}");
    assert_eq!(test.messages().await.len(), 21);
}

#[tokio::test]
async fn a_unit_that_is_dropped_half_way_leaves_nothing_behind() {
    // One connection, so that the next unit gets the one that was left.
    let test = test_with(Options { pool_size: 1, ..Options::default() }).await;
    for _ in 0..3 {
        let inside = Notify::new();
        let unit = test.write(async |mut tx| {
            add(&mut tx, 1).await?;
            inside.notify_one();
            pending::<()>().await;
            Ok::<_, Error>(())
        });
        tokio::select! {
            _ = unit => unreachable!(),
            () = inside.notified() => {}
        }
        test.write(async |mut tx| {
            assert_eq!(tx.sql("select count(*) from message").one::<i64>().await?, 0);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
    assert_eq!(test.messages().await, NONE);
}

#[tokio::test]
async fn a_unit_that_waits_and_is_dropped_holds_up_nobody() {
    let test = test().await;
    let gate = Notify::new();
    let mut first = Box::pin(test.write(async |mut tx| {
        add(&mut tx, 1).await?;
        gate.notified().await;
        Ok::<_, Error>(())
    }));
    let mut second = Box::pin(test.write(async |mut tx| add(&mut tx, 2).await));
    let mut third = Box::pin(test.write(async |mut tx| add(&mut tx, 3).await));
    assert!(!begin(&mut first).await);
    assert!(!begin(&mut second).await);
    assert!(!begin(&mut third).await);
    drop(second);
    gate.notify_one();
    let (first, third) = tokio::join!(first, third);
    assert_eq!((first, third), (Ok(()), Ok(())));
    let messages = test.messages().await;
    assert!(messages == [1, 3] || messages == [1, 2, 3], "{messages:?}");
}

#[tokio::test]
async fn a_unit_that_waits_and_is_not_polled_holds_up_nobody() {
    let test = test().await;
    let gate = Notify::new();
    let mut first = Box::pin(test.write(async |mut tx| {
        add(&mut tx, 1).await?;
        gate.notified().await;
        Ok::<_, Error>(())
    }));
    let mut second = Box::pin(test.write(async |mut tx| add(&mut tx, 2).await));
    assert!(!begin(&mut first).await);
    assert!(!begin(&mut second).await);
    gate.notify_one();
    // The second is given the turn, but nobody polls it: the first is answered all the same, and a third gets through.
    assert_eq!(first.await, Ok(()));
    assert_eq!(test.write(async |mut tx| add(&mut tx, 3).await).await, Ok(()));
    assert_eq!(second.await, Ok(()));
    assert_eq!(test.messages().await, [1, 2, 3]);
}

#[tokio::test]
async fn a_unit_that_holds_for_too_long_is_rolled_back() {
    let test = test_with(Options { hold_limit: Duration::from_millis(100), pool_size: 1, ..Options::default() }).await;
    let stuck = test.write(async |mut tx| {
        add(&mut tx, 1).await?;
        pending::<()>().await;
        Ok::<_, Error>(())
    });
    let other = test.write(async |mut tx| add(&mut tx, 2).await);
    let (stuck, other) = tokio::join!(stuck, other);
    assert_eq!((stuck, other), (Err(Error::Busy), Ok(())));
    assert_eq!(test.messages().await, [2]);
    assert!(test.stats().busy > 0);
}

#[tokio::test]
async fn a_panic_in_a_unit_rolls_back_and_the_others_go_on() {
    let test = test_with(Options { pool_size: 1, ..Options::default() }).await;
    let db = test.db.clone();
    let panicked = tokio::spawn(async move {
        db.write(async |mut tx| -> Result<(), Error> {
            add(&mut tx, 1).await?;
            panic!("on purpose");
        })
        .await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(test.write(async |mut tx| add(&mut tx, 2).await).await, Ok(()));
    assert_eq!(test.messages().await, [2]);
}

#[tokio::test]
async fn a_connection_that_escapes_its_unit_is_of_no_use() {
    let test = test_with(Options { pool_size: 1, ..Options::default() }).await;
    let mut escaped: Conn = test
        .write(async |mut tx| {
            add(&mut tx, 1).await?;
            Ok::<_, Error>(tx)
        })
        .await
        .unwrap();
    assert!(add(&mut escaped, 2).await.is_err());
    assert_eq!(test.write(async |mut tx| add(&mut tx, 3).await).await, Ok(()));
    assert!(add(&mut escaped, 4).await.is_err());
    assert_eq!(test.messages().await, [1, 3]);
}

async fn count_once(test: &crate::support::Test) {
    let tasks: Vec<_> = (0..64)
        .map(|id| {
            let db = test.db.clone();
            tokio::spawn(async move {
                db.write(async |mut tx| {
                    let next = "update room set last = last + 1 where company = 1 and id = 1 returning last";
                    let number: i64 = tx.sql(next).one().await?;
                    add(&mut tx, id).await?;
                    if id % 8 == 0 {
                        return Err(Refused::Rule);
                    }
                    Ok(number)
                })
                .await
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(number) => numbers.push(number),
            other => assert_eq!(other, Err(Refused::Rule)),
        }
    }
    numbers.sort_unstable();
    // The refused ones have taken no number.
    assert_eq!(numbers, (1..=56).collect::<Vec<_>>());
    assert_eq!(test.messages().await.len(), 56);
    let last: i64 = test.read().await.unwrap().sql("select last from room").one().await.unwrap();
    assert_eq!(last, 56);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_at_the_same_time_count_once_each_on_many_threads() {
    count_once(&test().await).await;
}

#[tokio::test]
async fn units_at_the_same_time_count_once_each_on_one_thread() {
    count_once(&test().await).await;
}

#[tokio::test]
async fn a_unit_that_waits_too_long_for_its_turn_is_busy() {
    let test =
        test_with(Options { pool_size: 1, acquire_timeout: Duration::from_millis(100), ..Options::default() }).await;
    let gate = Notify::new();
    let first = test.write(async |mut tx| {
        add(&mut tx, 1).await?;
        gate.notified().await;
        Ok::<_, Error>(())
    });
    let second = async {
        let result = test.write(async |mut tx| add(&mut tx, 2).await).await;
        gate.notify_one();
        result
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first, second), (Ok(()), Err(Error::Busy)));
    assert!(Error::Busy.is_transient());
    assert_eq!(test.messages().await, [1]);
}

#[tokio::test]
async fn readers_are_bounded_and_come_back() {
    let test =
        test_with(Options { pool_size: 2, acquire_timeout: Duration::from_millis(50), ..Options::default() }).await;
    let (first, second) = (test.read().await.unwrap(), test.read().await.unwrap());
    assert!(matches!(test.read().await, Err(Error::Busy)));
    assert_eq!((test.stats().pool_size, test.stats().pool_idle), (2, 0));
    drop(first);
    assert!(test.read().await.is_ok());
    drop(second);
    assert_eq!(test.stats().pool_idle, 2);
}

#[tokio::test]
async fn what_comes_after_close_is_unavailable() {
    let test = test().await;
    test.write(async |mut tx| add(&mut tx, 1).await).await.unwrap();
    test.close().await;
    assert!(matches!(test.read().await, Err(Error::Unavailable(_))));
    let result = test.write(async |mut tx| add(&mut tx, 2).await).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    let again = test.home.open(Options::default()).await;
    assert_eq!(again.read().await.unwrap().sql("select id from message").all::<i64>().await, Ok(vec![1]));
}

#[tokio::test]
async fn two_programs_write_the_same_database() {
    let home = Home::new().await;
    let one = home.open(Options::default()).await;
    one.migrate(&[crate::support::SCHEMA]).await.unwrap();
    let two = home.open(Options::default()).await;
    let gate = Notify::new();
    let runs = AtomicU32::new(0);
    let room = "insert into room (company, id, name) values (1, $1, '')";
    let first = one.write(async |mut tx| {
        tx.sql(room).bind(1).exec().await?;
        gate.notified().await;
        Ok::<_, Error>(())
    });
    let second = two.write(async |mut tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.sql(room).bind(2).exec().await
    });
    let release = async { gate.notify_one() };
    let (first, second, ()) = tokio::join!(first, second, release);
    assert_eq!((first, second), (Ok(()), Ok(1)));
    let count: i64 = two.read().await.unwrap().sql("select count(*) from room").one().await.unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_unavailable_and_says_no_secret() {
    for url in [
        "sqlite:/nowhere/at/all/test.db",
        "sqlite:",
        "mysql://u:secret@localhost/d",
        "postgres://u:secret@127.0.0.1:1/d",
        "postgresql://u:secret@127.0.0.1:1/d?sslmode=secret",
    ] {
        let error = Db::open(url, Options::default()).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable(text) if !text.contains("secret")), "{error:?}");
    }
    // The handle itself says no more than which engine it is.
    let test = test().await;
    assert_eq!(format!("{:?}", test.db), format!("Db({})", test.kind()));
    let shared = Arc::new(test.db.clone());
    assert_eq!(shared.kind(), test.kind());
}

#[tokio::test]
async fn a_read_that_does_not_end_is_stopped() {
    let options = Options { read_limit: Duration::from_millis(200), pool_size: 1, ..Options::default() };
    let test = test_with(options).await;
    for _ in 0..3 {
        let mut reader = test.read().await.unwrap();
        let endless =
            "with recursive n (i) as (select 1 as i union all select i + 1 from n where i > 0) select count(*) from n";
        // PostgreSQL would run out of integers before it ran out of time.
        let endless = if crate::support::on_postgres() { "select count(*) from pg_sleep(600)" } else { endless };
        assert_eq!(reader.sql(endless).one::<i64>().await, Err(Error::Busy));
    }
    assert_eq!(test.read().await.unwrap().sql("select count(*) from room").one::<i64>().await, Ok(1));
}

#[tokio::test]
async fn a_url_may_have_slashes() {
    let home = Home::new().await;
    if let Some(path) = home.url.strip_prefix("sqlite:") {
        let db = Db::open(&format!("sqlite://{path}"), Options::default()).await.unwrap();
        assert_eq!(db.read().await.unwrap().sql("select 1").one::<i64>().await, Ok(1));
        assert!(home.path().exists());
    } else {
        let db = Db::open(&home.url.replace("postgres://", "postgresql://"), Options::default()).await.unwrap();
        assert_eq!(db.read().await.unwrap().sql("select 1").one::<i64>().await, Ok(1));
    }
}

#[tokio::test]
async fn what_is_read_first_keeps_nobody_from_writing() {
    let test = test().await;
    let (read, written) = (Notify::new(), Notify::new());
    let last = "select last from room where company = 1 and id = 1";
    let unit = test.write(async |mut tx| {
        let before: i64 = tx.sql(last).one().await?;
        read.notify_one();
        written.notified().await;
        let after: i64 = tx.sql(last).one().await?;
        let held: i64 = tx.sql(last).held().one().await?;
        tx.sql("update room set last = last + 10 where company = 1 and id = 1").exec().await?;
        let own: i64 = tx.sql(last).one().await?;
        Ok::<_, Error>([before, after, held, own])
    });
    let other = async {
        read.notified().await;
        let add = "update room set last = last + 1 where company = 1 and id = 1";
        let done = test.write(async |mut tx| tx.sql(add).exec().await).await;
        written.notify_one();
        done
    };
    let (unit, other) = tokio::join!(unit, other);
    assert_eq!((unit, other), (Ok([0, 1, 1, 11]), Ok(1)));
}

#[tokio::test]
async fn a_unit_that_only_reads_waits_for_no_other() {
    let test = test().await;
    let (inside, gate) = (Notify::new(), Notify::new());
    let holder = test.write(async |mut tx| {
        add(&mut tx, 1).await?;
        inside.notify_one();
        gate.notified().await;
        Ok::<_, Error>(())
    });
    let other = async {
        inside.notified().await;
        let seen = test.write(async |mut tx| tx.sql("select id from message").all::<i64>().await).await;
        gate.notify_one();
        seen
    };
    let (held, seen) = tokio::join!(holder, other);
    assert_eq!((held, seen), (Ok(()), Ok(NONE.to_vec())));
    assert_eq!(test.messages().await, [1]);
}

#[tokio::test]
async fn a_unit_reads_also_when_no_reader_is_left() {
    let test = test_with(Options { pool_size: 2, ..Options::default() }).await;
    let _first = test.read().await.unwrap();
    let _second = if crate::support::on_postgres() { None } else { Some(test.read().await.unwrap()) };
    let seen = test.write(async |mut tx| tx.sql("select id from room").all::<i64>().await).await;
    assert_eq!(seen, Ok(vec![1]));
}

#[tokio::test]
async fn close_waits_for_the_units_under_way() {
    let test = test().await;
    let gate = Notify::new();
    let unit = test.write(async |mut tx| {
        gate.notified().await;
        add(&mut tx, 1).await
    });
    let close = async {
        gate.notify_one();
        test.close().await;
    };
    let (unit, ()) = tokio::join!(unit, close);
    assert_eq!(unit, Ok(()));
    let again = test.home.open(Options::default()).await;
    assert_eq!(again.read().await.unwrap().sql("select id from message").all::<i64>().await, Ok(vec![1]));
}
