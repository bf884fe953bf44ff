//! Text indexes: which rows may hold a keyword, in any script, on both engines.
//!
//! A text is taken apart into its windows of one, two and three characters, each hashed to 32 bits. A keyword asks for the
//! rows that have all of its windows of the longest of these lengths. That needs no words, so it serves scripts that are
//! written without spaces, and no word of a user ever reaches the query language of an engine.
//!
//! A migration makes an index with `create text index name;` and drops it with `drop table name;`. It is kept by hand,
//! in the unit of work that changes the row; letter case and the like are the caller's business, who hands in text and
//! keyword folded alike.

use crate::{Conn, Error, Ids, Kind, Query, Value, sqlite::Entry, value::Kind as Bound};

/// At most so many windows of a keyword are looked up. More would cost time and hardly narrow the search.
const MOST_WINDOWS: usize = 32;

impl Conn {
    /// Makes a row be found by this text, and no longer by the one it had before.
    ///
    /// On PostgreSQL this travels with the next statement, as [`crate::Query::later`] does; on SQLite it is written before
    /// COMMIT, for all units of a group together. A text costs about two and a
    /// half entries a character; one of a few thousand characters takes as long as dozens of short ones.
    ///
    /// [`Error::Invalid`] when `company` is not in 0..2^31 or `id` is not in 0..2^32.
    pub async fn index_text(&mut self, index: &'static str, company: i64, id: i64, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return self.forget_text(index, company, id).await;
        }
        let row_id = row_id(company, id)?;
        match self.kind() {
            Kind::Sqlite => {
                self.index_entry(Entry { index, row_id, tokens: Some(spell(&windows(SHARED, text))) }).await
            }
            Kind::Postgres => {
                let tokens = array(&windows(seed(company, id >> SLICE), text));
                self.sql("insert into ")
                    .push(index)
                    .push(" as old (company, id, grams) values ($1, $2, $3) on conflict (company, id) do update")
                    .push(" set grams = excluded.grams where old.grams <> excluded.grams")
                    .bind(company)
                    .bind(id)
                    .bind(tokens)
                    .later()
                    .await
            }
        }
    }

    /// [`Conn::index_text`] for many rows, as `(id, text)`: a thousand at a time is a good size for an import.
    pub async fn index_texts(&mut self, index: &'static str, company: i64, texts: &[(i64, &str)]) -> Result<(), Error> {
        // SQLite gathers entries in memory as long as ids go up, and PostgreSQL's units cannot block each other for good
        // when all of them go the same way.
        let mut texts = texts.to_vec();
        texts.sort_by_key(|(id, _)| *id);
        for (id, text) in texts {
            self.index_text(index, company, id, text).await?;
        }
        Ok(())
    }

    /// Makes a row be found no longer; nothing happens when it was not in the index.
    pub async fn forget_text(&mut self, index: &'static str, company: i64, id: i64) -> Result<(), Error> {
        let row_id = row_id(company, id)?;
        if self.kind() == Kind::Sqlite {
            return self.index_entry(Entry { index, row_id, tokens: None }).await;
        }
        let delete = self.sql("delete from ").push(index).push(" where company = $1 and id = $2");
        delete.bind(company).bind(id).later().await
    }

    /// The ids below `below` of the rows that may hold this keyword, the highest first, as far as about `most` of them
    /// lead; see [`Ids`]. None that holds it is missing.
    ///
    /// Some may not hold it, because they have its windows in other places: the caller compares the text itself, with
    /// `like`. For an empty keyword, and where PostgreSQL would have to read too much for it, the list ends at once:
    /// looking through the rows in the order in which they are wanted is then the quicker way.
    pub async fn text_candidates(
        &mut self,
        index: &'static str,
        company: i64,
        keyword: &str,
        below: i64,
        most: usize,
    ) -> Result<Ids, Error> {
        let (first, last) = (row_id(company, 0)?, row_id(company, LAST)?);
        if keyword.is_empty() {
            return Ok(Ids::unknown(below));
        }
        if self.kind() == Kind::Postgres {
            return self.sliced_candidates(index, company, keyword, below, most).await;
        }
        self.show_index().await?;
        let last = first.saturating_add(below.saturating_sub(1)).min(last);
        let ids = self
            .sql("select rowid & 4294967295 as id from ")
            .push(index)
            .push(" where ")
            .push(index)
            .push(" match $1 and rowid between $2 and $3 order by rowid desc limit $4")
            .bind(spell(&asked(SHARED, keyword)))
            .bind(first)
            .bind(last)
            .bind(limit(most))
            .all()
            .await?;
        Ok(Ids::cut(ids, most))
    }

    /// The candidates on PostgreSQL: slice by slice, from the newest on, until there are enough. A slice that has too
    /// many is left out, because its rows come in no order.
    async fn sliced_candidates(
        &mut self,
        index: &'static str,
        company: i64,
        keyword: &str,
        below: i64,
        most: usize,
    ) -> Result<Ids, Error> {
        let most = most.min(MOST_READ);
        let mut found: Vec<i64> = Vec::new();
        let slices = self.slices(index, company).await?;
        for (position, slice) in slices.into_iter().filter(|slice| slice << SLICE < below).enumerate() {
            // The sums keep the planner from walking through the company's rows by the primary key, and from reading the
            // whole table in the hope that the limit is soon reached: it takes each for a condition that hardly a row
            // meets. An order would make the server fetch all rows before the first.
            let mut more: Vec<i64> = self
                .sql("select id from ")
                .push(index)
                .push(" where grams @> $1 and company + 0 = $2 and (id + 0) >> 17 = $3 and id + 0 < $4 limit $5")
                .bind(array(&asked(seed(company, slice), keyword)))
                .bind(company)
                .bind(slice)
                .bind(below)
                .bind(limit(most))
                .all()
                .await?;
            if more.len() > most {
                let floor = if position == 0 { below } else { (slice + 1) << SLICE };
                return Ok(Ids { ids: found, floor });
            }
            more.sort_unstable_by(|a, b| b.cmp(a));
            found.append(&mut more);
            if found.len() > most {
                return Ok(Ids { ids: found, floor: slice << SLICE });
            }
        }
        Ok(Ids { ids: found, floor: 0 })
    }

    /// All rows that may hold a keyword, for [`Query::push_found`]; an empty one is refused. Unlike
    /// [`Conn::text_candidates`] this is read to its end, however many there are, by the statement that it is part of: a tenth
    /// of a microsecond each on SQLite, a few on PostgreSQL.
    pub async fn text_set(&mut self, index: &'static str, company: i64, keyword: &str) -> Result<TextSet, Error> {
        let (first, last) = (row_id(company, 0)?, row_id(company, LAST)?);
        if keyword.is_empty() {
            return Err(Error::Invalid("an empty keyword finds every row".into()));
        }
        let asked = |seed| asked(seed, keyword);
        let found = if self.kind() == Kind::Postgres {
            let slices = self.slices(index, company).await?;
            Found::Slices(company, slices.into_iter().map(|slice| array(&asked(seed(company, slice)))).collect())
        } else {
            self.show_index().await?;
            Found::Places(spell(&asked(SHARED)), first, last)
        };
        Ok(TextSet { index, found })
    }

    /// The slices in which a company has rows, the newest first.
    async fn slices(&mut self, index: &'static str, company: i64) -> Result<Vec<i64>, Error> {
        self.sql("with recursive slice (number) as (select max(id) >> 17 from ")
            .push(index)
            .push(" where company = $1 union all select (select max(id) >> 17 from ")
            .push(index)
            .push(" where company = $1 and id < slice.number << 17) from slice where slice.number is not null)")
            .push(" select number from slice where number is not null")
            .bind(company)
            .all()
            .await
    }
}

