//! Pages of products: how one is found, by filters and by a keyword.

use std::collections::HashSet;

use db::{Conn, Ids, Query};

use super::store::{self, Row};
use crate::http::{Code, Error, Faults, Listing, Total};
use crate::search::{self, Effort, SAMPLE, UNLED_SAMPLE, number};

/// The most products of one answer: the original documents no way to ask for more than the first of this list.
const MOST: i64 = 1_000;

/// The order of a list; each is that of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum By {
    #[default]
    DateCreated,
    DateModified,
    ProductName,
    ProductCode,
}

/// Which rows a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Which {
    /// What is sold and counted: every row but the parents of variants.
    #[default]
    Items,
    /// What people call a product: every row but the variants.
    Products,
}

/// Which products to list, in the database's words.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) skip: i64,
    pub(super) take: i64,
    pub(super) by: By,
    pub(super) descending: bool,
    pub(super) rows: Which,
    /// Only those with a lower number.
    pub(super) before: Option<i64>,
    pub(super) keyword: Option<String>,
    pub(super) kind: Option<i64>,
    pub(super) active: Option<bool>,
    pub(super) sold: bool,
    pub(super) stocked: bool,
    /// Numbers of groups of the first, second and third level: in any of them. None is no filter.
    pub(super) groups: Option<[Vec<i64>; 3]>,
}

impl Filter {
    pub(super) fn page(skip: Option<i64>, take: Option<i64>, faults: &mut Faults) -> Filter {
        let (skip, take) = (skip.unwrap_or(0), take.unwrap_or(20));
        for (field, number) in [("skip", skip), ("take", take)] {
            if number < 0 {
                faults.add(Code::InvalidValue, field, format!("{field} must be 0 or more"));
            }
        }
        let take = if take == 0 { MOST } else { take.clamp(1, MOST) };
        Filter { skip: skip.max(0), take, descending: true, ..Filter::default() }
    }

    /// The order by its words; the default when they are not known, because those of the original are not.
    pub(super) fn order(&mut self, text: &str) {
        let text = text.trim().to_lowercase();
        let (name, word) = text.split_once([' ', ':']).unwrap_or((text.as_str(), ""));
        let (name, minus) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let (by, usual) = match name {
            "datemodified" => (By::DateModified, true),
            "productname" | "partname" | "name" => (By::ProductName, false),
            "productcode" | "code" => (By::ProductCode, false),
            _ => (By::DateCreated, true),
        };
        self.by = by;
        self.descending = match word.trim() {
            "asc" => false,
            "desc" => true,
            _ => usual || minus,
        };
    }

    /// `where` with every filter.
    fn apply<'c>(&self, mut query: Query<'c>, company: i64) -> Query<'c> {
        query = query.push(" where product.company = ").push_bind(company).push(" and product.deleted_at is null");
        query = query.push(match self.rows {
            Which::Items => " and not product.is_parent",
            Which::Products => " and product.parent is null",
        });
        if let Some(kind) = self.kind {
            query = query.push(" and product.kind = ").push_bind(kind);
        }
        if let Some(active) = self.active {
            query = query.push(" and product.active = ").push_bind(active);
        }
        if self.sold {
            query = query.push(" and product.visibility = ").push_bind(true);
        }
        if self.stocked {
            query = query.push(" and product.track_inventory = ").push_bind(true);
        }
        if let Some(before) = self.before {
            query = query.push(" and product.id < ").push_bind(before);
        }
        if let Some(groups) = &self.groups {
            query = in_groups(query, groups);
        }
        match &self.keyword {
            Some(keyword) => {
                query.push(" and product.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'")
            }
            None => query,
        }
    }

    fn apply_order<'c>(&self, query: Query<'c>) -> Query<'c> {
        query.push(match (self.by, self.descending) {
            (By::DateCreated, true) => " order by product.id desc",
            (By::DateCreated, false) => " order by product.id",
            (By::DateModified, true) => " order by product.modified_at desc, product.id desc",
            (By::DateModified, false) => " order by product.modified_at, product.id",
            (By::ProductName, true) => " order by product.name_key desc, product.id desc",
            (By::ProductName, false) => " order by product.name_key, product.id",
            (By::ProductCode, true) => " order by product.code_key desc",
            (By::ProductCode, false) => " order by product.code_key",
        })
    }
}

