//! Statements and what is bound to them.

use db::{Error, Rows, Type};

use crate::support::{add, test};

#[tokio::test]
async fn values_are_bound_by_the_written_number() {
    let test = test().await;
    let mut reader = test.read().await.unwrap();
    let row: (String, i64, String) =
        reader.sql("select $2::text as a, $1::bigint as b, $2::text as c").bind(7_i64).bind("two").one().await.unwrap();
    assert_eq!(row, ("two".into(), 7, "two".into()));
    let ids: Vec<i64> = reader
        .sql("select id from room where name = $2 and company = $1 and (id = $3 or name = $2) limit $4")
        .bind(1)
        .bind("one")
        .bind(9)
        .bind(10)
        .all()
        .await
        .unwrap();
    assert_eq!(ids, [1]);
}

#[tokio::test]
async fn a_statement_grows_by_pushes() {
    let test = test().await;
    for (name, found) in [(Some("one"), 1), (Some("two"), 0), (None, 1)] {
        let mut reader = test.read().await.unwrap();
        let mut query = reader.sql("select count(*) from room where company = $1").bind(1);
        if let Some(name) = name {
            query = query.push(" and name = ").push_bind(name);
        }
        assert_eq!(query.push(" and id < ").push_bind(100).one::<i64>().await.unwrap(), found);
    }
}

#[tokio::test]
async fn too_many_or_too_few_values_are_an_error() {
    let test = test().await;
    let mut reader = test.read().await.unwrap();
    let few = reader.sql("select id from room where id = $1 and company = $2").bind(1).all::<i64>().await;
    assert!(matches!(few, Err(Error::Sql(_))), "{few:?}");
    let many = reader.sql("select id from room where id = $1").bind(1).bind(2).all::<i64>().await;
    assert!(matches!(many, Err(Error::Sql(_))), "{many:?}");
    // The connection is as good as before.
    assert_eq!(reader.sql("select count(*) from room").one::<i64>().await.unwrap(), 1);
}

#[tokio::test]
async fn one_optional_and_exec_tell_what_they_found() {
    let test = test().await;
    let mut reader = test.read().await.unwrap();
    assert_eq!(reader.sql("select id from room where id = 2").one::<i64>().await, Err(Error::NoRow));
    assert_eq!(reader.sql("select id from room where id = 2").optional::<i64>().await, Ok(None));
    drop(reader);
    let counts = test
        .write(async |mut tx| {
            for id in 0..5 {
                add(&mut tx, id).await?;
            }
            let updated = tx.sql("update message set body = 'x' where id >= $1").bind(2).exec().await?;
            let none = tx.sql("update message set body = 'x' where id = 99").exec().await?;
            let again = tx.sql("insert into room (company, id) values (1, 1) on conflict do nothing").exec().await?;
            let returned = tx.sql("delete from message where id < 2 returning id").exec().await?;
            let rest: Vec<i64> = tx.sql("delete from message returning id").all().await?;
            Ok::<_, Error>((updated, none, again, returned, rest.len()))
        })
        .await
        .unwrap();
    assert_eq!(counts, (3, 0, 0, 2, 3));
}

#[tokio::test]
async fn a_conflict_is_asked_for_not_caught() {
    let test = test().await;
    let ids = test
        .write(async |mut tx| {
            let insert =
                "insert into room (company, id, name) values (1, $1, 'two') on conflict do nothing returning id";
            let first: Option<i64> = tx.sql(insert).bind(2).optional().await?;
            let second: Option<i64> = tx.sql(insert).bind(3).optional().await?;
            Ok::<_, Error>((first, second))
        })
        .await;
    assert_eq!(ids, Ok((Some(2), None)));
}

#[tokio::test]
async fn a_reader_does_not_write_and_nobody_controls_the_transaction() {
    let test = test().await;
    let mut reader = test.read().await.unwrap();
    assert!(matches!(reader.sql("delete from room").exec().await, Err(Error::Sql(_))));
    drop(reader);
    for text in ["commit", " -- sly\n ROLLBACK", "begin", "savepoint unit", "release unit"] {
        let result = test.write(async |mut tx| tx.sql(text).exec().await).await;
        assert!(matches!(result, Err(Error::Sql(_))), "{text}: {result:?}");
    }
    assert_eq!(test.read().await.unwrap().sql("select count(*) from room").one::<i64>().await, Ok(1));
}

