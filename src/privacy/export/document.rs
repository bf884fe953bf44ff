//! What was offered, ordered, paid and invoiced, as the API shows it.

use serde::{Deserialize, Serialize};

use super::super::archive::Archive;
use super::{LOT, records};
use crate::app::App;
use crate::http::Error;
use crate::sales::{order, quotation, tax};

/// Each kind of document in a file of its own.
pub(super) async fn documents(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    records::<quotation::Row>(app, company, ids, archive, "quotations.jsonl").await?;
    records::<order::Row>(app, company, ids, archive, "sales-orders.jsonl").await?;
    payments(app, company, ids, archive).await?;
    records::<tax::Row>(app, company, ids, archive, "tax-documents.jsonl").await
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Payment {
    id: i64,
    sales_order: i64,
    amount: db::Amount,
    paid_on: String,
    method: Option<String>,
    reference: Option<String>,
    note: Option<String>,
}

async fn payments(app: &App, company: i64, ids: &[i64], archive: &mut Archive) -> Result<(), Error> {
    archive.begin_text("payments.jsonl")?;
    for customer in ids {
        let mut after = 0;
        loop {
            let rows: Vec<Payment> = app
                .db
                .read()
                .await?
                .sql(
                    "select id, sales_order, amount, paid_on, method, reference, note from sales_payment
                     where company = $1 and customer = $2 and id > $3 order by id limit $4",
                )
                .bind(company)
                .bind(*customer)
                .bind(after)
                .bind(LOT)
                .all()
                .await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            for row in rows {
                archive.line(&row).await?;
            }
        }
    }
    Ok(())
}
