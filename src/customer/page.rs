//! Pages of customers: how one is found with bounded work, whatever is filtered by and in whatever order.
//!
//! Three ways lead to a page. Where an index says that few customers can match, those are looked at and sorted. In the
//! order of the numbers, the lists that indexes give are brought together from the newest on (see [`Ids`]). Otherwise
//! the list's own order is followed, over no more than so many customers: had many matched, a page would be full by
//! then, and what few there are can be gathered and sorted.

use std::collections::HashSet;

use db::{Conn, Ids};
use serde::Deserialize;

use super::filter::{By, Filter};
use super::list_plan::ListPlan;
use super::lists::Lists;
use super::store::{self, Row};
use crate::http::{Error, Listing, Total};
use crate::search::{self, Effort, SAMPLE, UNLED_SAMPLE, number};

/// A page of customers.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    pub(super) total: Total,
    pub(super) next: Option<String>,
}

/// Finds a page, and how many there are in all.
pub(super) async fn find_page(conn: &mut Conn, company: i64, filter: &Filter, effort: Effort) -> Result<Found, Error> {
    let Some(plan) = ListPlan::new(conn, company, filter, effort).await? else { return Ok(Found::default()) };
    let (page, mut total) = if plan.has_lists() { plan.listed(conn).await? } else { plan.ordered(conn).await? };
    if filter.cursor.is_none() && !plan.is_full(&page) && (filter.skip == 0 || !page.is_empty()) {
        // The list has come to its end, so nothing is left to be guessed.
        total = Total::from(filter.skip.saturating_add(number(page.len())));
    }
    let mut rows: Vec<Row> = conn
        .select::<Row>(store::TABLE)
        .push(" from ")
        .push_ids(&page)
        .push(" as wanted cross join customer where customer.id = wanted.id and customer.company = ")
        .push_bind(company)
        .all()
        .await?;
    rows.sort_by_key(|row| page.iter().position(|id| *id == row.id));
    let take = usize::try_from(filter.take).unwrap_or_default();
    let more = rows.len() > take;
    rows.truncate(take);
    let next = rows.last().filter(|_| more).and_then(|row| filter.after(row));
    Ok(Found { rows, total, next })
}

/// How many of those that were looked at match.
#[derive(Debug, Deserialize)]
struct Share {
    looked: i64,
    matched: i64,
}

/// A customer that matches, and whether it comes after the cursor.
#[derive(Debug, Deserialize)]
struct Match {
    id: i64,
    later: bool,
}

