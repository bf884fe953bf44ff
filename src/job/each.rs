//! A regular job's way through all companies.

use crate::app::App;
use crate::http::Error;

/// Companies that are read at a time.
const PAGE: i64 = 500;

/// Does something for each company, one after another; whether there is more to do for any. Companies that are being imported are
/// left out: what they have is not whole yet. What fails for one company is said, and is not in the way of those behind it.
pub async fn each_company<F>(app: &App, what: &str, work: impl Fn(i64) -> F) -> Result<bool, Error>
where
    F: Future<Output = Result<bool, Error>> + Send,
{
    let mut after = i64::MIN;
    let mut is_more = false;
    loop {
        let companies: Vec<i64> = app
            .db
            .read()
            .await?
            .sql(
                "select company from company
                 where company > $1 and not exists
                   (select 1 from company_import where company_import.company = company.company)
                 order by company limit $2",
            )
            .bind(after)
            .bind(PAGE)
            .all()
            .await?;
        let Some(last) = companies.last() else { return Ok(is_more) };
        after = *last;
        for company in companies {
            match work(company).await {
                Ok(more) => is_more |= more,
                Err(error) => tracing::error!(%error, company, "{what} failed for a company"),
            }
        }
    }
}
