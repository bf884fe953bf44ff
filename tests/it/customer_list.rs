//! Lists of customers against a naive filter: whatever is filtered by, in whatever order, every page is right.
//!
//! One server follows lists as far as usual; to the other, which reads the same database, a hundred customers are what
//! a million are to the first, so that each way to a page is taken.

use std::time::Duration;

use axum::http::Method;
use sala::http::Server;
use sala::search::{Effort, fold};
use serde_json::{Value, json};

use crate::app::{TestApp, answer, request};

/// Customers that are made; some are deleted afterwards.
const COUNT: usize = 240;

/// Enquiries that are compared.
const ENQUIRIES: usize = 64;

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.roll(texts.len())]
    }
}

/// What the test knows of a customer.
#[derive(Clone)]
struct Known {
    id: usize,
    code: String,
    name: String,
    phone: String,
    state: i64,
    kind: Option<i64>,
    status: i64,
    lead_status: i64,
    group: Option<&'static str>,
    source: Option<&'static str>,
    class: Option<&'static str>,
    owners: Vec<&'static str>,
    interests: Vec<&'static str>,
    tags: Vec<&'static str>,
    created: i64,
    modified: i64,
    is_deleted: bool,
}

const GROUPS: [&str; 3] = ["Gold", "Silver", "โรงเรียน"];
const SOURCES: [&str; 3] = ["Website", "Fair", "Friend"];
const CLASSES: [&str; 2] = ["A", "VIP"];
const STAFF: [&str; 3] = ["EMP1", "EMP2", "EMP3"];
const THINGS: [&str; 3] = ["Cars", "Boats", "Planes"];
const TAGS: [&str; 3] = ["old", "new", "both"];

/// A customer whose properties go together, as they do in life: persons, schools and companies have names of their own,
/// and what was usual at first is not what is usual later.
fn draw(dice: &mut Dice, id: usize) -> Known {
    let is_late = id > COUNT / 2;
    let is_person = dice.roll(3) == 0;
    let is_school = !is_person && dice.roll(8) == 0;
    let unique = dice.roll(900) + 1000 * id;
    let maybe = |dice: &mut Dice, texts: &[&'static str]| (dice.roll(5) > 0).then(|| dice.pick(texts));
    let some = |dice: &mut Dice, texts: &[&'static str]| {
        let all = texts.iter().copied();
        all.filter(|_| dice.roll(3) == 0).collect::<Vec<_>>()
    };
    let mut tags = some(dice, &TAGS[2..]);
    tags.push(TAGS[usize::from(is_late)]);
    Known {
        id,
        code: format!("{}{unique:06}", ["C", "L", "P"][dice.roll(3)]),
        name: match (is_person, is_school) {
            (true, _) => format!("คุณ Anna {unique}"),
            (_, true) => format!("โรงเรียน {unique}"),
            _ => format!("บริษัท {} {unique}", dice.pick(&["สยาม", "Lotus", "ขนส่ง"])),
        },
        phone: format!("08{:08}", dice.roll(100_000_000)),
        state: i64::try_from(dice.roll(if is_late { 3 } else { 2 })).unwrap() + 1,
        kind: (dice.roll(6) > 0).then_some(if is_person { 2 } else { 1 }),
        status: i64::from(dice.roll(6) == 0),
        lead_status: [1, 2, 4][dice.roll(3)],
        group: if is_school { Some(GROUPS[2]) } else { maybe(dice, &GROUPS[..2]) },
        source: if is_late { maybe(dice, &SOURCES[..2]) } else { maybe(dice, &SOURCES[2..]) },
        class: maybe(dice, &CLASSES[..if is_person { 1 } else { 2 }]),
        owners: some(dice, &STAFF),
        interests: some(dice, &THINGS),
        tags,
        created: 0,
        modified: 0,
        is_deleted: false,
    }
}

impl Known {
    fn body(&self) -> Value {
        json!({
            "customerCode": self.code, "customerName": self.name, "customerState": self.state, "customerType": self.kind,
            "customerStatus": self.status, "leadStatus": self.lead_status, "customerPhone": self.phone,
            "customerGroupName": self.group, "sourceName": self.source, "classificationName": self.class,
            "owners": self.owners, "interestsName": self.interests, "customerTags": self.tags, "customerNote": "x",
        })
    }

    fn has_keyword(&self, keyword: &str) -> bool {
        let phone = format!("{}\n+66{}", self.phone, &self.phone[1..]);
        [&self.name, &self.code, &phone].into_iter().any(|text| fold(text).contains(&fold(keyword)))
    }
}

/// Some time passes; a token lasts an hour.
async fn later(app: &mut TestApp) {
    app.app.clock.advance(Duration::from_secs(1_800));
    app.token = app.token_for(&app.client).await;
}

/// Makes the customers within five days, changes some, and deletes some.
async fn customers(app: &mut TestApp, dice: &mut Dice) -> Vec<Known> {
    let mut all: Vec<Known> = Vec::new();
    for id in 1..=COUNT {
        let mut known = draw(dice, id);
        later(app).await;
        (known.created, known.modified) = (app.app.now(), app.app.now());
        let made = app.post("/v3/customers", known.body()).await;
        assert_eq!((made.status, &made.data()["customerId"]), (200, &json!(id)), "{made:?}");
        all.push(known);
    }
    for _ in 0..COUNT / 4 {
        later(app).await;
        let id = dice.roll(COUNT) + 1;
        let old = all[id - 1].clone();
        if old.is_deleted {
            continue;
        }
        if dice.roll(4) == 0 {
            let path = format!("/v3/customers/{}", old.code);
            assert_eq!(app.request(Method::DELETE, &path, &[], None).await.status, 200);
            all[id - 1].is_deleted = true;
            continue;
        }
        let new = Known { code: old.code, created: old.created, modified: app.app.now(), ..draw(dice, id) };
        assert_eq!(app.post("/v3/customers", new.body()).await.status, 200);
        all[id - 1] = new;
    }
    all.retain(|known| !known.is_deleted);
    all
}

type Fits = Box<dyn Fn(&Known) -> bool>;

fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
}

