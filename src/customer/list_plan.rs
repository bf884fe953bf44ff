//! A filter with its names looked up, and the parts of statements that are made of it.

use db::{Conn, Ids, Query, Rows, Type};
use serde::Deserialize;

use super::filter::{By, Filter};
use super::store;
use crate::search::{self, Effort};
use crate::setting::choice;
use crate::setting::list::List as Choices;
use crate::staff::employee;

/// A filter whose names are looked up: what its statements are put together from.
#[derive(Debug)]
pub(super) struct ListPlan<'f> {
    pub(super) filter: &'f Filter,
    pub(super) company: i64,
    pub(super) effort: Effort,
    /// The shapes that fit and that some customer has; see `Row::shape`.
    shapes: Vec<i64>,
    /// Whether all that any customer has fit.
    any_shape: bool,
    /// Entries of the look-up lists, any of which is wanted; none: no filter.
    groups: Vec<i64>,
    sources: Vec<i64>,
    classifications: Vec<i64>,
    pub(super) links: Vec<Link>,
    /// The numbers between which customers of the wanted time of creation are.
    pub(super) first: i64,
    pub(super) last: i64,
}

/// A filter by what stands in another table: any of these.
#[derive(Debug)]
pub(super) enum Link {
    Owners(Vec<String>),
    Choices(Choices, Vec<i64>),
    Identity(&'static str, String),
}

/// A customer's number and time of creation go up together, but for the clocks of several nodes: they are less apart
/// than this.
const CLOCKS: i64 = 86_400_000;

impl<'f> ListPlan<'f> {
    /// Looks the names up; none when no customer can match.
    pub(super) async fn new(
        conn: &mut Conn,
        company: i64,
        filter: &'f Filter,
        effort: Effort,
    ) -> Result<Option<ListPlan<'f>>, db::Error> {
        // From one to the next, however many customers have it.
        let shapes: Vec<i64> = conn
            .sql(
                "with recursive step (shape) as (
                   select min(shape) from customer where company = $1 and deleted_at is null
                   union all
                   select (select min(customer.shape) from customer
                           where company = $1 and deleted_at is null and customer.shape > step.shape)
                   from step where step.shape is not null
                 ) select shape from step where shape is not null",
            )
            .bind(company)
            .all()
            .await?;
        let fitting: Vec<i64> = shapes.iter().copied().filter(|shape| filter.fits(*shape)).collect();
        let mut plan = ListPlan {
            filter,
            company,
            effort,
            any_shape: fitting.len() == shapes.len(),
            shapes: fitting,
            groups: filter.groups.clone(),
            sources: Vec::new(),
            classifications: filter.classifications.clone(),
            links: Vec::new(),
            first: 0,
            last: i64::MAX,
        };
        let possible = !plan.shapes.is_empty() && plan.look_up(conn).await? && plan.bound(conn).await?;
        Ok(possible.then_some(plan))
    }

    /// Entries of look-up lists by their names; false when a filter names none that exists.
    async fn look_up(&mut self, conn: &mut Conn) -> Result<bool, db::Error> {
        #[derive(Deserialize)]
        struct Entry {
            list: String,
            id: i64,
        }
        let filter = self.filter;
        let wanted = [
            (Choices::CustomerGroups, filter.group.as_slice()),
            (Choices::Sources, filter.source.as_slice()),
            (Choices::Classifications, filter.classification.as_slice()),
            (Choices::Interests, filter.interests.as_slice()),
            (Choices::Tags, filter.tags.as_slice()),
        ];
        let mut names = Rows::new(&[("list", Type::Text), ("name_key", Type::Text)]);
        for (list, texts) in wanted {
            for text in texts {
                names.push([list.path().into(), choice::key(text).into()]);
            }
        }
        let found: Vec<Entry> = if names.is_empty() {
            Vec::new()
        } else {
            conn.sql("select choice.list, choice.id from ")
                .push_rows(&names)
                .push(" as wanted cross join choice where choice.list = wanted.list and choice.name_key = wanted.name_key and choice.company = ")
                .push_bind(self.company)
                .all()
                .await?
        };
        for (list, texts) in wanted {
            let mut ids: Vec<i64> =
                found.iter().filter(|entry| entry.list == list.path()).map(|entry| entry.id).collect();
            ids.sort_unstable();
            ids.dedup();
            match (texts.is_empty(), ids.is_empty(), list) {
                (true, _, _) => {}
                (false, true, _) => return Ok(false),
                (false, false, Choices::CustomerGroups) => self.groups = ids,
                (false, false, Choices::Sources) => self.sources = ids,
                (false, false, Choices::Classifications) => self.classifications = ids,
                (false, false, list) => self.links.push(Link::Choices(list, ids)),
            }
        }
        if !filter.owners.is_empty() {
            self.links.push(Link::Owners(filter.owners.iter().map(|owner| employee::key(owner)).collect()));
        }
        for (kind, value) in [("phone", &filter.phone), ("email", &filter.email)] {
            self.links.extend(value.clone().map(|value| Link::Identity(kind, value)));
        }
        Ok(true)
    }

    /// The numbers between which customers were made at the wanted time; false when there are none.
    async fn bound(&mut self, conn: &mut Conn) -> Result<bool, db::Error> {
        if let Some(from) = self.filter.created.0 {
            let first: Option<i64> = conn
                .sql("select id from customer where company = $1 and created_at >= $2 order by created_at, id limit 1")
                .bind(self.company)
                .bind(from.saturating_sub(CLOCKS))
                .optional()
                .await?;
            let Some(first) = first else { return Ok(false) };
            self.first = first;
        }
        if let Some(to) = self.filter.created.1 {
            let last: Option<i64> = conn
                .sql("select id from customer where company = $1 and created_at <= $2 order by created_at desc, id desc limit 1")
                .bind(self.company)
                .bind(to.saturating_add(CLOCKS))
                .optional()
                .await?;
            let Some(last) = last else { return Ok(false) };
            self.last = last;
        } else if self.first > 0 {
            let last = conn.sql("select max(id) from customer where company = $1").bind(self.company);
            self.last = last.one().await?;
        }
        Ok(self.first <= self.last)
    }

    /// Whether entries of look-up lists are filtered by.
    pub(super) fn has_entries(&self) -> bool {
        !(self.groups.is_empty() && self.sources.is_empty() && self.classifications.is_empty())
    }

    /// Whether a period is filtered by.
    pub(super) fn has_period(&self) -> bool {
        let (created, modified) = (self.filter.created, self.filter.modified);
        [created.0, created.1, modified.0, modified.1].iter().any(Option::is_some)
    }

    /// Whether shape or entries narrow the list.
    pub(super) fn has_columns(&self) -> bool {
        self.has_entries() || !self.any_shape
    }

    /// Whether an index names the customers that a filter lets through.
    pub(super) fn has_lists(&self) -> bool {
        let filter = self.filter;
        let whole = [&filter.keyword, &filter.code, &filter.name, &filter.tax_no];
        whole.into_iter().any(Option::is_some) || !self.links.is_empty()
    }

    /// Whether a filter asks for nothing but shape: what an arm gives is what is wanted.
    pub(super) fn is_plain(&self) -> bool {
        let filter = self.filter;
        let more = filter.has_owner || filter.team.is_some() || filter.near.is_some() || filter.reach.is_some();
        !(self.has_entries() || self.has_period() || self.has_lists() || more)
    }

    /// Whether the index of an order does not hold all that is asked for.
    pub(super) fn needs_table(&self, by: By) -> bool {
        let filter = self.filter;
        let texts = [&filter.keyword, &filter.code, &filter.name, &filter.tax_no];
        let modified = filter.modified.0.is_some() || filter.modified.1.is_some();
        texts.into_iter().any(Option::is_some)
            || filter.near.is_some()
            || filter.reach.is_some()
            || (modified && by != By::DateModified)
    }

    /// The customers of each shape, in the order of an index that begins with it, brought together in that order
    /// without sorting: as much of them as is read, and no more.
    pub(super) fn push_arms<'c>(&self, mut query: Query<'c>, filter: &Filter) -> Query<'c> {
        for (place, shape) in self.shapes.iter().enumerate() {
            // Each arm has the order too, or PostgreSQL would sort all that they have.
            query = query.push(if place == 0 { "select * from (" } else { " union all select * from (" });
            query = query.push(match filter.by {
                By::DateCreated => "select company, id, customer_group, source, classification, created_at from customer where company = ",
                By::DateModified => "select company, id, customer_group, source, classification, created_at, modified_at from customer where company = ",
                By::CustomerName => "select company, id, customer_group, source, classification, created_at, name_key from customer where company = ",
                By::CustomerCode => "select company, id, customer_group, source, classification, created_at, code_key from customer where company = ",
            });
            query = query.push_bind(self.company).push(" and shape = ").push_bind(*shape);
            query = filter.push_after(query.push(" and deleted_at is null"));
            let bounds = match filter.by {
                By::DateCreated => [
                    (" and id >= ", Some(self.first).filter(|first| *first > 0)),
                    (" and id <= ", Some(self.last).filter(|last| *last < i64::MAX)),
                ],
                By::DateModified => {
                    [(" and modified_at >= ", filter.modified.0), (" and modified_at <= ", filter.modified.1)]
                }
                By::CustomerName | By::CustomerCode => [("", None), ("", None)],
            };
            for (condition, bound) in bounds {
                if let Some(bound) = bound {
                    query = query.push(condition).push_bind(bound);
                }
            }
            query = filter.push_arm_order(query).push(") as arm");
        }
        filter.push_arm_order(query)
    }

    /// The customers of each shape that have the wanted entries, which lie together in an index, in no order; of those
    /// with numbers from one to another.
    pub(super) fn push_groups<'c>(&self, mut query: Query<'c>, between: Option<(i64, i64)>) -> Query<'c> {
        for (place, shape) in self.shapes.iter().enumerate() {
            query = query.push(if place == 0 { "" } else { " union all " });
            query = query.push("select customer.id from customer where customer.company = ").push_bind(self.company);
            query = query.push(" and customer.shape = ").push_bind(*shape).push(" and customer.deleted_at is null");
            if let Some((first, last)) = between {
                query =
                    query.push(" and customer.id >= ").push_bind(first).push(" and customer.id <= ").push_bind(last);
            }
            query = self.push_entries(query);
        }
        query
    }

    pub(super) fn push_entries<'c>(&self, mut query: Query<'c>) -> Query<'c> {
        let wanted = [
            (" and customer.customer_group", &self.groups),
            (" and customer.source", &self.sources),
            (" and customer.classification", &self.classifications),
        ];
        for (column, ids) in wanted {
            match ids.as_slice() {
                [] => {}
                [id] => query = query.push(column).push(" = ").push_bind(*id),
                ids => query = query.push(column).push(" in ").push_ids(ids),
            }
        }
        query
    }

    /// What the index of each order can tell of its customers, and what other tables can; `customer` has these columns.
    /// With a `+` before it a column is compared, not looked up: the customers are at hand, and SQLite would take the index
    /// of a period for each of them instead of the one of their numbers.
    pub(super) fn push_conditions<'c>(&self, query: Query<'c>) -> Query<'c> {
        let mut query = self.push_entries(query);
        let created = self.filter.created;
        for (condition, at) in
            [(" and +customer.created_at >= ", created.0), (" and +customer.created_at <= ", created.1)]
        {
            if let Some(at) = at {
                query = query.push(condition).push_bind(at);
            }
        }
        for link in &self.links {
            query = link.push(query);
        }
        if self.filter.has_owner {
            query = query.push(" and exists (select 1 from customer_owner as owner where owner.company = customer.company and owner.customer = customer.id)");
        }
        if let Some(team) = self.filter.team {
            query = query.push(" and exists (select 1 from customer_owner as owner join employee on employee.company = owner.company and employee.staff_key = owner.staff_key where owner.company = customer.company and owner.customer = customer.id and employee.team = ").push_bind(team).push(")");
        }
        query
    }

    /// Every condition, of `customer` itself.
    pub(super) fn push_all_conditions<'c>(&self, query: Query<'c>) -> Query<'c> {
        let filter = self.filter;
        let mut query = query.push(" and customer.company = ").push_bind(self.company);
        query = self.push_conditions(query.push(" and customer.deleted_at is null"));
        if !self.any_shape {
            query = query.push(" and +customer.shape in ").push_ids(&self.shapes);
        }
        let modified = [
            (" and +customer.modified_at >= ", filter.modified.0),
            (" and +customer.modified_at <= ", filter.modified.1),
        ];
        for (condition, number) in modified {
            if let Some(number) = number {
                query = query.push(condition).push_bind(number);
            }
        }
        let texts = [
            (" and customer.code_key = ", filter.code.as_deref().map(store::key)),
            (" and customer.name_key = ", filter.name.as_deref().map(store::key)),
            (" and customer.tax_key = ", filter.tax_no.as_deref().map(store::tax_key)),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                query = query.push(condition).push_bind(text);
            }
        }
        if let Some(keyword) = &filter.keyword {
            query =
                query.push(" and customer.search_key like ").push_bind(search::pattern(keyword)).push(" escape '!'");
        }
        if let Some(reach) = filter.reach {
            query = reach.push(query);
        }
        match filter.near {
            Some(near) => near.apply(query),
            None => query,
        }
    }
}

