//! Values there and back, and rows as Rust types.

use std::collections::BTreeMap;

use db::{Amount, Error, Json, Rows, Type};
use proptest::{prelude::*, test_runner::TestRunner};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::{Test, test};

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Thing {
    text_: Option<String>,
    uuid_: Option<Uuid>,
    boolean_: Option<bool>,
    bytes_: Option<Vec<u8>>,
    json_: Option<serde_json::Value>,
    amount_: Option<Amount>,
    integer_: Option<i64>,
}

async fn there_and_back(test: &Test, thing: &Thing) -> Result<Thing, Error> {
    test.write(async |mut tx| {
        tx.sql("delete from thing").later().await?;
        let insert = "insert into thing (id, text_, uuid_, boolean_, bytes_, json_, amount_, integer_) \
            values (1, $1, $2, $3, $4, $5, $6, $7) returning *";
        tx.sql(insert)
            .bind(thing.text_.clone())
            .bind(thing.uuid_)
            .bind(thing.boolean_)
            .bind(thing.bytes_.clone())
            .bind(thing.json_.clone())
            .bind(thing.amount_)
            .bind(thing.integer_)
            .one()
            .await
    })
    .await
}

/// The same by way of many rows.
async fn in_rows(test: &Test, things: &[Thing]) -> Result<Vec<Thing>, Error> {
    let columns = [
        ("id", Type::BigInt),
        ("t", Type::Text),
        ("u", Type::Uuid),
        ("b", Type::Boolean),
        ("y", Type::Bytes),
        ("j", Type::Json),
        ("a", Type::BigInt),
        ("i", Type::BigInt),
    ];
    let mut rows = Rows::new(&columns);
    for (id, thing) in things.iter().cloned().enumerate() {
        rows.push([
            i64::try_from(id).unwrap().into(),
            thing.text_.into(),
            thing.uuid_.into(),
            thing.boolean_.into(),
            thing.bytes_.into(),
            thing.json_.into(),
            thing.amount_.into(),
            thing.integer_.into(),
        ]);
    }
    test.write(async |mut tx| {
        tx.sql("delete from thing").later().await?;
        tx.sql("insert into thing (id, text_, uuid_, boolean_, bytes_, json_, amount_, integer_) select id, t, u, b, y, j, a, i from ")
            .push_rows(&rows)
            .push(" as input")
            .later()
            .await?;
        tx.sql("select * from thing order by id").all().await
    })
    .await
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Bool(true)),
        any::<i64>().prop_map(serde_json::Value::from),
        "[^\0]{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[^\0]{0,6}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn thing() -> impl Strategy<Value = Thing> {
    let text = proptest::option::of("[^\0]{0,40}");
    let uuid = proptest::option::of(any::<u128>().prop_map(Uuid::from_u128));
    let amount = proptest::option::of(any::<i64>().prop_map(Amount::from_units));
    (
        text,
        uuid,
        any::<Option<bool>>(),
        any::<Option<Vec<u8>>>(),
        proptest::option::of(json()),
        amount,
        any::<Option<i64>>(),
    )
        .prop_map(|(text_, uuid_, boolean_, bytes_, json_, amount_, integer_)| Thing {
            text_,
            uuid_,
            boolean_,
            bytes_,
            json_,
            amount_,
            integer_,
        })
}