#[tokio::test]
async fn constraint_errors_have_a_kind_and_quote_no_values() {
    let test = test().await;
    let duplicate = test
        .write(async |mut tx| {
            let insert = "insert into room (company, id, name) values (1, 1, $1)";
            tx.sql(insert).bind("secret").exec().await
        })
        .await;
    assert!(matches!(&duplicate, Err(Error::Duplicate(text)) if !text.contains("secret")), "{duplicate:?}");
    let unique = test
        .write(async |mut tx| tx.sql("insert into room (company, id, name) values (1, 2, 'one')").exec().await)
        .await;
    assert!(matches!(&unique, Err(Error::Duplicate(_))), "{unique:?}");
    let orphan = test
        .write(async |mut tx| tx.sql("insert into message (company, id, room, body) values (1, 1, 9, '')").exec().await)
        .await;
    assert!(matches!(&orphan, Err(Error::Reference(_))), "{orphan:?}");
    test.write(async |mut tx| add(&mut tx, 1).await).await.unwrap();
    let parent = test.write(async |mut tx| tx.sql("delete from room").exec().await).await;
    assert!(matches!(&parent, Err(Error::Reference(_))), "{parent:?}");
    let missing = test
        .write(async |mut tx| {
            let insert = "insert into message (company, id, room, body) values (1, 2, 1, $1)";
            tx.sql(insert).bind(None::<String>).exec().await
        })
        .await;
    assert!(matches!(&missing, Err(Error::Sql(_))), "{missing:?}");
    let nonsense = test.read().await.unwrap().sql("select id from nowhere").all::<i64>().await;
    assert!(matches!(&nonsense, Err(Error::Sql(text)) if text.contains("nowhere")), "{nonsense:?}");
}

#[tokio::test]
async fn a_nul_is_refused_before_it_reaches_the_database() {
    let test = test().await;
    let result = test
        .write(async |mut tx| {
            let refused = tx.sql("update room set name = $1").bind("a\0b").exec().await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
            // The database never saw it, so the unit is as good as before.
            add(&mut tx, 1).await
        })
        .await;
    assert_eq!(result, Ok(()));
    assert_eq!(test.messages().await, [1]);
}

fn rooms() -> Rows {
    Rows::new(&[("id", Type::BigInt), ("name", Type::Text)])
}

#[tokio::test]
async fn many_rows_are_one_statement() {
    let test = test().await;
    for count in [0, 1, 2, 3, 5, 64, 100] {
        let mut rows = rooms();
        for id in 0..count {
            let name = if id % 2 == 0 { Some(format!("n{count}-{id}")) } else { None };
            rows.push([(1_000 * count + id).into(), name.into()]);
        }
        assert_eq!((rows.len(), rows.is_empty()), (usize::try_from(count).unwrap(), count == 0));
        let ids = test
            .write(async |mut tx| {
                let insert = tx.sql("insert into room (company, id, name) select $1, id, name from ").bind(1);
                insert.push_rows(&rows).push(" as input returning id").all::<i64>().await
            })
            .await
            .unwrap();
        assert_eq!(ids, (0..count).map(|id| 1_000 * count + id).collect::<Vec<_>>());
        let changed = test
            .write(async |mut tx| {
                let update = tx.sql("update room set last = input.id, name = input.name from ").push_rows(&rows);
                update.push(" as input where room.company = ").push_bind(1).push(" and room.id = input.id").exec().await
            })
            .await
            .unwrap();
        assert_eq!(changed, u64::try_from(count).unwrap());
    }
    let named: i64 = test.read().await.unwrap().sql("select count(name) from room where id > 1").one().await.unwrap();
    assert_eq!(named, 1 + 1 + 2 + 3 + 32 + 50);
}

