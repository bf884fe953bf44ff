//! Whole tables: what is known of them, their rows page by page, and readers that see one state.

use db::{Error, Migration, Type, bulk::Row};
use serde_json::json;

use crate::support::{NONE, SCHEMA, Test, add, test};

const EVERY: Migration = Migration {
    version: 2,
    name: "every",
    sql: "
        create table every (company bigint not null, name text not null, id uuid not null, number bigint, flag boolean,
            bytes bytea, more jsonb, parent text, parent_id uuid, primary key (company, name, id),
            foreign key (company, parent, parent_id) references every (company, name, id));
        create text index every_text;
    ",
};

async fn every() -> Test {
    let test = test().await;
    test.migrate(&[SCHEMA, EVERY]).await.unwrap();
    test
}

fn rows() -> Vec<Row> {
    let id = |number: u32| json!(format!("00000000-0000-7000-8000-{number:012}"));
    vec![
        vec![
            json!(1),
            json!("a"),
            id(1),
            json!(i64::MAX),
            json!(true),
            json!("00ff"),
            json!({"b": [1, null], "a": "é"}),
            json!("b"),
            id(3),
        ],
        vec![
            json!(1),
            json!("a"),
            id(2),
            json!(null),
            json!(false),
            json!(""),
            json!("text"),
            json!(null),
            json!(null),
        ],
        vec![json!(1), json!("b"), id(3), json!(-1), json!(null), json!(null), json!(null), json!(null), json!(null)],
    ]
}

#[tokio::test]
async fn the_schema_says_what_a_table_is() {
    let test = every().await;
    let tables = test.tables().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["every", "message", "room", "thing"], "no text index, no record of migrations");
    assert_eq!(test.text_indexes().await.unwrap(), ["every_text"]);
    let every = &tables[0];
    let kinds: Vec<Type> = every.columns.iter().map(|column| column.kind).collect();
    use Type::{BigInt, Boolean, Bytes, Json, Text, Uuid};
    assert_eq!(kinds, [BigInt, Text, Uuid, BigInt, Boolean, Bytes, Json, Text, Uuid]);
    assert_eq!((every.key.as_slice(), every.needs.len()), ([0, 1, 2].as_slice(), 0));
    let mut own = every.own.clone();
    own.sort_unstable();
    assert_eq!(own, [7, 8]);
    assert_eq!(tables[1].needs, ["room"]);
}

#[tokio::test]
async fn rows_go_in_and_come_out_page_by_page() {
    let test = every().await;
    let every = test.tables().await.unwrap().remove(0);
    let columns: Vec<usize> = (0..every.columns.len()).collect();
    let (table, all) = (&every, &rows());
    let inserted = test.write(async |mut tx| table.insert(&mut tx, &columns, all).await).await;
    assert_eq!(inserted, Ok(3), "a row may name one that comes later");
    let connected = test.write(async |mut tx| table.connect(&mut tx, &columns, all).await).await;
    assert!(connected.is_ok(), "{connected:?}");
    let mut conn = test.read().await.unwrap();
    let mut read: Vec<Row> = Vec::new();
    loop {
        let page = every.page(&mut conn, 1, read.last(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(&read, all);
    assert_eq!(every.page(&mut conn, 2, None, 10).await.unwrap(), Vec::<Row>::new(), "another company's");
    for (at, wrong) in [(2, json!("no uuid")), (3, json!("1")), (4, json!(1)), (5, json!("+1")), (1, json!(5))] {
        let mut row = rows().remove(2);
        row[at] = wrong;
        let (columns, one) = (&columns, &[row]);
        let refused = test.write(async |mut tx| table.insert(&mut tx, columns, one).await).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{at}: {refused:?}");
    }
}

#[tokio::test]
async fn a_snapshot_sees_one_state_and_leaves_nothing_behind() {
    let test = test().await;
    for round in 0..12 {
        let mut frozen = test.snapshot().await.unwrap();
        test.write(async |mut tx| add(&mut tx, round).await).await.unwrap();
        let seen: Vec<i64> = frozen.sql("select id from message order by id").all().await.unwrap();
        assert_eq!(seen, (0..round).collect::<Vec<i64>>());
        assert!(
            frozen.sql("select id from message where id = $1").bind(round).optional::<i64>().await.unwrap().is_none()
        );
        drop(frozen);
        // Whoever gets its connection next sees what is there now.
        assert_eq!(test.messages().await.len(), usize::try_from(round).unwrap() + 1);
    }
    assert_ne!(test.messages().await, NONE);
}
