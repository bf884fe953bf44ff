//! Which customers a list has, in what order, and from where on.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::Query;
use serde::{Deserialize, Serialize};

use super::store::{self, Reach, Row};
use crate::http::{Code, Faults, Paging};

/// The order of a list; each is that of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum By {
    /// By number, which is the order in which they were made.
    #[default]
    DateCreated,
    DateModified,
    CustomerName,
    CustomerCode,
}

/// Where a page begins: after this customer, in this order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cursor {
    by: By,
    descending: bool,
    text: String,
    at: i64,
    pub(super) id: i64,
}

/// Which customers to list.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) skip: i64,
    pub(super) take: i64,
    pub(super) by: By,
    pub(super) descending: bool,
    pub(super) cursor: Option<Cursor>,
    pub(super) best_first: bool,
    pub(super) keyword: Option<String>,
    pub(super) state: Option<i64>,
    pub(super) kind: Option<i64>,
    pub(super) status: Option<i64>,
    /// Active: status 0; false: any other.
    pub(super) active: Option<bool>,
    pub(super) lead_status: Option<i64>,
    pub(super) code: Option<String>,
    pub(super) name: Option<String>,
    pub(super) tax_no: Option<String>,
    /// In E.164.
    pub(super) phone: Option<String>,
    pub(super) email: Option<String>,
    pub(super) owners: Vec<String>,
    pub(super) has_owner: bool,
    pub(super) team: Option<i64>,
    pub(super) group: Option<String>,
    pub(super) source: Option<String>,
    pub(super) classification: Option<String>,
    pub(super) groups: Vec<i64>,
    pub(super) classifications: Vec<i64>,
    pub(super) interests: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) created: (Option<i64>, Option<i64>),
    pub(super) modified: (Option<i64>, Option<i64>),
    pub(super) near: Option<Near>,
    /// Only what the caller may see; none of one who may see all.
    pub(super) reach: Option<Reach>,
}

/// Within a distance of a place. Degrees are millionths, as they are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    latitude: i64,
    longitude: i64,
    /// Kilometres to metres, in millionths of a degree of latitude.
    reach: i64,
    /// How much shorter a degree of longitude is here, in thousandths.
    narrow: i64,
}

impl Near {
    /// Around a place, in degrees and kilometres.
    pub(super) fn new(latitude: f64, longitude: f64, kilometres: f64) -> Near {
        // A degree of latitude is 111.195 km (mean radius of the earth 6371.0088 km, IUGG).
        #[expect(clippy::cast_possible_truncation, reason = "within the range of degrees")]
        let millionths = |degrees: f64| (degrees.clamp(-360.0, 360.0) * 1e6).round() as i64;
        #[expect(clippy::cast_possible_truncation, reason = "a cosine is at most 1")]
        let narrow = (latitude.to_radians().cos().abs() * 1000.0).round().max(1.0) as i64;
        Near {
            latitude: millionths(latitude),
            longitude: millionths(longitude),
            reach: millionths(kilometres / 111.195),
            narrow,
        }
    }

    /// A box around the place, which an index answers, and the circle within it: flat, which is exact enough for the
    /// distances that people visit customers in.
    pub(super) fn apply(self, query: Query<'_>) -> Query<'_> {
        let wide = self.reach * 1000 / self.narrow;
        query
            .push(" and customer.latitude between ")
            .push_bind(self.latitude - self.reach)
            .push(" and ")
            .push_bind(self.latitude + self.reach)
            .push(" and customer.longitude between ")
            .push_bind(self.longitude - wide)
            .push(" and ")
            .push_bind(self.longitude + wide)
            .push(" and (customer.latitude - ")
            .push_bind(self.latitude)
            .push(") * (customer.latitude - ")
            .push_bind(self.latitude)
            .push(") + ((customer.longitude - ")
            .push_bind(self.longitude)
            .push(") * ")
            .push_bind(self.narrow)
            .push(" / 1000) * ((customer.longitude - ")
            .push_bind(self.longitude)
            .push(") * ")
            .push_bind(self.narrow)
            .push(" / 1000) <= ")
            .push_bind(self.reach * self.reach)
    }
}

impl Filter {
    /// A page without filters.
    pub(super) fn page(skip: Option<i64>, take: Option<i64>, page_length: Option<i64>, faults: &mut Faults) -> Filter {
        let Paging { skip, take } = Paging::read(skip, take, page_length, faults.list());
        Filter { skip, take, descending: true, ..Filter::default() }
    }