/// Rows that may hold a keyword; see [`Conn::text_set`].
#[derive(Debug)]
pub struct TextSet {
    index: &'static str,
    found: Found,
}

#[derive(Debug)]
enum Found {
    /// SQLite: the query of the full-text table, and the range of its rows.
    Places(String, i64, i64),
    /// PostgreSQL: the company, and what is asked of each slice.
    Slices(i64, Vec<Value>),
}

impl Query<'_> {
    /// Appends a parenthesised sub-select of these rows, in a column `id`, as [`Query::push_ids`] does.
    pub fn push_found(self, set: &TextSet) -> Self {
        match &set.found {
            Found::Places(query, first, last) => self
                .push("(select rowid & 4294967295 as id from ")
                .push(set.index)
                .push(" where ")
                .push(set.index)
                .push(" match ")
                .push_bind(query.as_str())
                .push(" and rowid between ")
                .push_bind(*first)
                .push(" and ")
                .push_bind(*last)
                .push(")"),
            Found::Slices(company, slices) => {
                let mut query = self.push("(select id from ").push(set.index).push(" where false");
                for asked in slices {
                    // The sum keeps the planner from the primary key, as above.
                    query = query.push(" union all select id from ").push(set.index).push(" where grams @> ");
                    query = query.push_bind(asked.clone()).push(" and company + 0 = ").push_bind(*company);
                }
                query.push(")")
            }
        }
    }
}

/// What `create text index name` means on an engine.
///
/// SQLite: a full-text table without its own copy of the text and without positions, whose row ids begin with the
/// company, so that a range of them keeps companies apart inside of the index.
///
/// PostgreSQL: a table with an index over its arrays. The company is part of each token, so that no company reads the
/// lists of another. So is the slice of ids, because the server reads a list to its end before it gives the first row:
/// a keyword that a million rows have would take half a second to be found too common. New entries wait in a list that is merged at 1 MB (the server's own limit is 4 MB): merged one by
/// one they cost four times as much, and a longer list slows each search and makes whoever has to merge it wait.
pub(crate) fn definition(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Sqlite => format!(
            "create virtual table {name} using fts5(grams, content='', contentless_delete=1, detail=none, \
             tokenize='ascii')"
        ),
        Kind::Postgres => format!(
            "create table {name} (company bigint not null, id bigint not null, grams int[] not null, \
             primary key (company, id)); create index {name}_grams on {name} using gin (grams) \
             with (gin_pending_list_limit = 1024)"
        ),
    }
}