/// A filter as it is sent, and what it means.
fn filter(dice: &mut Dice, all: &[Known]) -> (&'static str, Value, Fits) {
    let one = all[dice.roll(all.len())].clone();
    let other = all[dice.roll(all.len())].clone();
    match dice.roll(17) {
        0 => ("customerState", json!(one.state), Box::new(move |known| known.state == one.state)),
        1 => {
            let kind = one.kind.unwrap_or(1);
            ("customerType", json!(kind), Box::new(move |known| known.kind == Some(kind)))
        }
        2 => ("customerStatus", json!(one.status), Box::new(move |known| known.status == one.status)),
        3 => ("leadStatus", json!(one.lead_status), Box::new(move |known| known.lead_status == one.lead_status)),
        4 => {
            let group = dice.pick(&GROUPS);
            ("customerGroupName", json!(group.to_uppercase()), Box::new(move |known| known.group == Some(group)))
        }
        5 => {
            let source = dice.pick(&SOURCES);
            ("sourceName", json!(source), Box::new(move |known| known.source == Some(source)))
        }
        6 => {
            let class = dice.pick(&CLASSES);
            ("classificationName", json!(class), Box::new(move |known| known.class == Some(class)))
        }
        7 => {
            let owners = [dice.pick(&STAFF), dice.pick(&STAFF)];
            let fits = move |known: &Known| known.owners.iter().any(|owner| owners.contains(owner));
            ("owners", json!([owners[0].to_lowercase(), owners[1], "nobody"]), Box::new(fits))
        }
        8 => {
            let thing = dice.pick(&THINGS);
            ("interestsName", json!([thing]), Box::new(move |known| known.interests.contains(&thing)))
        }
        9 => {
            let tags = [dice.pick(&TAGS), dice.pick(&TAGS)];
            ("customerTags", json!(tags), Box::new(move |known| known.tags.iter().any(|tag| tags.contains(tag))))
        }
        10 => ("dateFrom", json!(time(one.created)), Box::new(move |known| known.created >= one.created)),
        11 => ("dateTo", json!(time(one.created)), Box::new(move |known| known.created <= one.created)),
        12 => ("modifiedFrom", json!(time(one.modified)), Box::new(move |known| known.modified >= one.modified)),
        13 => ("modifiedTo", json!(time(other.modified)), Box::new(move |known| known.modified <= other.modified)),
        14 => {
            let phone = one.phone.clone();
            ("customerPhone", json!(one.phone), Box::new(move |known| known.phone == phone))
        }
        _ => {
            let parts = ["ขนส่ง", "ข", "lotus", "Anna", "ษั", "1", "08", "77", "โรงเรียน 1", "บริษัท", "c1", "_"];
            let keyword = if dice.roll(5) == 0 { one.phone[4..].to_owned() } else { dice.pick(&parts).to_owned() };
            ("keyword", json!(keyword), Box::new(move |known| known.has_keyword(&keyword)))
        }
    }
}

const ORDERS: [&str; 8] = [
    "dateCreated",
    "dateCreated asc",
    "dateModified",
    "dateModified asc",
    "customerName",
    "customerName desc",
    "customerCode",
    "customerCode desc",
];