/// In any of these groups. One group is the usual case, and the one that an index answers in the list's own order.
fn in_groups<'c>(mut query: Query<'c>, groups: &[Vec<i64>; 3]) -> Query<'c> {
    let levels = [
        ("product.category = ", "product.category in ", &groups[0]),
        ("product.sub_category = ", "product.sub_category in ", &groups[1]),
        ("product.sub_sub_category = ", "product.sub_sub_category in ", &groups[2]),
    ];
    let mut joint = " and (";
    for (is, is_in, ids) in levels {
        match ids.as_slice() {
            [] => continue,
            [id] => query = query.push(joint).push(is).push_bind(*id),
            ids => query = query.push(joint).push(is_in).push_ids(ids),
        }
        joint = " or ";
    }
    // Groups that are not there have no products.
    query.push(if joint == " or " { ")" } else { " and false" })
}

/// A page of products.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    pub(super) total: Total,
    pub(super) more: bool,
}

/// Finds a page, and how many there are in all.
///
/// Filters are followed in the list's own order, in an index that has them all. A keyword that few products can have is
/// answered from the text index: those are looked at, all of them, which also counts them. One that many have is met soon:
/// the newest of them are looked at lot by lot, or in another order that order is followed.
pub(super) async fn find_page(conn: &mut Conn, company: i64, filter: &Filter, effort: Effort) -> Result<Found, Error> {
    let pages = Pages { company, filter, effort };
    let (mut rows, mut total) = match &filter.keyword {
        Some(keyword) => pages.by_keyword(conn, keyword).await?,
        None => (pages.walk(conn).await?, pages.count(conn).await?),
    };
    let (listed, take) = (number(rows.len()), filter.take);
    if filter.before.is_none() && listed <= take && (filter.skip == 0 || listed > 0) {
        // The list has come to its end, so nothing is left to be guessed.
        total = Total::from(filter.skip.saturating_add(listed));
    }
    let seen = filter.skip.saturating_add(listed);
    if listed > 0 && total.number < seen {
        total = Total::about(seen);
    }
    rows.truncate(usize::try_from(take).unwrap_or_default());
    Ok(Found { rows, total, more: listed > take })
}

/// A page that is being found.
struct Pages<'f> {
    company: i64,
    filter: &'f Filter,
    effort: Effort,
}

