//! The operations that answer with a document.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Era, Kind, Lang, Wish, answer};
use crate::app::App;
use crate::http::{Caller, Error, Faults, Path, Query};

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_quotation_document))
        .routes(routes!(get_sales_order_document))
        .routes(routes!(get_tax_document_document))
        .routes(routes!(get_contract_document))
}

/// What is asked for: a kind, or a tax document of whatever kind its number is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Kind(Kind),
    Tax,
}

/// How the document is wanted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentQuery {
    /// `pdf`, which is also what is made when it is absent.
    format: Option<String>,
    /// `th` or `en`; the company's language when it is absent.
    pub(crate) lang: Option<String>,
    /// `buddhist` or `gregorian`; when it is absent Thai documents are dated in the Buddhist era and English ones in the
    /// Gregorian.
    era: Option<String>,
    /// False leaves out the amount in words.
    words: Option<bool>,
    /// True says on the document that it is a copy.
    copy: Option<bool>,
    /// A standard that the file must meet: `a-3a`, `a-3b` or `a-3u` (PDF/A-3).
    standard: Option<String>,
    /// The template: an entry of the list `contract-templates` for contracts, of `header-templates` for all others. That of
    /// the record when it is absent; of a contract the first one.
    template_id: Option<i64>,
}

impl DocumentQuery {
    /// The wish, for a company of this language; 400 names what is none.
    pub(crate) fn wish(&self, language: &str) -> Result<Wish, Error> {
        let mut faults = Faults::default();
        faults.choice("format", self.format.as_deref(), &[("pdf", ())]);
        let lang = faults.choice("lang", self.lang.as_deref(), &[("th", Lang::Th), ("en", Lang::En)]);
        let eras = [("buddhist", Era::Buddhist), ("gregorian", Era::Gregorian)];
        let era = faults.choice("era", self.era.as_deref(), &eras);
        let standards = [("a-3a", "a-3a"), ("a-3b", "a-3b"), ("a-3u", "a-3u")];
        let standard = faults.choice("standard", self.standard.as_deref(), &standards);
        faults.end()?;
        Ok(Wish {
            lang: lang.unwrap_or_else(|| Lang::of(language)),
            era,
            words: self.words.unwrap_or(true),
            copy: self.copy.unwrap_or(false),
            standard,
            template: self.template_id.filter(|id| *id != 0),
        })
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct QuotationPath {
    /// Number of the quotation, in any letter case.
    quotation_no: String,
}

/// Get a quotation as PDF.
///
/// 409 `not_configured` on a server without the program that makes documents; 503 when too many are being made.
#[utoipa::path(
    get,
    path = "/v2/quotation/{quotationNo}/document",
    operation_id = "getQuotationDocument",
    tag = "Quotation",
    params(QuotationPath, DocumentQuery),
    responses((status = 200, description = "The document.", content_type = "application/pdf")),
    security(("bearerAuth" = ["quotation:read"], "subscriptionKey" = []))
)]
async fn get_quotation_document(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<QuotationPath>,
    Query(query): Query<DocumentQuery>,
) -> Result<Response, Error> {
    answer(&app, &caller, Asked::Kind(Kind::Quotation), &path.quotation_no, &query).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct OrderPath {
    /// Number of the order, in any letter case.
    sales_order_no: String,
}

/// Get a sales order as PDF, with a PromptPay code while something is left to pay.
///
/// 409 `not_configured` on a server without the program that makes documents; 503 when too many are being made.
#[utoipa::path(
    get,
    path = "/v2/salesorder/{salesOrderNo}/document",
    operation_id = "getSalesOrderDocument",
    tag = "SalesOrder",
    params(OrderPath, DocumentQuery),
    responses((status = 200, description = "The document.", content_type = "application/pdf")),
    security(("bearerAuth" = ["salesorder:read"], "subscriptionKey" = []))
)]
async fn get_sales_order_document(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<OrderPath>,
    Query(query): Query<DocumentQuery>,
) -> Result<Response, Error> {
    answer(&app, &caller, Asked::Kind(Kind::SalesOrder), &path.sales_order_no, &query).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct TaxPath {
    /// Number of the document, in any letter case.
    tax_document_no: String,
}

/// Get a tax invoice, a receipt or a credit note as PDF.
///
/// It says what was written down when it was issued. 409 `not_configured` on a server without the program that makes
/// documents; 503 when too many are being made.
#[utoipa::path(
    get,
    path = "/v1/taxdocuments/{taxDocumentNo}/document",
    operation_id = "getTaxDocumentDocument",
    tag = "SalesOrder",
    params(TaxPath, DocumentQuery),
    responses((status = 200, description = "The document.", content_type = "application/pdf")),
    security(("bearerAuth" = ["taxdocument:read"], "subscriptionKey" = []))
)]
async fn get_tax_document_document(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<TaxPath>,
    Query(query): Query<DocumentQuery>,
) -> Result<Response, Error> {
    answer(&app, &caller, Asked::Tax, &path.tax_document_no, &query).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ContractPath {
    /// Number of the contract, in any letter case.
    no: String,
}

/// Get a contract as PDF.
///
/// 409 `not_configured` on a server without the program that makes documents; 503 when too many are being made.
#[utoipa::path(
    get,
    path = "/v1/contract/{no}/document",
    operation_id = "getContractDocument",
    tag = "Contract",
    params(ContractPath, DocumentQuery),
    responses((status = 200, description = "The document.", content_type = "application/pdf")),
    security(("bearerAuth" = ["contract:read"]))
)]
async fn get_contract_document(
    State(app): State<App>,
    caller: Caller,
    Path(path): Path<ContractPath>,
    Query(query): Query<DocumentQuery>,
) -> Result<Response, Error> {
    answer(&app, &caller, Asked::Kind(Kind::Contract), &path.no, &query).await
}