fn sort(customers: &mut [Known], order: &str) {
    customers.sort_by_key(|known| match order.split(' ').next() {
        Some("dateModified") => (known.modified, String::new(), known.id),
        Some("customerName") => (0, fold(&known.name), known.id),
        Some("customerCode") => (0, fold(&known.code), known.id),
        _ => (0, String::new(), known.id),
    });
    let ascends = ["dateCreated asc", "dateModified asc", "customerName", "customerCode"];
    if !ascends.contains(&order) {
        customers.reverse();
    }
}

/// One page: the ids, the total if it is exact, and the next cursor.
async fn page(app: &TestApp, server: &Server, body: &Value) -> (Vec<usize>, Option<usize>, Value) {
    let request = request(&app.token, Method::POST, "/v3/customers/enquiry", &[], Some(body.clone()));
    let answer = answer(server, request).await;
    let ids = answer.data().as_array().unwrap_or_else(|| panic!("{body}: {answer:?}"));
    let ids = ids.iter().map(|row| usize::try_from(row["customerId"].as_u64().unwrap()).unwrap()).collect();
    let total = usize::try_from(answer.body["total"].as_u64().unwrap()).unwrap();
    let is_exact = answer.body["totalIsEstimate"] == json!(false);
    (ids, is_exact.then_some(total), answer.body["next"].clone())
}

#[tokio::test]
async fn every_page_of_every_enquiry_is_what_a_naive_filter_gives() {
    let mut app = TestApp::new().await;
    let dice = &mut Dice(7);
    let all = customers(&mut app, dice).await;
    let (_, usual) = app.second_node().await;
    let least = Effort { entries: 20, rows: 10, passed: 30, sorted: 40 };
    let (_, hasty) = app.node(|config| config.effort = least).await;
    let (mut estimates, mut found) = (0, 0);
    for number in 0..ENQUIRIES {
        let order = ORDERS[number % ORDERS.len()];
        let mut wanted = json!({"orderBy": order});
        let mut fitting = all.clone();
        for _ in 0..dice.roll(4) {
            let (field, value, fits) = filter(dice, &all);
            if wanted.get(field).is_none() {
                wanted[field] = value;
                fitting.retain(|known| fits(known));
            }
        }
        sort(&mut fitting, order);
        let expected: Vec<usize> = fitting.iter().map(|known| known.id).collect();
        found += usize::from(!expected.is_empty());
        let take = [9, 23, 70][dice.roll(3)];
        for (name, server) in [("usual", &usual), ("hasty", &hasty)] {
            wanted["take"] = json!(take);
            let mut body = wanted.clone();
            let mut seen = Vec::new();
            loop {
                let (ids, total, next) = page(&app, server, &body).await;
                estimates += usize::from(total.is_none());
                assert!(total.is_some() || name == "hasty", "{body}");
                assert!(total.is_none_or(|total| total == expected.len()), "{name} {body}: {total:?} {expected:?}");
                assert!(ids.len() == take || next.is_null(), "{name} {body}");
                // Where the first page is the last, nothing is left to be guessed.
                assert!(total.is_some() || body.get("cursor").is_some() || !next.is_null(), "{name} {body}");
                seen.extend(ids);
                if next.is_null() {
                    break;
                }
                body["cursor"] = next;
            }
            assert_eq!(seen, expected, "{name} {wanted}, by cursor");
            for skip in [take, expected.len() / 2] {
                let mut body = wanted.clone();
                body["skip"] = json!(skip);
                let (ids, _, next) = page(&app, server, &body).await;
                let rest: Vec<usize> = expected.iter().copied().skip(skip).take(take).collect();
                assert_eq!((ids, next.is_null()), (rest, skip + take >= expected.len()), "{name} {body}");
            }
        }
    }
    // The dice have asked for something, and counting has come to its end.
    assert!(found > ENQUIRIES / 2 && estimates > 20, "{found} {estimates}");
}

#[tokio::test]
async fn a_page_goes_on_where_its_last_customer_was() {
    let app = TestApp::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        let answer = app.post("/v3/customers", crate::customer::plain(name, &format!("Name {name}"))).await;
        assert_eq!(answer.status, 200);
    }
    for wanted in [json!({"orderBy": "customerName"}), json!({"orderBy": "customerName", "keyword": "name"})] {
        let mut body = wanted.clone();
        body["take"] = json!(2);
        let first = app.post("/v3/customers/enquiry", body.clone()).await;
        assert_eq!(first.data()[1]["customerName"], "Name b");
        assert_eq!(app.request(Method::DELETE, "/v3/customers/b", &[], None).await.status, 200);
        body["cursor"] = first.body["next"].clone();
        let second = app.post("/v3/customers/enquiry", body).await;
        assert_eq!((&second.data()[0]["customerName"], &second.body["total"]), (&json!("Name c"), &json!(4)));
        assert_eq!(app.post("/v3/customers/b/restore", json!({})).await.status, 200);
    }
}