impl Pages<'_> {
    /// How many match, exact up to [`Listing::MOST_COUNTED`]: of the whole list, as the page's own beginning is no filter.
    async fn count(&self, conn: &mut Conn) -> Result<Total, db::Error> {
        let whole = Filter { before: None, ..self.filter.clone() };
        let query = whole.apply(conn.sql("select count(*) from (select 1 from product"), self.company);
        let most = Listing::<Row>::MOST_COUNTED + 1;
        let counted: i64 = query.push(" limit ").push_bind(most).push(") as counted").one().await?;
        Ok(Total::from(counted))
    }

    /// A page in the list's own order: only its own rows are read beyond the index.
    async fn walk(&self, conn: &mut Conn) -> Result<Vec<Row>, db::Error> {
        let filter = self.filter;
        let query = conn.select::<Row>(store::TABLE).push(" from (select product.id from product");
        let query = filter.apply_order(filter.apply(query, self.company));
        let query = query.push(" limit ").push_bind(filter.take + 1).push(" offset ").push_bind(filter.skip);
        let query = query.push(") as listed cross join product where product.id = listed.id and product.company = ");
        filter.apply_order(query.push_bind(self.company)).all().await
    }

    async fn by_keyword(&self, conn: &mut Conn, keyword: &str) -> Result<(Vec<Row>, Total), Error> {
        let filter = self.filter;
        let newest_first = filter.by == By::DateCreated && filter.descending;
        let ids = self.candidates(conn, keyword, i64::MAX).await?;
        if ids.is_whole() && (!newest_first || ids.ids.len() <= self.effort.rows) {
            return self.among(conn, &ids.ids).await;
        }
        let total = self.estimate(conn, &ids).await?;
        let page = if newest_first { self.newest(conn, keyword, ids).await? } else { None };
        let rows = match page {
            Some(page) => self.rows(conn, &page).await?,
            None => self.walk(conn).await?,
        };
        Ok((rows, total))
    }

    async fn candidates(&self, conn: &mut Conn, keyword: &str, below: i64) -> Result<Ids, db::Error> {
        conn.text_candidates("product_text", self.company, keyword, below, self.effort.entries).await
    }

    /// About how many match: as often as among the newest that may.
    async fn estimate(&self, conn: &mut Conn, candidates: &Ids) -> Result<Total, db::Error> {
        let newest = if candidates.ids.is_empty() { Some(self.unled(conn).await?) } else { None };
        let (listed, most) = newest.as_ref().map_or((candidates, SAMPLE), |newest| (newest, UNLED_SAMPLE));
        let (whole, sample) = (Filter { before: None, ..self.filter.clone() }, listed.sample(most));
        let matched = Pages { filter: &whole, ..*self }.verified(conn, sample).await?.len();
        Ok(Total::about(listed.about(1, sample.len(), matched)))
    }

    /// The newest products, whatever they are.
    async fn unled(&self, conn: &mut Conn) -> Result<Ids, db::Error> {
        let query = conn.sql("select id from product where company = ").push_bind(self.company);
        let query = query.push(" order by id desc limit ").push_bind(number(UNLED_SAMPLE) + 1);
        Ok(Ids::cut(query.all().await?, UNLED_SAMPLE))
    }

    /// The newest that match, as many as the page needs; none when the text index does not lead.
    async fn newest(&self, conn: &mut Conn, keyword: &str, first: Ids) -> Result<Option<Vec<i64>>, db::Error> {
        let filter = self.filter;
        let skip = usize::try_from(filter.skip).unwrap_or(usize::MAX);
        let needed = skip.saturating_add(usize::try_from(filter.take).unwrap_or_default()).saturating_add(1);
        let (mut found, mut below, mut ids) = (Vec::new(), i64::MAX, first);
        while ids.floor < below {
            for lot in ids.ids.chunks(needed.clamp(100, self.effort.rows.max(100))) {
                let matching = self.verified(conn, lot).await?;
                found.extend(lot.iter().copied().filter(|id| matching.contains(id)));
                if found.len() >= needed {
                    break;
                }
            }
            if found.len() >= needed || ids.is_whole() {
                return Ok(Some(found.into_iter().take(needed).skip(skip).collect()));
            }
            below = ids.floor;
            ids = self.candidates(conn, keyword, below).await?;
        }
        Ok(None)
    }

    /// Which of these match.
    async fn verified(&self, conn: &mut Conn, ids: &[i64]) -> Result<HashSet<i64>, db::Error> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        Ok(self.push_candidates(conn, ids).all::<i64>().await?.into_iter().collect())
    }

    fn push_candidates<'c>(&self, conn: &'c mut Conn, ids: &[i64]) -> Query<'c> {
        let query = conn.sql("select product.id from ").push_ids(ids).push(" as candidate cross join product");
        self.filter.apply(query, self.company).push(" and product.id = candidate.id")
    }

    /// A page of these products: all that match are put in order first, by number alone.
    async fn among(&self, conn: &mut Conn, ids: &[i64]) -> Result<(Vec<Row>, Total), Error> {
        if ids.is_empty() {
            return Ok(Default::default());
        }
        let filter = self.filter;
        let matching: Vec<i64> = filter.apply_order(self.push_candidates(conn, ids)).all().await?;
        let total = Total::from(number(matching.len()));
        let (skip, take) = (usize::try_from(filter.skip).unwrap_or(usize::MAX), filter.take + 1);
        let take = usize::try_from(take).unwrap_or_default();
        let page: Vec<i64> = matching.into_iter().skip(skip).take(take).collect();
        Ok((self.rows(conn, &page).await?, total))
    }

    /// The products of these numbers, in this order.
    async fn rows(&self, conn: &mut Conn, page: &[i64]) -> Result<Vec<Row>, db::Error> {
        let query = conn.select::<Row>(store::TABLE).push(" from ").push_ids(page);
        let query = query.push(" as wanted cross join product where product.id = wanted.id and product.company = ");
        let mut rows: Vec<Row> = query.push_bind(self.company).all().await?;
        rows.sort_by_key(|row| page.iter().position(|id| *id == row.id));
        Ok(rows)
    }
}