#[test]
fn every_type_survives_the_way_there_and_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = runtime.block_on(test());
    let config = proptest::test_runner::Config { cases: 200, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&thing(), |thing| {
            let back = runtime.block_on(there_and_back(&test, &thing));
            prop_assert_eq!(back, Ok(thing.clone()));
            let things = vec![thing; 2];
            prop_assert_eq!(runtime.block_on(in_rows(&test, &things)), Ok(things));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn json_keeps_what_it_is() {
    let test = test().await;
    for json in [
        serde_json::json!("123"),
        123.into(),
        true.into(),
        "".into(),
        serde_json::json!([]),
        serde_json::json!({"a": null}),
    ] {
        let thing = Thing {
            text_: Some("123".into()),
            uuid_: None,
            boolean_: None,
            bytes_: None,
            json_: Some(json),
            amount_: None,
            integer_: Some(i64::MIN),
        };
        assert_eq!(in_rows(&test, std::slice::from_ref(&thing)).await, Ok(vec![thing.clone()]));
        assert_eq!(there_and_back(&test, &thing).await, Ok(thing));
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inside {
    a_name: String,
    total: Amount,
    list: Vec<i64>,
    map: BTreeMap<String, bool>,
    id: Uuid,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Round,
    #[serde(rename = "square")]
    Square {
        side: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct ThingId(i64);

#[derive(Debug, PartialEq, Deserialize)]
struct Nested {
    id: ThingId,
    #[serde(rename = "json_")]
    inside: Inside,
    text_: Shape,
    #[serde(rename = "shape")]
    other: Shape,
    #[serde(default)]
    missing: Option<i64>,
}

#[tokio::test]
async fn json_arrives_as_nested_data_and_enums_by_name() {
    let test = test().await;
    let inside = || Inside {
        a_name: "é\"\\\u{1}".into(),
        total: Amount::from_units(123_456),
        list: vec![1, i64::MIN],
        map: BTreeMap::from([("x".into(), true)]),
        id: Uuid::from_u128(9),
    };
    let nested: Nested = test
        .write(async |mut tx| {
            tx.sql("insert into thing (id, json_, text_) values (5, $1, 'round')").bind(Json(inside())).exec().await?;
            let shape = tx.sql("select id, json_, text_, $1::jsonb as shape, 1 as unknown from thing");
            shape.bind(Json(Shape::Square { side: 4 })).one().await
        })
        .await
        .unwrap_or_else(|e: Error| panic!("{e}"));
    let wanted = Nested {
        id: ThingId(5),
        inside: inside(),
        text_: Shape::Round,
        other: Shape::Square { side: 4 },
        missing: None,
    };
    assert_eq!(nested, wanted);
    let mut reader = test.read().await.unwrap();
    let (map, raw): (BTreeMap<String, serde_json::Value>, Box<serde_json::value::RawValue>) =
        reader.sql("select json_ as a, json_ as b from thing").one().await.unwrap();
    assert_eq!(map["list"], serde_json::json!([1, i64::MIN]));
    assert_eq!(serde_json::from_str::<Inside>(raw.get()).unwrap(), inside());
}

#[tokio::test]
async fn rows_are_read_by_name_by_place_or_alone() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Named {
        b: i64,
        a: String,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Placed(String, i64);
    let test = test().await;
    let mut reader = test.read().await.unwrap();
    let text = "select name as a, id as b from room";
    assert_eq!(reader.sql(text).one::<Named>().await.unwrap(), Named { b: 1, a: "one".into() });
    assert_eq!(reader.sql(text).one::<Placed>().await.unwrap(), Placed("one".into(), 1));
    assert_eq!(reader.sql(text).one::<(String, u8)>().await.unwrap(), ("one".into(), 1));
    assert_eq!(reader.sql("select id from room").one::<ThingId>().await.unwrap(), ThingId(1));
    assert_eq!(reader.sql("select cast(null as bigint) as a").one::<Option<i64>>().await.unwrap(), None);
    assert_eq!(reader.sql("select name as a from room").one::<Option<String>>().await.unwrap(), Some("one".into()));
    // The amount of a row is its ten-thousandths.
    assert_eq!(reader.sql("select id from room").one::<Amount>().await.unwrap(), Amount::from_units(1));
}

#[tokio::test]
async fn a_row_that_does_not_fit_says_which_column_but_not_what_was_in_it() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its decoding matters")]
    struct Wrong {
        name: i64,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its decoding matters")]
    struct Flat {
        #[serde(flatten)]
        inner: Wrong,
    }
    let test = test().await;
    let mut reader = test.read().await.unwrap();
    let wrong = reader.sql("select name from room").one::<Wrong>().await.unwrap_err();
    assert!(matches!(&wrong, Error::Decode(text) if text.contains("name") && !text.contains("one")), "{wrong}");
    for error in [
        reader.sql("select id from room").one::<Wrong>().await.unwrap_err(),
        reader.sql("select name from room").one::<Flat>().await.unwrap_err(),
        reader.sql("select id, name from room").one::<i64>().await.unwrap_err(),
        reader.sql("select id, name from room").one::<(i64,)>().await.unwrap_err(),
        reader.sql("select id from room").one::<(i64, i64)>().await.unwrap_err(),
        reader.sql("select id from room").one::<f64>().await.unwrap_err(),
        reader.sql("select id + 300 as a from room").one::<u8>().await.unwrap_err(),
        reader.sql("select cast(null as bigint) as a").one::<i64>().await.unwrap_err(),
    ] {
        assert!(matches!(&error, Error::Decode(_)), "{error:?}");
    }
}