#[tokio::test]
async fn a_statement_runs_for_each_of_many_rows() {
    let test = test().await;
    for count in [0, 1, 2, 64] {
        let mut rows = rooms();
        for id in 0..count {
            let name = if id % 2 == 0 { Some(format!("n{count}-{id}")) } else { None };
            rows.push([(1_000 * count + id).into(), name.into()]);
        }
        let mut ids = test
            .write(async |mut tx| {
                tx.sql("insert into room (company, id, name, last) ")
                    .bind(1)
                    .bind(7)
                    .push_values("$1, input.id, input.name, $2 + input.id - input.id", rows.clone())
                    .push(" returning id")
                    .all::<i64>()
                    .await
            })
            .await
            .unwrap();
        ids.sort_unstable();
        assert_eq!(ids, (0..count).map(|id| 1_000 * count + id).collect::<Vec<_>>());
        let again = test
            .write(async |mut tx| {
                let insert = tx.sql("insert into room (company, id, name) ").bind(1);
                let insert = insert.push_values("$1, input.id, input.name", rows.clone());
                insert.push(" on conflict (company, id) do update set last = room.last + 1").exec().await
            })
            .await;
        assert_eq!(again, Ok(u64::try_from(count).unwrap()));
        let mut moved = test
            .write(async |mut tx| {
                let update = tx.sql("update room set last = room.last + input.id, name = input.name").bind(1);
                let update = update.push_each(rows.clone());
                update
                    .push(" where company = $1 and room.id = input.id returning room.id, last")
                    .all::<(i64, i64)>()
                    .await
            })
            .await
            .unwrap();
        moved.sort_unstable();
        assert_eq!(moved, ids.iter().map(|id| (*id, id + 8)).collect::<Vec<_>>());
        let mut rows = rows.clone();
        rows.push([(-1).into(), "nobody's".into()]);
        let mut again: Vec<(i64, i64)> = test
            .write(async |mut tx| {
                let update = tx.sql("update room set last = room.last + $1, name = input.name").bind(1);
                let update = update.push_each(rows.clone());
                update
                    .push(" where room.company = $1 and room.id = input.id")
                    .all_changed("room.id, room.last - 1")
                    .await
            })
            .await
            .unwrap();
        again.sort_unstable();
        assert_eq!(again, moved, "an update for {count} rows answers what it changed");
        let mut reader = test.read().await.unwrap();
        let select = reader.sql("select room.id, last - 1 from room").bind(1).push_each(rows.clone());
        let mut read: Vec<(i64, i64)> = select.push(" where company = $1 and room.id = input.id").all().await.unwrap();
        read.sort_unstable();
        assert_eq!(read, moved);
    }
}

#[tokio::test]
async fn the_rows_that_a_statement_runs_for_come_last_and_are_all_or_nothing() {
    let test = test().await;
    let mut rows = rooms();
    rows.push([2.into(), "two".into()]).push([1.into(), "the id of another".into()]);
    let unknown = test
        .write(async |mut tx| {
            let insert = tx.sql("insert into room (company, id, name) ");
            insert.push_values("1, input.id, input.nobody", rows.clone()).exec().await
        })
        .await;
    assert!(matches!(unknown, Err(Error::Sql(_))), "{unknown:?}");
    let late = test
        .write(async |mut tx| {
            let update = tx.sql("update room set name = input.name").push_each(rows.clone());
            update.push(" where id = input.id and company = ").push_bind(1).exec().await
        })
        .await;
    assert!(matches!(late, Err(Error::Sql(_))), "{late:?}");
    let taken = test
        .write(async |mut tx| {
            let insert = tx.sql("insert into room (company, id, name) ");
            insert.push_values("1, input.id, input.name", rows.clone()).later().await
        })
        .await;
    assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
    assert_eq!(test.read().await.unwrap().sql("select count(*) from room").one::<i64>().await, Ok(1));
}

#[tokio::test]
async fn rows_of_all_types_arrive() {
    let test = test().await;
    let id = uuid::Uuid::from_u128(5);
    let columns = [
        ("a", Type::BigInt),
        ("b", Type::Text),
        ("c", Type::Boolean),
        ("d", Type::Uuid),
        ("e", Type::Bytes),
        ("f", Type::Json),
    ];
    let mut rows = Rows::new(&columns);
    let json = serde_json::json!({"a": [1, "two"]});
    rows.push([1.into(), "x".into(), true.into(), id.into(), vec![1_u8, 0].into(), json.clone().into()]);
    let none = || None::<i64>.into();
    rows.push([2.into(), none(), none(), none(), none(), none()]);
    test.write(async |mut tx| {
        tx.sql("insert into thing (id, text_, boolean_, uuid_, bytes_, json_) select a, b, c, d, e, f from ")
            .push_rows(&rows)
            .push(" as input")
            .exec()
            .await
    })
    .await
    .unwrap();
    type Thing = (i64, Option<String>, Option<bool>, Option<uuid::Uuid>, Option<Vec<u8>>, Option<serde_json::Value>);
    let mut reader = test.read().await.unwrap();
    let things: Vec<Thing> =
        reader.sql("select id, text_, boolean_, uuid_, bytes_, json_ from thing order by id").all().await.unwrap();
    let full = (1, Some("x".into()), Some(true), Some(id), Some(vec![1, 0]), Some(json));
    assert_eq!(things, [full, (2, None, None, None, None, None)]);
}

