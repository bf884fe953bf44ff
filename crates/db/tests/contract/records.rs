//! Rows written by their struct.

use db::{Amount, Db, Error, Options};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::Home;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    UnderWay,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    name: String,
    price: Amount,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    company: i64,
    id: i64,
    code: String,
    state: State,
    customer: Option<Uuid>,
    total: Amount,
    is_paid: bool,
    lines: Vec<Line>,
    extra: Option<serde_json::Value>,
    note: Option<String>,
    version: i64,
}

const SCHEMA: db::Migration = db::Migration {
    version: 1,
    name: "orders",
    sql: "create table orders (company bigint not null, id bigint not null, code text not null, state text not null,
            customer uuid, total bigint not null, is_paid boolean not null, lines jsonb not null, extra jsonb, note text,
            other text not null default 'kept', version bigint not null, primary key (company, id));
          create unique index orders_code on orders (company, code);",
};

async fn orders() -> (Home, Db) {
    let home = Home::new().await;
    let db = home.open(Options::default()).await;
    db.migrate(&[SCHEMA]).await.unwrap();
    (home, db)
}

fn order() -> Order {
    Order {
        company: 507,
        id: 1,
        code: "SO-1".to_owned(),
        state: State::UnderWay,
        customer: Some(Uuid::from_u128(7)),
        total: Amount::from_units(125_050),
        is_paid: true,
        lines: vec![Line { name: "ปากกา".to_owned(), price: Amount::from_units(123_456) }],
        extra: Some(serde_json::json!({"a": [1, null]})),
        note: None,
        version: 1,
    }
}

#[tokio::test]
async fn a_row_is_written_as_it_is_read() {
    let (_home, test) = orders().await;
    test.write(async |mut tx| tx.insert("orders", &order()).await).await.unwrap();
    let mut reader = test.read().await.unwrap();
    let read: Order =
        reader.rows::<Order>("orders").push(" where orders.company = $1").bind(507_i64).one().await.unwrap();
    assert_eq!(read, order());
    let state: String = reader.sql("select state from orders").one().await.unwrap();
    assert_eq!(state, "under_way");
}

#[tokio::test]
async fn a_row_is_replaced_only_in_the_version_before_its_own() {
    let (_home, test) = orders().await;
    test.write(async |mut tx| tx.insert("orders", &order()).await).await.unwrap();
    let next = Order { note: Some("paid".to_owned()), customer: None, version: 2, ..order() };
    for (row, expected) in [(&next, true), (&next, false), (&Order { company: 508, ..next.clone() }, false)] {
        let replaced: Result<bool, Error> = test.write(async |mut tx| tx.replace("orders", row).await).await;
        assert_eq!(replaced, Ok(expected));
    }
    let mut reader = test.read().await.unwrap();
    let read: Order = reader.rows::<Order>("orders").one().await.unwrap();
    assert_eq!(read, next);
    let other: String = reader.sql("select other from orders").one().await.unwrap();
    assert_eq!(other, "kept");
}

#[tokio::test]
async fn columns_that_follow_from_a_row_are_written_with_it() {
    #[derive(Serialize)]
    struct Derived {
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
        other: &'static str,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Short {
        company: i64,
        id: i64,
        version: i64,
        #[serde(default, skip_deserializing)]
        state: Option<State>,
        total: Amount,
        is_paid: bool,
        lines: Vec<Line>,
    }
    let (_home, test) = orders().await;
    let short = || Short {
        company: 507,
        id: 1,
        version: 1,
        state: Some(State::Open),
        total: Amount::ZERO,
        is_paid: false,
        lines: Vec::new(),
    };
    for (id, is_new) in [(1, true), (2, false)] {
        let row = (Short { id, ..short() }, Derived { code: Some("SO-1"), other: "derived" });
        let inserted: Result<bool, Error> = test.write(async |mut tx| tx.insert_new("orders", &row).await).await;
        assert_eq!(inserted, Ok(is_new), "one code is taken once");
    }
    let held = (Short { version: 7, is_paid: true, ..short() }, Derived { code: None, other: "again" });
    test.write(async |mut tx| tx.replace_held("orders", &held).await).await.unwrap();
    let mut reader = test.read().await.unwrap();
    let rows: Vec<(String, String, i64, bool)> =
        reader.sql("select code, other, version, is_paid from orders").all().await.unwrap();
    assert_eq!(rows, [("SO-1".to_owned(), "again".to_owned(), 7, true)]);
    let query = reader.select::<Short>("asked").push(" from orders as asked where asked.company = $1").bind(507_i64);
    let read: Short = query.one().await.unwrap();
    assert_eq!(read, Short { version: 7, is_paid: true, state: None, ..short() });
}

#[tokio::test]
async fn a_taken_value_names_its_columns_and_what_cannot_be_kept_is_refused() {
    let (_home, test) = orders().await;
    test.write(async |mut tx| tx.insert("orders", &order()).await).await.unwrap();
    let twin = Order { id: 2, ..order() };
    let taken: Result<(), Error> = test.write(async |mut tx| tx.insert("orders", &twin).await).await;
    assert_eq!(taken, Err(Error::Duplicate("orders.company, orders.code".to_owned())));
    let nul = Order { id: 3, code: "a\0b".to_owned(), ..order() };
    let refused: Result<(), Error> = test.write(async |mut tx| tx.insert("orders", &nul).await).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    #[derive(Serialize)]
    struct Float {
        company: i64,
        price: f64,
    }
    let float: Result<(), Error> =
        test.write(async |mut tx| tx.insert("orders", &Float { company: 1, price: 0.5 }).await).await;
    assert!(matches!(float, Err(Error::Sql(_))), "{float:?}");
}