impl ListPlan<'_> {
    /// How many customers a page needs, with those that are skipped and one that says whether there are more.
    fn needed(&self) -> usize {
        usize::try_from(self.filter.skip.saturating_add(self.filter.take).saturating_add(1)).unwrap_or(usize::MAX)
    }

    /// A page by shape, entries and periods only.
    async fn ordered(&self, conn: &mut Conn) -> Result<(Vec<i64>, Total), Error> {
        let total = self.count(conn).await?;
        if self.is_plain() {
            return Ok((self.straight(conn).await?, total));
        }
        let few = !total.is_estimate && usize::try_from(total.number).is_ok_and(|number| number <= self.effort.rows);
        if !total.is_estimate && self.filter.by == By::DateCreated && !self.counts_with_conditions() {
            return Ok((self.sorted_groups(conn).await?, total));
        }
        if few {
            let ids = self.gather_counted(conn).await?;
            return self.among(conn, &ids).await;
        }
        let page = self.walk(conn, None).await?;
        if self.is_full(&page) {
            return Ok((page, total));
        }
        if !self.counts_with_conditions() {
            if self.filter.by == By::DateCreated {
                return Ok((self.sorted_groups(conn).await?, total));
            }
            let most = self.effort.sorted;
            let query =
                self.push_groups(conn.sql("select id from ("), None).push(" limit ").push_bind(number(most) + 1);
            let ids: Vec<i64> = query.push(") as listed").all().await?;
            if ids.len() <= most {
                let (page, exact) = self.among(conn, &ids).await?;
                return Ok((page, if total.is_estimate { total } else { exact }));
            }
        }
        Ok((self.walk_on(conn).await?, total))
    }

    /// Whether a page holds what was asked for: with fewer, there may be more further on.
    fn is_full(&self, page: &[i64]) -> bool {
        number(page.len()) > self.filter.take
    }

    /// Whether counting looks at customers that may not match, because no index has all that is asked for.
    fn counts_with_conditions(&self) -> bool {
        let filter = self.filter;
        self.has_period()
            || filter.has_owner
            || filter.team.is_some()
            || filter.near.is_some()
            || filter.reach.is_some()
    }

    /// How many match, exact up to [`Listing::MOST_COUNTED`] where shape and entries alone are asked for. Otherwise
    /// only so many are looked at, and those beyond are taken to match as often.
    async fn count(&self, conn: &mut Conn) -> Result<Total, db::Error> {
        let most = Listing::<Row>::MOST_COUNTED;
        if !self.counts_with_conditions() {
            let query = self.push_groups(conn.sql("select count(*) from ("), None);
            let counted: i64 = query.push(" limit ").push_bind(most + 1).push(") as counted").one().await?;
            return Ok(Total::from(counted));
        }
        let order = self.counting_order();
        let table = self.needs_table(order.by);
        let pass = number(if table { self.effort.rows } else { self.effort.passed });
        let query = conn.sql("select count(*) as looked, coalesce(sum(case when 0 = 0");
        let query = if table { self.push_all_conditions(query) } else { self.push_conditions(query) };
        let query = self.push_arms(query.push(" then 1 else 0 end), 0) as matched from ("), &order);
        let query = query.push(" limit ").push_bind(pass);
        let share: Share = push_table(query, table).one().await?;
        if share.looked < pass {
            return Ok(Total::from(share.matched));
        }
        // A period in the order of the numbers says how many there may be; otherwise more is not known than was seen.
        let beyond = self.last.saturating_sub(self.first).max(share.looked);
        let about = if order.by == By::DateCreated && self.last < i64::MAX {
            i128::from(share.matched) * i128::from(beyond) / i128::from(share.looked)
        } else {
            i128::from(share.matched)
        };
        Ok(Total::about(i64::try_from(about).unwrap_or(i64::MAX)))
    }

    /// The order in which counting goes: that of the period, where there is one.
    fn counting_order(&self) -> Filter {
        let modified = self.filter.modified;
        let by = if modified.0.is_some() || modified.1.is_some() { By::DateModified } else { By::DateCreated };
        Filter { by, descending: true, modified, ..Filter::default() }
    }

    /// All that were counted, when these are few.
    async fn gather_counted(&self, conn: &mut Conn) -> Result<Vec<i64>, db::Error> {
        if !self.counts_with_conditions() {
            return self.push_groups(conn.sql(""), None).all().await;
        }
        let order = self.counting_order();
        let table = self.needs_table(order.by);
        let query = self.push_arms(conn.sql("select customer.id from ("), &order);
        let query = push_table(query, table);
        let query = if table { self.push_all_conditions(query) } else { self.push_conditions(query) };
        query.all().await
    }

    /// A page of the customers of these entries, in the order of the numbers. They are sorted here: asked for in that order,
    /// SQLite would follow the index of the order instead of the one that has them together.
    async fn sorted_groups(&self, conn: &mut Conn) -> Result<Vec<i64>, db::Error> {
        let filter = self.filter;
        let mut ids: Vec<i64> = self.push_groups(conn.sql(""), None).all().await?;
        if let Some(cursor) = &filter.cursor {
            ids.retain(|id| if filter.descending { *id < cursor.id } else { *id > cursor.id });
        }
        ids.sort_unstable_by(|a, b| if filter.descending { b.cmp(a) } else { a.cmp(b) });
        let skip = usize::try_from(filter.skip).unwrap_or(usize::MAX);
        let take = usize::try_from(filter.take).unwrap_or_default();
        Ok(ids.into_iter().skip(skip).take(take + 1).collect())
    }

    /// A page of those that fit by shape alone: nothing else is read.
    async fn straight(&self, conn: &mut Conn) -> Result<Vec<i64>, db::Error> {
        let filter = self.filter;
        let query = self.push_arms(conn.sql("select customer.id from ("), filter);
        let query = query.push(" limit ").push_bind(filter.take + 1).push(" offset ").push_bind(filter.skip);
        filter.push_order(query.push(") as customer")).all().await
    }

    /// Follows the list's order over a bounded number of customers; the page is among the given ones, if there are such.
    async fn walk(&self, conn: &mut Conn, few: Option<&Ids>) -> Result<Vec<i64>, db::Error> {
        let filter = self.filter;
        let pass = number(self.effort.passed).saturating_add(filter.skip);
        if few.is_none() && !self.needs_table(filter.by) {
            return self.walk_over(conn, pass).await;
        }
        // What the index does not drop is looked at in the table, lot by lot. The given ones meet the other conditions as
        // far as lists can tell.
        let query = self.push_arms(conn.sql("select customer.id from ("), filter).push(" limit ").push_bind(pass);
        let query = push_table(query, false);
        let query = if few.is_some() { self.push_entries(query) } else { self.push_conditions(query) };
        let mut ids: Vec<i64> = filter.push_order(query).all().await?;
        if let Some(few) = few {
            ids.retain(|id| few.ids.binary_search_by(|other| id.cmp(other)).is_ok());
        }
        ids.truncate(self.effort.rows.max(self.needed()));
        let found = self.first_of(conn, &ids, self.needed()).await?;
        Ok(found.into_iter().skip(usize::try_from(filter.skip).unwrap_or(usize::MAX)).collect())
    }

    /// Follows the list's order further, to its end, if it must. All customers with a keyword are sorted before that; in an
    /// order in which they were not met soon, at once.
    async fn walk_on(&self, conn: &mut Conn) -> Result<Vec<i64>, db::Error> {
        let keyword = self.filter.keyword.as_deref();
        if keyword.is_none() || self.filter.newest_first() {
            let page = self.walk_over(conn, number(self.effort.passed).saturating_mul(8)).await?;
            if self.is_full(&page) {
                return Ok(page);
            }
        }
        match keyword {
            Some(keyword) => self.sort_named(conn, keyword).await,
            None => self.walk_over(conn, i64::MAX).await,
        }
    }

    async fn walk_over(&self, conn: &mut Conn, pass: i64) -> Result<Vec<i64>, db::Error> {
        let filter = self.filter;
        let table = self.needs_table(filter.by);
        let query = self.push_arms(conn.sql("select customer.id from ("), filter).push(" limit ").push_bind(pass);
        let query = push_table(query, table);
        let query = if table { self.push_all_conditions(query) } else { self.push_conditions(query) };
        self.push_page(query).all().await
    }

    /// A page of all customers with a keyword, however many, each of which is looked at.
    async fn sort_named(&self, conn: &mut Conn, keyword: &str) -> Result<Vec<i64>, db::Error> {
        let named = conn.text_set(store::TEXTS, self.company, keyword).await?;
        let query = conn.sql("select customer.id from ").push_found(&named);
        let query = query.push(" as candidate cross join customer where customer.id = candidate.id");
        self.push_page(self.filter.push_after(self.push_all_conditions(query))).all().await
    }

    /// The order, and how many of it are wanted. What is read for them may be very much.
    fn push_page<'c>(&self, query: db::Query<'c>) -> db::Query<'c> {
        let query = self.filter.push_order(query).push(" limit ").push_bind(self.filter.take + 1);
        query.push(" offset ").push_bind(self.filter.skip).aside()
    }

    /// A page by what indexes name, such as a keyword or an owner.
    async fn listed(&self, conn: &mut Conn) -> Result<(Vec<i64>, Total), Error> {
        let top = self.last.saturating_add(1);
        let lists = self.lists(conn, top).await?;
        if let Some(few) = lists.whole.as_ref().filter(|few| few.ids.len() <= self.effort.rows) {
            return self.among(conn, &few.ids).await;
        }
        let mut total = self.estimate(conn, &lists.region(top)).await?;
        let filter = self.filter;
        let skip = usize::try_from(filter.skip).unwrap_or(usize::MAX);
        let mut page = Vec::new();
        if !filter.newest_first() {
            page = self.walk(conn, lists.whole.as_ref()).await?;
        }
        if !self.is_full(&page) {
            let found = if filter.newest_first() {
                let found = self.stream(conn, lists, self.needed()).await?;
                found.map(|found| found.into_iter().skip(skip).collect())
            } else if let Some(all) = self.gather(conn, lists).await? {
                let (page, exact) = self.among(conn, &all).await?;
                total = exact;
                Some(page)
            } else {
                None
            };
            page = match found {
                Some(found) => found,
                None => self.walk_on(conn).await?,
            };
        }
        let seen = filter.skip.saturating_add(number(page.len()));
        if !page.is_empty() && filter.cursor.is_none() && total.number < seen {
            total = Total::about(seen);
        }
        Ok((page, total))
    }

    /// All that the lists have in common, the newest first. None when no list leads, or it is more than is sorted.
    async fn gather(&self, conn: &mut Conn, mut lists: Lists<'_>) -> Result<Option<Vec<i64>>, db::Error> {
        let mut below = self.last.saturating_add(1);
        let mut all = Vec::new();
        loop {
            let region = lists.region(below);
            if region.floor >= below {
                return Ok(None);
            }
            all.extend(region.ids);
            if all.len() > self.effort.sorted {
                return Ok(None);
            }
            if region.floor <= self.first {
                return Ok(Some(all));
            }
            below = region.floor;
            lists.go_on(self, conn, below).await?;
        }
    }

    /// Goes through what the lists have in common, from the newest on, and looks at it until `needed` match; the newest
    /// first. None when no list leads.
    async fn stream(
        &self,
        conn: &mut Conn,
        mut lists: Lists<'_>,
        needed: usize,
    ) -> Result<Option<Vec<i64>>, db::Error> {
        let top = self.last.saturating_add(1);
        let mut below = top;
        if let Some(cursor) = self.filter.cursor.as_ref().filter(|_| self.filter.newest_first()) {
            below = top.min(cursor.id);
            lists.go_on(self, conn, below).await?;
        }
        let mut found = Vec::new();
        loop {
            let region = lists.region(below);
            if region.floor >= below {
                return Ok(None);
            }
            found.extend(self.first_of(conn, &region.ids, needed - found.len()).await?);
            if found.len() >= needed || region.floor <= self.first {
                return Ok(Some(found));
            }
            below = region.floor;
            lists.go_on(self, conn, below).await?;
        }
    }

    /// The first of these that match, in the same order.
    async fn first_of(&self, conn: &mut Conn, ids: &[i64], needed: usize) -> Result<Vec<i64>, db::Error> {
        let most = self.effort.rows.max(100);
        let mut lot = needed.clamp(100, most);
        let (head, mut rest) = ids.split_at(lot.min(ids.len()));
        let mut found = self.verified(conn, head).await?;
        let narrowed;
        if found.len() < needed {
            narrowed = self.narrowed(conn, rest).await?;
            rest = &narrowed;
        }
        while !rest.is_empty() && found.len() < needed {
            lot = lot.saturating_mul(4).min(most);
            let (head, tail) = rest.split_at(lot.min(rest.len()));
            found.extend(self.verified(conn, head).await?);
            rest = tail;
        }
        found.truncate(needed);
        Ok(found)
    }

    /// Which of these match, in the same order.
    async fn verified(&self, conn: &mut Conn, ids: &[i64]) -> Result<Vec<i64>, db::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = conn.sql("select customer.id from ").push_ids(ids);
        let query = query.push(" as candidate cross join customer where customer.id = candidate.id");
        let matching: HashSet<i64> = self.push_all_conditions(query).all().await?.into_iter().collect();
        Ok(ids.iter().copied().filter(|id| matching.contains(id)).collect())
    }

    /// Which of these fit by shape and entries, in the same order: where they lie close together, all customers between them
    /// that do are read from an index sooner than each is looked at. Otherwise all.
    async fn narrowed(&self, conn: &mut Conn, ids: &[i64]) -> Result<Vec<i64>, db::Error> {
        let (first, last) = (ids.iter().min().copied(), ids.iter().max().copied());
        let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
        let is_dense = (last - first) / PASSED_FOR_A_ROW < number(ids.len());
        if !self.has_columns() || ids.len() < self.effort.rows / 10 || !is_dense {
            return Ok(ids.to_vec());
        }
        let fitting: Vec<i64> = self.push_groups(conn.sql(""), Some((first, last))).all().await?;
        let fitting: HashSet<i64> = fitting.into_iter().collect();
        Ok(ids.iter().copied().filter(|id| fitting.contains(id)).collect())
    }

    /// About how many match: as often as in a sample of what the lists have in common.
    async fn estimate(&self, conn: &mut Conn, region: &Ids) -> Result<Total, db::Error> {
        let newest = if region.ids.is_empty() { Some(self.newest(conn).await?) } else { None };
        let (listed, most) = newest.as_ref().map_or((region, SAMPLE), |newest| (newest, UNLED_SAMPLE));
        let sample = listed.sample(most);
        let matched = self.verified(conn, sample).await?.len();
        Ok(Total::about(listed.about(self.first, sample.len(), matched)))
    }

    /// The newest customers that fit by shape, where no list leads.
    async fn newest(&self, conn: &mut Conn) -> Result<Ids, db::Error> {
        let order = Filter { by: By::DateCreated, descending: true, ..Filter::default() };
        let query = self.push_arms(conn.sql("select customer.id from ("), &order);
        let query = query.push(" limit ").push_bind(number(UNLED_SAMPLE) + 1);
        Ok(Ids::cut(push_table(query, false).all().await?, UNLED_SAMPLE))
    }

    /// A page of these customers, all of which are looked at and sorted; how many match is exact.
    async fn among(&self, conn: &mut Conn, ids: &[i64]) -> Result<(Vec<i64>, Total), Error> {
        if ids.is_empty() {
            return Ok((Vec::new(), Total::default()));
        }
        let filter = self.filter;
        let query = filter.push_after(conn.sql("select customer.id as id, (0 = 0"));
        let query = query.push(") as later from ").push_ids(ids);
        let query = query.push(" as candidate cross join customer where customer.id = candidate.id");
        let query = self.push_all_conditions(query);
        let ranked = filter.keyword.as_deref().filter(|_| filter.best_first);
        let query = match ranked {
            Some(keyword) => query
                .push(" order by case when customer.code_key = ")
                .push_bind(keyword)
                .push(" then 0 when customer.name_key = ")
                .push_bind(keyword)
                .push(" then 1 when customer.name_key like ")
                .push_bind(search::prefix(keyword))
                .push(" escape '!' then 2 else 3 end, customer.id desc"),
            None => filter.push_order(query),
        };
        let matching: Vec<Match> = query.all().await?;
        let total = Total::from(number(matching.len()));
        let start = match &filter.cursor {
            // What fits best has no place of its own in an order: the page goes on behind the customer itself.
            Some(cursor) if ranked.is_some() => {
                matching.iter().position(|found| found.id == cursor.id).map_or(matching.len(), |place| place + 1)
            }
            Some(_) => matching.iter().position(|found| found.later).unwrap_or(matching.len()),
            None => usize::try_from(filter.skip).unwrap_or(usize::MAX),
        };
        let take = usize::try_from(filter.take).unwrap_or_default();
        let page = matching.into_iter().skip(start).take(take + 1).map(|found| found.id).collect();
        Ok((page, total))
    }
}

/// Passing so many customers in an index costs what looking at one in the table does.
const PASSED_FOR_A_ROW: i64 = 20;

/// Ends the arms: they are `customer` by themselves, or lead to it where the table is needed.
fn push_table(query: db::Query<'_>, table: bool) -> db::Query<'_> {
    if table {
        query
            .push(") as looked cross join customer where customer.company = looked.company and customer.id = looked.id")
    } else {
        query.push(") as customer where 0 = 0")
    }
}