    /// The order by its words; false when they are not known.
    pub(super) fn order(&mut self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let (name, word) = text.split_once([' ', ':']).unwrap_or((text.as_str(), ""));
        let (name, minus) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let (by, usual) = match name {
            "datecreated" | "customerid" => (By::DateCreated, true),
            "datemodified" => (By::DateModified, true),
            "customername" => (By::CustomerName, false),
            "customercode" => (By::CustomerCode, false),
            _ => return false,
        };
        let descending = match word.trim() {
            "" => usual || minus,
            "asc" => false,
            "desc" => true,
            _ => return false,
        };
        (self.by, self.descending) = (by, descending);
        true
    }

    /// Goes on where a page ended; its order is that page's.
    pub(super) fn resume(&mut self, cursor: Option<&str>, faults: &mut Faults) {
        let Some(text) = cursor.map(str::trim).filter(|text| !text.is_empty()) else { return };
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let Some(cursor) = bytes.and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok()) else {
            faults.add(Code::InvalidValue, "cursor", "cursor must be the next of an earlier page");
            return;
        };
        (self.by, self.descending, self.skip) = (cursor.by, cursor.descending, 0);
        self.cursor = Some(cursor);
    }

    /// The cursor that goes on after this customer.
    pub(super) fn after(&self, row: &Row) -> Option<String> {
        let text = match self.by {
            By::CustomerName => store::key(&row.name),
            By::CustomerCode => store::key(&row.code),
            By::DateCreated | By::DateModified => String::new(),
        };
        let cursor = Cursor { by: self.by, descending: self.descending, text, at: row.modified_at, id: row.id };
        serde_json::to_vec(&cursor).ok().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether the list is in the order of the numbers, the highest first, in which indexes give their lists.
    pub(super) fn newest_first(&self) -> bool {
        self.by == By::DateCreated && self.descending
    }

    /// Whether a customer of this shape (see `Row::shape`) fits.
    pub(super) fn fits(&self, shape: i64) -> bool {
        let (state, kind, status, lead_status) = (shape / 1000, shape / 100 % 10, shape / 10 % 10, shape % 10);
        let is = |wanted: Option<i64>, found: i64| wanted.is_none_or(|wanted| wanted == found);
        is(self.state, state)
            && is(self.kind, kind)
            && is(self.status, status)
            && is(self.lead_status, lead_status)
            && self.active.is_none_or(|active| active == (status == 0))
    }

    /// The order, of `customer`.
    pub(super) fn push_order<'c>(&self, query: Query<'c>) -> Query<'c> {
        query.push(match (self.by, self.descending) {
            (By::DateCreated, true) => " order by customer.id desc",
            (By::DateCreated, false) => " order by customer.id",
            (By::DateModified, true) => " order by customer.modified_at desc, customer.id desc",
            (By::DateModified, false) => " order by customer.modified_at, customer.id",
            (By::CustomerName, true) => " order by customer.name_key desc, customer.id desc",
            (By::CustomerName, false) => " order by customer.name_key, customer.id",
            (By::CustomerCode, true) => " order by customer.code_key desc, customer.id desc",
            (By::CustomerCode, false) => " order by customer.code_key, customer.id",
        })
    }

    /// The same order, of columns alone.
    pub(super) fn push_arm_order<'c>(&self, query: Query<'c>) -> Query<'c> {
        query.push(match (self.by, self.descending) {
            (By::DateCreated, true) => " order by id desc",
            (By::DateCreated, false) => " order by id",
            (By::DateModified, true) => " order by modified_at desc, id desc",
            (By::DateModified, false) => " order by modified_at, id",
            (By::CustomerName, true) => " order by name_key desc, id desc",
            (By::CustomerName, false) => " order by name_key, id",
            (By::CustomerCode, true) => " order by code_key desc, id desc",
            (By::CustomerCode, false) => " order by code_key, id",
        })
    }

    /// Only what comes after the last customer of the page before.
    pub(super) fn push_after<'c>(&self, query: Query<'c>) -> Query<'c> {
        let Some(cursor) = &self.cursor else { return query };
        let query = query.push(match (cursor.by, cursor.descending) {
            (By::DateCreated, true) => " and customer.id < ",
            (By::DateCreated, false) => " and customer.id > ",
            (By::DateModified, true) => " and (customer.modified_at, customer.id) < (",
            (By::DateModified, false) => " and (customer.modified_at, customer.id) > (",
            (By::CustomerName, true) => " and (customer.name_key, customer.id) < (",
            (By::CustomerName, false) => " and (customer.name_key, customer.id) > (",
            (By::CustomerCode, true) => " and (customer.code_key, customer.id) < (",
            (By::CustomerCode, false) => " and (customer.code_key, customer.id) > (",
        });
        match cursor.by {
            By::DateCreated => query.push_bind(cursor.id),
            By::DateModified => query.push_bind(cursor.at).push(", ").push_bind(cursor.id).push(")"),
            By::CustomerName | By::CustomerCode => {
                query.push_bind(cursor.text.as_str()).push(", ").push_bind(cursor.id).push(")")
            }
        }
    }
}
