//! Text indexes: what they find, and that they take part in units like any table.

use db::{Conn, Error, Ids, Migration, Options};

use crate::{
    group::{Answer, patient, together},
    support::{NONE, SCHEMA, Test, on_postgres, sqlite_with, test_with},
};

const INDEX: Migration = Migration { version: 2, name: "index", sql: "create text index room_text;" };

async fn indexed() -> Test {
    indexed_with(Options::default()).await
}

async fn indexed_with(options: Options) -> Test {
    index(test_with(options).await).await
}

async fn index(test: Test) -> Test {
    test.db.migrate(&[SCHEMA, INDEX]).await.unwrap();
    test
}

impl Test {
    async fn index(&self, company: i64, id: i64, text: &str) -> Result<(), Error> {
        self.write(async |mut tx| tx.index_text("room_text", company, id, text).await).await
    }

    async fn candidates(&self, company: i64, keyword: &str) -> Vec<i64> {
        let mut reader = self.read().await.unwrap();
        let found = reader.text_candidates("room_text", company, keyword, i64::MAX, 1_000).await.unwrap();
        assert!(found.is_whole(), "{found:?}");
        found.ids
    }
}

#[tokio::test]
async fn keywords_of_any_length_are_found_in_any_script() {
    let test = indexed().await;
    let texts = [
        "บริษัท สวัสดี จำกัด (มหาชน)",
        "ບໍລິສັດ ສະບາຍດີ",
        "ក្រុមហ៊ុន សួស្តី",
        "မင်္ဂလာပါ ကုမ္ပဏီ",
        "công ty trách nhiệm hữu hạn đặng",
        "有限公司 北京市朝阳区",
        "acme trading co., ltd. +66 2 123 4567",
        "a𝄞b😀🏳️‍🌈 𠮷野家",
    ];
    let list: Vec<(i64, &str)> = (1..).zip(texts).collect();
    test.write(async |mut tx| tx.index_texts("room_text", 1, &list).await).await.unwrap();
    for (id, text) in &list {
        let letters: Vec<char> = text.chars().collect();
        for length in [1, 2, 3, 4, 7, letters.len()] {
            for part in letters.windows(length) {
                let keyword: String = part.iter().collect();
                let right: Vec<i64> =
                    list.iter().rev().filter(|(_, text)| text.contains(&keyword)).map(|(id, _)| *id).collect();
                assert!(right.contains(id));
                // These texts are so unlike each other that nothing else is a candidate.
                assert_eq!(test.candidates(1, &keyword).await, right, "{keyword}");
            }
        }
    }
    for keyword in ["xyz", "สวัสดีค", "北京朝阳", "😁"] {
        assert_eq!(test.candidates(1, keyword).await, NONE, "{keyword}");
    }
}

#[tokio::test]
async fn what_a_user_types_is_never_part_of_a_query() {
    let test = indexed().await;
    let texts = [
        "AND",
        "OR",
        "NOT",
        "NEAR(a b)",
        "\"",
        "a\"b",
        "'",
        "''; drop table room; --",
        "*",
        "a*",
        "^a",
        "grams:a",
        "-",
        "+",
        "(",
        ")",
        "{}",
        "\\",
        "%",
        "_",
        "$1",
        "a\0b",
        "\u{feff}",
        "\u{10ffff}",
        "\n",
        " ",
        "   ",
        "a  b",
    ];
    for (id, text) in (1..).zip(texts) {
        test.index(1, id, text).await.unwrap();
    }
    for (id, text) in (1..).zip(texts) {
        assert!(test.candidates(1, text).await.contains(&id), "{text:?}");
    }
    assert_eq!(test.candidates(1, "zzz").await, NONE);
}

#[tokio::test]
async fn a_new_text_replaces_the_old_one() {
    let test = indexed().await;
    test.index(1, 7, "first").await.unwrap();
    test.index(1, 8, "first of all").await.unwrap();
    test.index(1, 7, "second").await.unwrap();
    assert_eq!(test.candidates(1, "first").await, [8]);
    assert_eq!(test.candidates(1, "second").await, [7]);
    // The same again, and back and forth within a unit.
    test.index(1, 7, "second").await.unwrap();
    test.write(async |mut tx| {
        for text in ["third", "fourth", "fourth", "fifth"] {
            tx.index_text("room_text", 1, 7, text).await?;
            tx.index_text("room_text", 1, 9, text).await?;
            // A unit sees what it has written.
            assert_eq!(tx.text_candidates("room_text", 1, text, i64::MAX, 10).await?.ids, [9, 7]);
        }
        tx.index_texts("room_text", 1, &[(6, "seventh"), (5, "lost"), (5, "sixth")]).await
    })
    .await
    .unwrap();
    for gone in ["second", "third", "fourth", "lost"] {
        assert_eq!(test.candidates(1, gone).await, NONE, "{gone}");
    }
    assert_eq!(test.candidates(1, "fth").await, [9, 7]);
    assert_eq!(test.candidates(1, "sixth").await, [5]);
}

