//! What indexes name of the customers that are wanted, from the newest on, and what these lists have in common.

use db::{Conn, Ids};

use super::list_plan::{Link, ListPlan};
use super::store;
use crate::http::Error;
use crate::search::number;

impl ListPlan<'_> {
    /// What indexes name below a number. Shape and entries make a list too, where few have them.
    pub(super) async fn lists(&self, conn: &mut Conn, below: i64) -> Result<Lists<'_>, Error> {
        let mut lists = Lists::default();
        if let Some(ids) = self.exactly(conn).await? {
            lists.add(Ids { ids, floor: 0 });
        }
        let keyword = self.filter.keyword.as_deref().map(Source::Keyword);
        for source in self.links.iter().map(Source::Link).chain(keyword) {
            // So few are looked at as quickly as another list is read.
            if lists.is_short(100) {
                break;
            }
            let ids = source.newest(self, conn, below).await?;
            if ids.is_whole() {
                lists.add(ids);
            } else {
                lists.cut.push((source, ids));
            }
        }
        if self.has_columns() && !lists.is_short(100) {
            let query = self.push_groups(conn.sql("select id from ("), None).push(" limit ");
            let mut ids: Vec<i64> = query.push_bind(number(self.effort.sorted) + 1).push(") as listed").all().await?;
            if ids.len() <= self.effort.sorted {
                ids.sort_unstable_by(|a, b| b.cmp(a));
                lists.add(Ids { ids, floor: 0 });
            }
        }
        if let Some(whole) = &mut lists.whole {
            whole.ids.retain(|id| (self.first..=self.last).contains(id));
        }
        Ok(lists)
    }

    /// The customers of a code, name or tax number.
    async fn exactly(&self, conn: &mut Conn) -> Result<Option<Vec<i64>>, db::Error> {
        let filter = self.filter;
        let query = if let Some(code) = &filter.code {
            conn.sql("select id from customer where company = $1 and code_key = $2")
                .bind(self.company)
                .bind(store::key(code))
        } else if let Some(name) = &filter.name {
            conn.sql("select customer from customer_name where company = $1 and name_key = $2")
                .bind(self.company)
                .bind(store::key(name))
        } else if let Some(number) = &filter.tax_no {
            conn.sql("select id from customer where company = $1 and tax_key = $2 order by id desc")
                .bind(self.company)
                .bind(store::tax_key(number))
        } else {
            return Ok(None);
        };
        query.all().await.map(Some)
    }
}

/// What indexes name: the lists that are whole, brought together, and those that go on.
#[derive(Debug, Default)]
pub(super) struct Lists<'s> {
    pub(super) whole: Option<Ids>,
    cut: Vec<(Source<'s>, Ids)>,
}

impl Lists<'_> {
    /// What all lists have in common below a number, from the newest on.
    pub(super) fn region(&self, below: i64) -> Ids {
        // A list that ends at once says nothing: the others lead, and its condition is left to the rows.
        let known = self.cut.iter().map(|(_, ids)| ids).chain(&self.whole).filter(|ids| ids.floor < below);
        known.map(|ids| ids.under(below)).reduce(|a, b| a.and(&b)).unwrap_or_else(|| Ids::unknown(below))
    }

    /// The next part of those lists that are not known right below a number; beside a short one that is whole, these are not
    /// followed any further: its customers are looked at sooner.
    pub(super) async fn go_on(
        &mut self,
        plan: &ListPlan<'_>,
        conn: &mut Conn,
        mut below: i64,
    ) -> Result<(), db::Error> {
        if self.is_short(plan.effort.sorted) {
            self.cut.clear();
        }
        // What is above the next of one list is not in all of them.
        below = self.cut.iter().map(|(_, ids)| ids).chain(&self.whole).fold(below, |below, ids| ids.next(below));
        while let Some(place) = self.cut.iter().position(|(_, ids)| ids.floor >= below && below > 0) {
            let (source, ids) = &mut self.cut[place];
            *ids = source.newest(plan, conn, below).await?;
            if ids.floor < below {
                below = ids.next(below);
            } else {
                // It says nothing here: its condition is left to the rows from now on.
                self.cut.swap_remove(place);
            }
        }
        Ok(())
    }

    /// Another list that is whole.
    fn add(&mut self, list: Ids) {
        self.whole = Some(match self.whole.take() {
            Some(whole) => whole.and(&list),
            None => list,
        });
    }

    /// Whether a list is whole and no longer than this.
    fn is_short(&self, most: usize) -> bool {
        self.whole.as_ref().is_some_and(|whole| whole.ids.len() <= most)
    }
}

/// What names customers from the newest on.
#[derive(Debug, Clone, Copy)]
enum Source<'s> {
    Keyword(&'s str),
    Link(&'s Link),
}

impl Source<'_> {
    async fn newest(&self, plan: &ListPlan<'_>, conn: &mut Conn, below: i64) -> Result<Ids, db::Error> {
        match self {
            Source::Keyword(keyword) => {
                conn.text_candidates(store::TEXTS, plan.company, keyword, below, plan.effort.entries).await
            }
            Source::Link(link) => link.newest(conn, plan.company, below, plan.effort.entries).await,
        }
    }
}
