//! One way to list records: filters, an order out of a stated set, a page by `skip` and `take` or by cursor, and a count up to
//! 10,000. It serves some 200,000 rows of a company, with one index for each order that is offered.

use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::{Conn, Key, Query, Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Caller, Range};
use super::check::Faults;
use super::error::{Code, Error, Fault};
use super::input::Paging;
use super::reply::{List, Listing, Reply, Total};
use crate::record::{self, Record};
use crate::search;
use crate::time::{self, Zone};

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageWrite {
    /// Records to leave out; not together with `cursor`.
    #[schema(example = 0)]
    pub skip: Option<i64>,
    /// Records a page: at most 200, default 20.
    #[schema(example = 20)]
    pub take: Option<i64>,
    /// The same as `take`.
    pub page_length: Option<i64>,
    /// Where the page begins: `next` of the page before it, in the same order.
    pub cursor: Option<String>,
}

/// So many people or records a filter may name, each of which is looked up.
pub const MOST_NAMED: usize = 200;

/// So many values a filter may have.
const MOST_VALUES: usize = 1_000;

/// Characters that a keyword may have.
const LONGEST_KEYWORD: usize = 200;

/// An order that a list offers.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// Its name in requests.
    pub name: &'static str,
    /// The column, which is never null; the record's id decides between equals. An index begins with company and column.
    pub column: &'static str,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// A list of records that is being put together.
#[derive(Debug)]
pub struct Lister<'a, R> {
    caller: &'a Caller,
    zone: Zone,
    faults: Faults,
    conditions: Vec<Piece>,
    paging: Paging,
    cursor: Option<String>,
    order: Option<Order>,
    record: PhantomData<R>,
}

/// A piece of a condition.
#[derive(Debug)]
enum Piece {
    Text(&'static str),
    Value(Value),
}

/// A page of rows with all that an answer needs.
#[derive(Debug)]
pub struct Found<V> {
    /// The views, in order.
    pub views: Vec<V>,
    /// How many there are in all.
    pub total: Total,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl<V: Serialize> Found<V> {
    /// The answer of groups whose records lie directly in `data`.
    pub fn list(self) -> List<V> {
        List { value: self.views, total: self.total, next: self.next }
    }

    /// The answer of groups whose records lie in `data.value`.
    pub fn listing(self) -> Reply<Listing<V>> {
        Reply::ok(Listing::new(self.views, self.total))
    }
}

impl<'a, R: Record> Lister<'a, R> {
    /// Begins a list of the caller's records; `found` is what the decoder has found to be wrong.
    pub async fn open(
        conn: &mut Conn,
        caller: &'a Caller,
        page: &PageWrite,
        found: Vec<Fault>,
    ) -> Result<Lister<'a, R>, Error> {
        let zone = time::zone(conn, caller.company).await?;
        let mut faults = Faults::new(found);
        let paging = Paging::read(page.skip, page.take, page.page_length, faults.list());
        let cursor = page.cursor.clone().filter(|cursor| !cursor.trim().is_empty());
        if cursor.is_some() && paging.skip > 0 {
            faults.add(Code::InvalidValue, "skip", "skip and cursor cannot be used together");
        }
        Ok(Lister { caller, zone, faults, conditions: Vec::new(), paging, cursor, order: None, record: PhantomData })
    }

    /// The company's time zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// So many rows at once, for a list whose callers know no pages.
    pub fn at_most(&mut self, most: i64) -> &mut Self {
        self.paging.take = most;
        self
    }

    /// What is wrong so far, for checks of the resource's own.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// ` and status = `: only rows with this value, when there is one.
    pub fn equal(&mut self, text: &'static str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.conditions.extend([Piece::Text(text), Piece::Value(value.into())]);
        }
        self
    }