/// One more than is wanted, which says whether there are more.
fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1)
}

/// The highest id.
const LAST: i64 = u32::MAX as i64;

/// The row id on SQLite: company, then id. The limits hold on both engines, so that no program depends on one.
fn row_id(company: i64, id: i64) -> Result<i64, Error> {
    if u32::try_from(company).is_err() || i32::try_from(company).is_err() {
        return Err(Error::Invalid("a text index takes companies from 0 to 2^31 - 1".into()));
    }
    if u32::try_from(id).is_err() {
        return Err(Error::Invalid("a text index takes ids from 0 to 2^32 - 1".into()));
    }
    Ok(company << 32 | id)
}

/// Where hashes begin that all companies share.
const SHARED: u32 = 0x811c_9dc5;

/// On PostgreSQL a slice has two to the power of so many ids. Statements hold the number too.
const SLICE: u32 = 17;

/// On PostgreSQL no more candidates than these are asked of a slice, as each is read from its page: a keyword that more
/// have is met sooner in the rows themselves.
const MOST_READ: usize = 2_000;

/// Where the hashes of a company's slice begin.
fn seed(company: i64, slice: i64) -> u32 {
    hash(hash(SHARED, &company.to_le_bytes()), &slice.to_le_bytes())
}

/// FNV-1a: what is stored depends on it, so it never changes.
fn hash(from: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(from, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// The windows of one, two and three characters that begin at each character, hashed; `None` beyond the end.
fn each(seed: u32, text: &str) -> impl Iterator<Item = [Option<u32>; 3]> {
    text.char_indices().map(move |(at, _)| {
        let mut so_far = seed;
        let mut following = text[at..].chars().map(|letter| {
            so_far = hash(so_far, letter.encode_utf8(&mut [0; 4]).as_bytes());
            so_far
        });
        [following.next(), following.next(), following.next()]
    })
}

/// What a text is found by: all its windows, each once.
fn windows(seed: u32, text: &str) -> Vec<u32> {
    let mut tokens: Vec<u32> = each(seed, text).flatten().flatten().collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// What a keyword asks for: its windows of three characters, or itself when it is shorter. Of a very long one some,
/// taken from everywhere in it.
fn asked(seed: u32, keyword: &str) -> Vec<u32> {
    let length = keyword.chars().take(3).count();
    let mut tokens: Vec<u32> = each(seed, keyword).filter_map(|window| window[length.saturating_sub(1)]).collect();
    let count = tokens.len();
    if count > MOST_WINDOWS {
        tokens = (0..MOST_WINDOWS).map(|index| tokens[index * (count - 1) / (MOST_WINDOWS - 1)]).collect();
    }
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// Tokens as words for SQLite, in a document as in a query, where words side by side mean all of them.
fn spell(tokens: &[u32]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(tokens.len() * 9);
    for token in tokens {
        // Writing to a String cannot fail.
        let _ = write!(text, "{token:08x} ");
    }
    text
}

fn array(tokens: &[u32]) -> Value {
    Value(Bound::Array(tokens.iter().map(|token| Value::from(token.cast_signed())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_each_of_its_windows_once() {
        assert_eq!(windows(SHARED, ""), [0_u32; 0]);
        assert_eq!(windows(SHARED, "a").len(), 1);
        // a, b, ab, ba, aba, bab
        assert_eq!(windows(SHARED, "abab").len(), 6);
        assert_eq!(windows(SHARED, "สวัสดี").len(), 5 + 5 + 4);
    }

    #[test]
    fn a_keyword_asks_for_windows_that_a_text_around_it_has() {
        for keyword in
            ["ก", "กข", "กขค", "a𝄞b😀", "a long keyword, longer than what is looked up of it, with no end at all"]
        {
            let text = windows(SHARED, &format!("xy{keyword}z"));
            let asked = asked(SHARED, keyword);
            assert!(!asked.is_empty() && asked.len() <= MOST_WINDOWS, "{keyword}");
            assert!(asked.iter().all(|token| text.binary_search(token).is_ok()), "{keyword}");
        }
    }

    #[test]
    fn what_is_stored_stays_what_it_is() {
        // The published values of FNV-1a.
        assert_eq!(hash(SHARED, b"a"), 0xe40c_292c);
        assert_eq!(hash(SHARED, b"foobar"), 0xbf9c_f968);
        assert_eq!(spell(&asked(SHARED, "foo")), "a9f37ed7 ");
        assert_ne!(seed(1, 2), seed(2, 1));
    }

    #[test]
    fn a_row_id_has_room_for_company_and_id() {
        assert_eq!(row_id(0, 0), Ok(0));
        assert_eq!(row_id(1, 2), Ok((1 << 32) + 2));
        assert_eq!(row_id(i64::from(i32::MAX), LAST), Ok(i64::MAX));
        for (company, id) in [(-1, 0), (1 << 31, 0), (0, -1), (0, 1 << 32), (i64::MIN, i64::MAX)] {
            assert!(matches!(row_id(company, id), Err(Error::Invalid(_))), "{company} {id}");
        }
    }
}