#[tokio::test]
async fn rows_that_do_not_fit_their_columns_are_an_error() {
    let test = test().await;
    let mut short = rooms();
    short.push([1.into()]);
    let mut wrong = rooms();
    wrong.push(["one".into(), "two".into()]);
    let mut poisoned = rooms();
    poisoned.push([5.into(), "a\0".into()]);
    for rows in [short, wrong, poisoned] {
        let result = test
            .write(async |mut tx| {
                let insert = tx.sql("insert into room (company, id, name) select 1, id, name from ");
                insert.push_rows(&rows).push(" as input").exec().await
            })
            .await;
        assert!(matches!(result, Err(Error::Sql(_) | Error::Invalid(_))), "{result:?}");
    }
}

#[tokio::test]
async fn there_may_be_more_rows_than_an_engine_takes_values() {
    let test = test().await;
    let mut rows = rooms();
    for id in 10..40_010 {
        rows.push([id.into(), "".into()]);
    }
    let result = test
        .write(async |mut tx| {
            let insert = tx.sql("insert into room (company, id, name) select 1, id, name from ").push_rows(&rows);
            insert.push(" as input where true on conflict (company, id) do nothing").exec().await
        })
        .await;
    assert_eq!(result, Ok(40_000));
}

#[tokio::test]
async fn sums_counts_and_expressions_are_plain_integers_and_booleans() {
    let test = test().await;
    test.write(async |mut tx| {
        for id in [i64::MAX / 4, i64::MAX / 4, 3] {
            let insert = "insert into thing (id, integer_) values ((select count(*) from thing), $1)";
            tx.sql(insert).bind(id).exec().await?;
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let mut reader = test.read().await.unwrap();
    let row: (i64, i64, Option<i64>, bool, bool) = reader
        .sql("select count(*) as a, sum(integer_) as b, sum(integer_) filter (where id > 9) as c, 1 = 1 as d, max(id) is null as e from thing")
        .one()
        .await
        .unwrap();
    assert_eq!(row, (3, i64::MAX / 4 * 2 + 3, None, true, false));
    let above: i64 = reader
        .sql("select count(*) from (select id from thing group by id having sum(integer_) > $1) as t")
        .bind(3)
        .one()
        .await
        .unwrap();
    assert_eq!(above, 2);
}

#[tokio::test]
async fn the_clauses_the_product_uses_mean_the_same() {
    let test = test().await;
    let rows: Vec<(i64, String)> = test
        .write(async |mut tx| {
            tx.sql("insert into room (company, id, name, last) values (1, 1, 'again', 5) on conflict (company, id) do update set last = room.last + excluded.last").exec().await?;
            for id in 1..=3 {
                add(&mut tx, id).await?;
            }
            tx.sql("with old as (select id from message where id < 2) delete from message where id in (select id from old)").exec().await?;
            tx.sql("select m.id as id, r.name as name from message m join room r on r.company = m.company and r.id = m.room \
                    where m.company = $1 and lower(m.body) like $2 order by m.id desc limit $3 offset $4")
                .bind(1).bind("message%").bind(10).bind(1).all().await
        })
        .await
        .unwrap();
    assert_eq!(rows, [(2, "one".into())]);
    let last: i64 = test.read().await.unwrap().sql("select last from room").one().await.unwrap();
    assert_eq!(last, 5);
    // A null is greatest nowhere unless one says where.
    let mut reader = test.read().await.unwrap();
    let order: Vec<Option<i64>> = reader
        .sql("select a from (select 1 as a union all select null union all select 2) as t order by a desc nulls last")
        .all()
        .await
        .unwrap();
    assert_eq!(order, [Some(2), Some(1), None]);
    // A claim repeats its condition, so that two nodes cannot both win.
    let claim = "update room set last = last + 1 where company = 1 and id in (select id from room where company = 1 and last = $1 limit 1) and last = $1 returning id";
    let claims = test
        .write(async |mut tx| {
            let first: Vec<i64> = tx.sql(claim).bind(5).all().await?;
            let second: Vec<i64> = tx.sql(claim).bind(5).all().await?;
            Ok::<_, Error>((first, second))
        })
        .await
        .unwrap();
    assert_eq!(claims, (vec![1], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_long_statement_does_not_keep_the_other_tasks_of_its_thread_waiting() {
    let test = test().await;
    let db = test.db.clone();
    let long = tokio::spawn(async move {
        let mut reader = db.read().await.unwrap();
        let other = tokio::spawn(async {});
        // Nothing here waits for anything but the statement, so that the only thread is not given away between two.
        for _ in 0..200 {
            let count = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 50000) select count(*) from n";
            assert_eq!(reader.sql(count).aside().all::<i64>().await, Ok(vec![50_000]));
            if other.is_finished() {
                return true;
            }
        }
        false
    });
    assert!(long.await.unwrap());
}