#[tokio::test]
async fn what_is_forgotten_or_empty_is_not_found() {
    let test = indexed().await;
    for id in 1..=3 {
        test.index(1, id, "text").await.unwrap();
    }
    test.write(async |mut tx| {
        tx.forget_text("room_text", 1, 1).await?;
        // Nothing was there.
        tx.forget_text("room_text", 1, 99).await?;
        tx.index_text("room_text", 1, 3, "").await?;
        tx.index_text("room_text", 1, 98, "").await
    })
    .await
    .unwrap();
    assert_eq!(test.candidates(1, "tex").await, [2]);
    test.index(1, 1, "text").await.unwrap();
    assert_eq!(test.candidates(1, "tex").await, [2, 1]);
}

#[tokio::test]
async fn a_long_list_is_cut_and_goes_on_below_its_floor() {
    let test = indexed().await;
    // On PostgreSQL, of three slices.
    let list: Vec<(i64, &str)> = (0..300).map(|n| (n % 3 * 140_000 + n / 3, "common")).collect();
    test.write(async |mut tx| tx.index_texts("room_text", 1, &list).await).await.unwrap();
    let mut right: Vec<i64> = list.iter().map(|(id, _)| *id).collect();
    right.sort_unstable_by(|a, b| b.cmp(a));
    let mut reader = test.read().await.unwrap();
    for most in [100, 150, 299, 300, 1_000] {
        let mut below = i64::MAX;
        let mut seen = Vec::new();
        while below > 0 {
            let found = reader.text_candidates("room_text", 1, "mm", below, most).await.unwrap();
            assert!(found.floor < below && found.ids.iter().all(|id| *id >= found.floor && *id < below), "{found:?}");
            seen.extend(found.ids);
            below = found.floor;
        }
        assert_eq!(seen, right, "{most}");
    }
    let few = reader.text_candidates("room_text", 1, "mm", 50, 100).await.unwrap();
    assert_eq!((few.ids, few.floor), ((0..50).rev().collect(), 0));
    // What is not read whole is not read at all on PostgreSQL, where it comes in no order.
    let cut = reader.text_candidates("room_text", 1, "mm", i64::MAX, 10).await.unwrap();
    let known: Vec<i64> = right.iter().copied().filter(|id| *id >= cut.floor).collect();
    assert_eq!((cut.ids, cut.floor > 140_099), (known, true));
    let none = reader.text_candidates("room_text", 1, "rare", i64::MAX, 0).await.unwrap();
    assert!(none.ids.is_empty() && none.is_whole());
    assert_eq!(reader.text_candidates("room_text", 1, "", 77, 100).await, Ok(Ids::unknown(77)));
}

#[tokio::test]
async fn a_keyword_of_thousands_is_not_read_whole_where_each_is_read_from_its_page() {
    let test = indexed().await;
    // 2,001 on PostgreSQL are one too many of a slice.
    for (count, leads) in [(2_000, true), (2_001, !on_postgres())] {
        let list: Vec<(i64, &str)> = (0..count).map(|id| (id, "common")).collect();
        test.write(async |mut tx| tx.index_texts("room_text", 1, &list).await).await.unwrap();
        let mut reader = test.read().await.unwrap();
        let found = reader.text_candidates("room_text", 1, "common", 131_072, 10_000).await.unwrap();
        let right = if leads { Ids { ids: (0..count).rev().collect(), floor: 0 } } else { Ids::unknown(131_072) };
        assert!(found == right, "{count}: {} from {}", found.ids.len(), found.floor);
    }
}