impl Link {
    /// The condition of `customer`: a look-up by its number.
    fn push<'c>(&self, query: Query<'c>) -> Query<'c> {
        match self {
            Link::Owners(keys) => query
                .push(" and exists (select 1 from customer_owner as owner where owner.company = customer.company and owner.customer = customer.id and owner.staff_key in (select name from ")
                .push_rows(&texts(keys))
                .push(" as wanted))"),
            Link::Choices(list, ids) => query
                .push(" and exists (select 1 from customer_choice as used where used.company = customer.company and used.customer = customer.id and used.list = ")
                .push_bind(list.path())
                .push(" and used.choice in ")
                .push_ids(ids)
                .push(")"),
            Link::Identity(kind, value) => query
                .push(" and exists (select 1 from customer_identity as known where known.company = customer.company and known.customer = customer.id and known.kind = ")
                .push_bind(*kind)
                .push(" and known.value = ")
                .push_bind(value.as_str())
                .push(")"),
        }
    }

    /// The customers that it names below a number, the highest first: each arm is a range of an index. Of very many
    /// names nothing is known.
    pub(super) async fn newest(
        &self,
        conn: &mut Conn,
        company: i64,
        below: i64,
        most: usize,
    ) -> Result<Ids, db::Error> {
        let count = match self {
            Link::Owners(keys) => keys.len(),
            Link::Choices(_, ids) => ids.len(),
            Link::Identity(..) => 1,
        };
        if count > MOST_ARMS {
            return Ok(Ids::unknown(below));
        }
        let mut query = conn.sql("");
        for place in 0..count {
            query = query.push(if place == 0 { "select * from (" } else { " union all select * from (" });
            query = match self {
                Link::Owners(keys) => {
                    query.push("select customer from customer_owner where staff_key = ").push_bind(keys[place].as_str())
                }
                Link::Choices(list, ids) => query
                    .push("select customer from customer_choice where list = ")
                    .push_bind(list.path())
                    .push(" and choice = ")
                    .push_bind(ids[place]),
                Link::Identity(kind, value) => query
                    .push("select customer from customer_identity where kind = ")
                    .push_bind(*kind)
                    .push(" and value = ")
                    .push_bind(value.as_str()),
            };
            query = query.push(" and company = ").push_bind(company).push(" and customer < ").push_bind(below);
            query = query.push(" order by customer desc) as arm");
        }
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        Ok(Ids::cut(query.push(" order by customer desc limit ").push_bind(limit).all().await?, most))
    }
}

/// More names than these are no list: a statement has an end.
const MOST_ARMS: usize = 50;

fn texts(texts: &[String]) -> Rows {
    let mut rows = Rows::new(&[("name", Type::Text)]);
    for text in texts {
        rows.push([text.as_str().into()]);
    }
    rows
}
