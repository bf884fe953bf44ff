//! The categories that files of customers are filed under.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::{Caller, Envelope, Error, Reply};
use crate::setting::choice;
use crate::setting::list::List;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_customer_file_categories))
}

/// A category of files.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomerFileCategory {
    /// Its number.
    #[schema(example = 1)]
    file_category_id: i64,
    /// Its name.
    #[schema(example = "Contract")]
    file_category_name: String,
}

/// List the categories that customer files can be filed under.
#[utoipa::path(
    get,
    path = "/v1/customer/file-categories",
    operation_id = "getCustomerFileCategories",
    tag = "Customer",
    responses((status = 200, description = "The categories that can be chosen.", body = Envelope<Vec<CustomerFileCategory>>)),
    security(("bearerAuth" = ["customer:read"], "subscriptionKey" = []))
)]
async fn get_customer_file_categories(
    State(app): State<App>,
    caller: Caller,
) -> Result<Reply<Vec<CustomerFileCategory>>, Error> {
    let all = choice::all(&mut app.db.read().await?, caller.company, List::FileCategories).await?;
    let active = all.into_iter().filter(|choice| choice.is_active);
    let categories =
        active.map(|choice| CustomerFileCategory { file_category_id: choice.id, file_category_name: choice.name });
    Ok(Reply::ok(categories.collect()))
}