    /// ` and status in (`, `)`: only rows with one of these values, when any are given.
    pub fn any<T: Into<Value>>(
        &mut self,
        text: &'static str,
        values: impl IntoIterator<Item = T>,
        end: &'static str,
    ) -> &mut Self {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let mut has_values = false;
        if values.len() > MOST_VALUES {
            // Databases bind no more; a filter of so many is a mistake.
            let field = text.trim_start_matches(" and ").trim_end_matches(" in (");
            self.faults.most(field, values.len(), MOST_VALUES);
            return self;
        }
        for (index, value) in values.into_iter().enumerate() {
            self.conditions.extend([Piece::Text(if index == 0 { text } else { ", " }), Piece::Value(value)]);
            has_values = true;
        }
        if has_values {
            self.conditions.push(Piece::Text(end));
        }
        self
    }

    /// A condition of the resource's own; each value stands between two parts of the text.
    pub fn only(&mut self, parts: &[&'static str], values: Vec<Value>) -> &mut Self {
        let mut values = values.into_iter();
        for part in parts {
            self.conditions.push(Piece::Text(part));
            self.conditions.extend(values.next().map(Piece::Value));
        }
        self
    }

    /// Only rows whose record of another kind the caller may see: the text begins a sub-select of its ids, up to
    /// `where company = `.
    pub fn within_of<O: Record>(&mut self, text: &'static str) -> &mut Self {
        let Some(owner) = O::OWNER else { return self };
        let company = || Piece::Value(self.caller.company.into());
        let (user, team) = match self.caller.range() {
            Range::All => return self,
            Range::Own { user } => (user, None),
            Range::Team { user, team } => (user, Some(team)),
        };
        let mut pieces = vec![
            Piece::Text(text),
            company(),
            Piece::Text(" and (created_by = "),
            Piece::Value(user.to_string().into()),
            Piece::Text(" or "),
            Piece::Text(owner),
            Piece::Text(" = "),
            Piece::Value(user.into()),
        ];
        if let Some(team) = team {
            pieces.extend([
                Piece::Text(" or "),
                Piece::Text(owner),
                Piece::Text(" in (select id from employee where company = "),
                company(),
                Piece::Text(" and team = "),
                Piece::Value(team.into()),
                Piece::Text(")"),
            ]);
        }
        pieces.push(Piece::Text("))"));
        self.conditions.extend(pieces);
        self
    }

    /// Only rows of a period, whose ends belong to it: field, text and SQL (` and due_at >= `) of its begin and of its end.
    pub fn period(
        &mut self,
        (from_field, from, from_text): (&str, Option<&str>, &'static str),
        (to_field, to, to_text): (&str, Option<&str>, &'static str),
    ) -> &mut Self {
        let from = self.faults.time(from_field, from, &self.zone);
        let to = self.faults.time_end(to_field, to, &self.zone);
        self.equal(from_text, from).equal(to_text, to)
    }

    /// Only rows whose words hold this keyword, in any letter case. It is no longer than a database takes for a pattern.
    pub fn keyword(&mut self, field: &str, keyword: Option<&str>) -> &mut Self {
        self.faults.longest(field, keyword.unwrap_or_default(), LONGEST_KEYWORD);
        if let Some(keyword) = search::keyword(keyword) {
            let pattern = Piece::Value(search::pattern(&keyword).into());
            self.conditions.extend([Piece::Text(" and search_key like "), pattern, Piece::Text(" escape '!'")]);
        }
        self
    }

    /// The order, by its name; the first of the offered ones without a name. A name with `-` before it is the other way round.
    pub fn order(&mut self, asked: Option<&str>, offered: &[Order]) -> &mut Self {
        let asked = asked.map(str::trim).filter(|name| !name.is_empty());
        let Some(name) = asked else {
            self.order = offered.first().copied();
            return self;
        };
        let (name, turned) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let found = offered.iter().find(|order| order.name.eq_ignore_ascii_case(name));
        self.order = found.map(|order| Order { descending: order.descending != turned, ..*order });
        if self.order.is_none() {
            let names: Vec<&str> = offered.iter().map(|order| order.name).collect();
            let message = format!("orderBy must be one of {}", names.join(", "));
            self.faults.add(Code::InvalidValue, "orderBy", message);
        }
        self
    }

    /// Whether this column gives the order.
    pub fn is_ordered_by(&self, column: &str) -> bool {
        self.order.is_some_and(|order| order.column == column)
    }

    /// Reads the page and its views; 400 with every fault.
    pub async fn find(self, conn: &mut Conn) -> Result<Found<R::View>, Error> {
        let company = self.caller.company;
        let zone = self.zone.clone();
        let (rows, total, next) = self.rows(conn).await?;
        let views = R::views(conn, company, rows, &zone).await?;
        Ok(Found { views, total, next })
    }

    /// The same as rows.
    pub async fn rows(mut self, conn: &mut Conn) -> Result<(Vec<R>, Total, Option<String>), Error> {
        let order = self.order.unwrap_or(Order { name: "id", column: "id", descending: true });
        let after = match self.cursor.take().map(|cursor| read_cursor(&cursor, order)) {
            Some(None) => {
                self.faults.add(Code::InvalidValue, "cursor", "cursor does not belong to this list in this order");
                None
            }
            after => after.flatten(),
        };
        std::mem::take(&mut self.faults).end()?;
        let counted = conn.sql("select count(*) from (select 1 from ").push(R::TABLE).push(" where company = ");
        let counted = self.narrow(counted.push_bind(self.caller.company)).push(" limit ");
        let total: i64 = counted.push_bind(Listing::<()>::MOST_COUNTED + 1).push(") as counted").one::<i64>().await?;
        // The page's ids come first, out of an index where there is one for the filters and the order, and only its own rows
        // are read: sorting all that match would carry their texts along.
        let company = self.caller.company;
        let mut query = conn.rows::<R>(R::TABLE).push(" where company = ").push_bind(company);
        query = query.push(" and id in (select id from ").push(R::TABLE).push(" where company = ").push_bind(company);
        query = self.narrow(query);
        let by_id = order.column == "id";
        if let Some((value, id)) = after {
            query = query.push(if by_id { " and id" } else { " and (" });
            if !by_id {
                query = query.push(order.column).push(", id)");
            }
            query = query.push(if order.descending { " < " } else { " > " });
            query = match by_id {
                true => query.push_bind(id),
                false => query.push("(").push_bind(value).push(", ").push_bind(id).push(")"),
            };
        }
        query = in_order(query, order).push(" limit ").push_bind(self.paging.take + 1);
        if self.paging.skip > 0 {
            query = query.push(" offset ").push_bind(self.paging.skip);
        }
        query = in_order(query.push(")"), order);
        let mut rows: Vec<R> = query.all().await?;
        let take = usize::try_from(self.paging.take).unwrap_or_default();
        let more = rows.len() > take;
        rows.truncate(take);
        let next = rows.last().filter(|_| more).and_then(|row| cursor(row, order));
        Ok((rows, Total::from(total), next))
    }

    fn narrow<'c>(&self, query: Query<'c>) -> Query<'c> {
        let mut query = record::within::<R>(query.push(" and deleted_at is null"), self.caller);
        for piece in &self.conditions {
            query = match piece {
                Piece::Text(text) => query.push(text),
                Piece::Value(value) => query.push_bind(value.clone()),
            };
        }
        query
    }
}

/// ` order by`: the order's column, and the id between equals.
fn in_order<'c>(query: Query<'c>, order: Order) -> Query<'c> {
    let way = if order.descending { " desc" } else { "" };
    let query = query.push(" order by ").push(order.column).push(way);
    if order.column == "id" { query } else { query.push(", id").push(way) }
}

/// The place behind a row in an order, as callers hand it back.
fn cursor<R: Record>(row: &R, order: Order) -> Option<String> {
    let place = serde_json::json!([order.name, order.descending, Key::of(row, order.column)?, Key::of(row, "id")?]);
    Some(URL_SAFE_NO_PAD.encode(place.to_string()))
}

/// A cursor's value and id, if it is one of this order.
fn read_cursor(cursor: &str, order: Order) -> Option<(Value, i64)> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.trim()).ok()?;
    let (name, descending, key, id): (String, bool, Key, i64) = serde_json::from_slice(&bytes).ok()?;
    (name == order.name && descending == order.descending).then(|| (key.into(), id))
}