#[tokio::test]
async fn all_that_may_hold_a_keyword_are_a_set_for_a_statement() {
    let test = indexed().await;
    // On PostgreSQL, of two slices, of which one has more than are read of it otherwise.
    let list: Vec<(i64, &str)> = (0..2_100).chain([140_000]).map(|id| (id, "common")).collect();
    test.write(async |mut tx| {
        tx.index_texts("room_text", 1, &list).await?;
        tx.index_text("room_text", 1, 7, "other").await?;
        tx.index_text("room_text", 2, 8, "common").await?;
        tx.index_text("room_text", 2, 9, "and a word").await?;
        assert_eq!(all(&mut tx, 2, "word").await?, [9]);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let mut reader = test.read().await.unwrap();
    let right: Vec<i64> = (0..2_100).filter(|id| *id != 7).chain([140_000]).collect();
    assert!(all(&mut reader, 1, "mmon").await.unwrap() == right);
    assert_eq!(all(&mut reader, 2, "co").await, Ok(vec![8]));
    assert_eq!(all(&mut reader, 3, "co").await, Ok(vec![]));
    assert_eq!(all(&mut reader, 1, "rare").await, Ok(vec![]));
    assert!(matches!(reader.text_set("room_text", 1, "").await, Err(Error::Invalid(_))));
    assert!(matches!(reader.text_set("room_text", 1 << 31, "co").await, Err(Error::Invalid(_))));
}

async fn all(conn: &mut Conn, company: i64, keyword: &str) -> Result<Vec<i64>, Error> {
    let found = conn.text_set("room_text", company, keyword).await?;
    conn.sql("select id from ").push_found(&found).push(" as found order by id").all().await
}

#[tokio::test]
async fn ids_may_lie_far_apart() {
    let test = indexed().await;
    let far = [0, 5, 131_071, 131_072, 131_073, 262_143, 262_144, 5_000_000, 4_000_000_000, i64::from(u32::MAX)];
    let list: Vec<(i64, &str)> = far.iter().map(|id| (*id, "text")).collect();
    test.write(async |mut tx| tx.index_texts("room_text", 1, &list).await).await.unwrap();
    test.index(1, 131_072, "other").await.unwrap();
    let found: Vec<i64> = far.iter().rev().copied().filter(|id| *id != 131_072).collect();
    assert_eq!(test.candidates(1, "text").await, found);
    assert_eq!(test.candidates(1, "other").await, [131_072]);
    assert_eq!(test.candidates(2, "text").await, NONE);
    let mut reader = test.read().await.unwrap();
    for most in [1, 8, 9] {
        let ids = reader.text_candidates("room_text", 1, "te", i64::MAX, most).await.unwrap();
        let known: Vec<i64> = found.iter().copied().filter(|id| *id >= ids.floor).collect();
        assert_eq!((&ids.ids, ids.is_whole()), (&known, known.len() == found.len()), "{most}");
    }
}

#[tokio::test]
async fn companies_do_not_see_each_other() {
    let test = indexed().await;
    let companies = [0, 1, 2, i64::from(i32::MAX)];
    for company in companies {
        for id in [0, 1, i64::from(u32::MAX)] {
            test.index(company, id, &format!("text of {company}")).await.unwrap();
        }
    }
    test.write(async |mut tx| tx.forget_text("room_text", 1, 0).await).await.unwrap();
    test.index(2, 1, "other").await.unwrap();
    let last = i64::from(u32::MAX);
    assert_eq!(test.candidates(0, "text").await, [last, 1, 0]);
    assert_eq!(test.candidates(1, "text").await, [last, 1]);
    assert_eq!(test.candidates(2, "text").await, [last, 0]);
    assert_eq!(test.candidates(companies[3], "text").await, [last, 1, 0]);
    assert_eq!(test.candidates(3, "text").await, NONE);
    assert_eq!(test.candidates(1, "text of 2").await, NONE);
}

#[tokio::test]
async fn numbers_that_do_not_fit_and_readers_that_write_are_refused() {
    let test = indexed().await;
    for (company, id) in [(-1, 1), (1 << 31, 1), (1, -1), (1, 1 << 32), (i64::MIN, i64::MAX)] {
        assert!(matches!(test.index(company, id, "text").await, Err(Error::Invalid(_))));
        let forgotten = test.write(async |mut tx| tx.forget_text("room_text", company, id).await).await;
        assert!(matches!(forgotten, Err(Error::Invalid(_))));
    }
    let mut reader = test.read().await.unwrap();
    assert!(matches!(reader.text_candidates("room_text", -1, "text", i64::MAX, 1).await, Err(Error::Invalid(_))));
    assert!(matches!(reader.index_text("room_text", 1, 1, "text").await, Err(Error::Sql(_))));
    assert!(matches!(reader.forget_text("room_text", 1, 1).await, Err(Error::Sql(_))));
}

#[tokio::test]
async fn long_texts_and_long_keywords_are_found() {
    let test = indexed().await;
    // 5,000 letters in which no three in a row come twice.
    let letters: Vec<char> = ('\u{4e00}'..).take(5_000).collect();
    let text: String = letters.iter().collect();
    test.index(1, 1, &text).await.unwrap();
    test.index(1, 2, &text.chars().rev().collect::<String>()).await.unwrap();
    for length in [1, 3, 31, 32, 33, 34, 35, 200, 5_000] {
        for start in [0, (5_000 - length) / 2, 5_000 - length] {
            let keyword: String = letters[start..start + length].iter().collect();
            let both = if length == 1 { vec![2, 1] } else { vec![1] };
            assert_eq!(test.candidates(1, &keyword).await, both, "{length} from {start}");
        }
    }
}

#[tokio::test]
async fn a_unit_that_fails_leaves_no_entry() {
    let test = indexed().await;
    test.index(1, 1, "before").await.unwrap();
    let failed = test
        .write(async |mut tx| {
            tx.index_text("room_text", 1, 1, "after").await?;
            tx.index_text("room_text", 1, 2, "after").await?;
            assert_eq!(tx.text_candidates("room_text", 1, "after", i64::MAX, 10).await?.ids, [2, 1]);
            tx.forget_text("room_text", 1, 1).await?;
            Err::<(), _>(Error::NoRow)
        })
        .await;
    assert_eq!(failed, Err(Error::NoRow));
    assert_eq!(test.candidates(1, "after").await, NONE);
    assert_eq!(test.candidates(1, "before").await, [1]);
}

fn indexes<'a>(test: &'a Test, id: i64, text: &'static str, fails: bool) -> Answer<'a> {
    Box::pin(async move {
        test.write(async |mut tx| {
            tx.index_text("room_text", 1, id, text).await?;
            tx.forget_text("room_text", 1, 100 + id).await?;
            if id % 2 == 0 {
                // It sees its own and those of the units before it, which are kept whatever becomes of it.
                let seen = tx.text_candidates("room_text", 1, text, i64::MAX, 1_000).await?;
                assert!(seen.ids.contains(&id), "{id}: {seen:?}");
            }
            if fails { Err(Error::NoRow) } else { Ok(()) }
        })
        .await
    })
}

#[tokio::test]
async fn units_of_a_group_do_not_disturb_each_other() {
    let test = indexed_with(patient()).await;
    let old: Vec<(i64, &str)> = (100..130).map(|id| (id, "common old")).collect();
    test.write(async |mut tx| tx.index_texts("room_text", 1, &old).await).await.unwrap();
    // Ids go down and come again, so that entries are not written in their order; every third unit fails.
    let ids: Vec<i64> = (0..30).rev().chain(0..30).collect();
    let fails = |place: usize| place.is_multiple_of(3);
    let units = ids.iter().enumerate().map(|(place, id)| indexes(&test, *id, "common new", fails(place))).collect();
    for (place, answer) in together(&test, units).await.into_iter().enumerate() {
        assert_eq!(answer, if fails(place) { Err(Error::NoRow) } else { Ok(()) });
    }
    let mut done: Vec<i64> = ids.iter().enumerate().filter(|(place, _)| !fails(*place)).map(|(_, id)| *id).collect();
    done.sort_unstable_by(|a, b| b.cmp(a));
    done.dedup();
    let kept: Vec<i64> = (100..130).rev().filter(|id| !done.contains(&(id - 100))).collect();
    assert_eq!(test.candidates(1, "new").await, done);
    assert_eq!(test.candidates(1, "old").await, kept);
    assert_eq!(test.candidates(1, "common").await, [kept, done].concat());
    check(&test).await;
}

#[tokio::test]
async fn many_small_commits_stay_whole() {
    let test = indexed().await;
    // As many as make SQLite merge its segments a few times, with replaced and forgotten ones among them.
    for id in 0..300 {
        test.index(1, id * 7 % 300, &format!("text {}", id % 10)).await.unwrap();
        if id % 5 == 0 {
            test.index(1, id, "other").await.unwrap();
            test.write(async |mut tx| tx.forget_text("room_text", 1, id + 1).await).await.unwrap();
        }
    }
    let mut right: Vec<Option<String>> = vec![None; 302];
    for id in 0..300_usize {
        right[id * 7 % 300] = Some(format!("text {}", id % 10));
        if id % 5 == 0 {
            right[id] = Some("other".into());
            right[id + 1] = None;
        }
    }
    for keyword in ["text 3", "t", "other", "xt"] {
        let wanted: Vec<i64> = (0..302)
            .rev()
            .filter(|id| right[usize::try_from(*id).unwrap()].as_ref().is_some_and(|text| text.contains(keyword)))
            .collect();
        assert_eq!(test.candidates(1, keyword).await, wanted, "{keyword}");
    }
    check(&test).await;
}

/// SQLite's own opinion of the whole file, in which the index is several tables.
async fn check(test: &Test) {
    if on_postgres() {
        return;
    }
    let mut reader = test.read().await.unwrap();
    let found: Vec<String> = reader.sql("select integrity_check from pragma_integrity_check").all().await.unwrap();
    assert_eq!(found, ["ok"]);
}

#[tokio::test]
async fn a_backup_of_sqlite_holds_the_index() {
    let test = index(sqlite_with(Options::default()).await).await;
    for id in 0..20 {
        test.index(1, id, "text").await.unwrap();
    }
    test.write(async |mut tx| tx.forget_text("room_text", 1, 7).await).await.unwrap();
    let before = test.candidates(1, "text").await;
    let path = test.home.path().with_extension("backup");
    let connection = rusqlite::Connection::open(test.home.path()).unwrap();
    connection.execute("vacuum into ?1", [path.to_str().unwrap()]).unwrap();
    let backup = db::Db::open(&format!("sqlite:{}", path.display()), Options::default()).await.unwrap();
    assert_eq!(backup.migrate(&[SCHEMA, INDEX]).await.map(|migrated| migrated.applied), Ok(0));
    let change = async |mut tx: Conn| tx.index_text("room_text", 1, 7, "text again").await;
    backup.write(change).await.unwrap();
    let mut reader = backup.read().await.unwrap();
    assert_eq!(reader.text_candidates("room_text", 1, "again", i64::MAX, 10).await.unwrap().ids, [7]);
    assert_eq!(before.len(), 19);
    assert_eq!(reader.text_candidates("room_text", 1, "text", i64::MAX, 100).await.unwrap().ids.len(), 20);
}

#[tokio::test]
async fn a_list_of_ids_is_one_value_of_a_statement() {
    let test = indexed().await;
    test.write(async |mut tx| {
        for id in 2..=50 {
            tx.sql("insert into room (company, id, name) values (1, $1, '')").bind(id).later().await?;
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let mut reader = test.read().await.unwrap();
    let rooms = async |conn: &mut Conn, ids: &[i64]| {
        let query = conn.sql("select id from room where company = $1 and id in ").bind(1).push_ids(ids);
        query.push(" and id <> ").push_bind(4).push(" order by id").all::<i64>().await.unwrap()
    };
    assert_eq!(rooms(&mut reader, &[]).await, NONE);
    assert_eq!(rooms(&mut reader, &[3, 4, 3, 1_000, -1, i64::MAX, 50]).await, [3, 50]);
    let many: Vec<i64> = (0..20_000).collect();
    assert_eq!(rooms(&mut reader, &many).await.len(), 49);
    let joined = reader.sql("select room.id from ").push_ids(&[5, 6]).push(" as found join room on room.id = found.id");
    assert_eq!(joined.push(" order by 1").all::<i64>().await.unwrap(), [5, 6]);
}

#[tokio::test]
#[ignore = "needs a server: scripts/postgres.sh"]
async fn the_server_reads_the_index_and_not_the_table() {
    let test = indexed().await;
    // Most rows are of the company that asks: its rows are no way to narrow the search. The server has no statistics at
    // first. (Of a few thousand rows it reads the table while many entries wait to be merged, and may.)
    let fill = Migration {
        version: 3,
        name: "fill",
        sql: "insert into room_text (company, id, grams) \
              select 1, n, array(select (n % 50 * 100 + k) :: int from generate_series(1, 60) as k) \
              from generate_series(1, 20000) as n",
    };
    test.db.migrate(&[SCHEMA, INDEX, fill]).await.unwrap();
    test.index(2, 1, "some").await.unwrap();
    let mut reader = test.read().await.unwrap();
    for round in 1..=3 {
        for (company, keyword) in [(1, "001234"), (1, "some"), (1, "m"), (2, "some")] {
            reader.text_candidates("room_text", company, keyword, i64::MAX, 10).await.unwrap();
        }
        reader.sql("select pg_stat_force_next_flush() is null as flushed").one::<bool>().await.unwrap();
        let query = "select idx_scan from pg_stat_user_indexes where indexrelname = 'room_text_grams' \
                     and schemaname = current_schema()";
        assert_eq!(reader.sql(query).one::<i64>().await, Ok(4 * round));
        test.write(async |mut tx| tx.sql("analyze room_text").exec().await).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_is_dropped_like_a_table() {
    let test = indexed().await;
    test.index(1, 1, "text").await.unwrap();
    let drop = Migration { version: 3, name: "drop", sql: "drop table room_text; create text index room_text" };
    test.db.migrate(&[SCHEMA, INDEX, drop]).await.unwrap();
    assert_eq!(test.candidates(1, "text").await, NONE);
    test.index(1, 2, "text").await.unwrap();
    assert_eq!(test.candidates(1, "text").await, [2]);
}
