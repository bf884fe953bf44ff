//! The look-up lists that products choose from, in the words of the product operations.

use axum::extract::State;
use db::Conn;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::{self, Names};
use crate::app::App;
use crate::http::{Caller, Envelope, Error, Reply};
use crate::setting::choice::{self, Choice};
use crate::setting::list::List;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_product_groups))
        .routes(routes!(get_product_properties))
        .routes(routes!(get_product_units))
}

/// A product group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductGroup {
    /// Its number.
    #[schema(example = 1)]
    group_id: i64,
    /// Its name.
    #[schema(example = "Open API")]
    group_name: String,
    /// The group that it is part of; null for a main category.
    parent_id: Option<i64>,
}

/// What variants of a product are told apart by.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductProperty {
    /// Its number.
    #[schema(example = 1)]
    attribute_id: i64,
    /// Its name.
    #[schema(example = "Size")]
    attribute_name: String,
    /// Its values.
    attribute_values: Vec<ProductPropertyValue>,
}

/// A value of a property.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductPropertyValue {
    /// The value.
    #[schema(example = "16 GB")]
    attribute_value_name: String,
}

/// A unit of measure.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductUnit {
    /// Its number.
    #[schema(example = 1)]
    unit_id: i64,
    /// Its name.
    #[schema(example = "ชิ้น")]
    unit_name: String,
}

/// List the groups that products can be put in, a main category before its parts.
#[utoipa::path(
    get,
    path = "/v1/products/groups",
    operation_id = "getProductGroups",
    tag = "Product",
    responses((status = 200, description = "The groups that can be chosen.", body = Envelope<Vec<ProductGroup>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_product_groups(State(app): State<App>, caller: Caller) -> Result<Reply<Vec<ProductGroup>>, Error> {
    let groups = active(&app, &caller, List::ProductGroups).await?.into_iter().map(|choice| ProductGroup {
        group_id: choice.id,
        parent_id: choice.parent(),
        group_name: choice.name,
    });
    Ok(Reply::ok(groups.collect()))
}

/// List what variants of a product can be told apart by, and the values that there are.
#[utoipa::path(
    get,
    path = "/v1/products/properties",
    operation_id = "getProductProperties",
    tag = "Product",
    responses((status = 200, description = "The properties that can be chosen.", body = Envelope<Vec<ProductProperty>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_product_properties(State(app): State<App>, caller: Caller) -> Result<Reply<Vec<ProductProperty>>, Error> {
    let properties = active(&app, &caller, List::Attributes).await?.into_iter().map(|choice| ProductProperty {
        attribute_id: choice.id,
        attribute_values: values(&choice)
            .map(|value| ProductPropertyValue { attribute_value_name: value.to_owned() })
            .collect(),
        attribute_name: choice.name,
    });
    Ok(Reply::ok(properties.collect()))
}

/// List the units of measure that products can be counted in.
#[utoipa::path(
    get,
    path = "/v1/products/units",
    operation_id = "getProductUnits",
    tag = "Product",
    responses((status = 200, description = "The units that can be chosen.", body = Envelope<Vec<ProductUnit>>)),
    security(("bearerAuth" = ["product:read"], "subscriptionKey" = []))
)]
async fn get_product_units(State(app): State<App>, caller: Caller) -> Result<Reply<Vec<ProductUnit>>, Error> {
    let units = active(&app, &caller, List::Units).await?.into_iter();
    Ok(Reply::ok(units.map(|choice| ProductUnit { unit_id: choice.id, unit_name: choice.name }).collect()))
}

async fn active(app: &App, caller: &Caller, list: List) -> Result<Vec<Choice>, Error> {
    let mut all = choice::all(&mut app.db.read().await?, caller.company, list).await?;
    all.retain(|choice| choice.is_active);
    Ok(all)
}

/// The values of an attribute, as its entry in the list has them.
pub(super) fn values(attribute: &Choice) -> impl Iterator<Item = &str> {
    let values = attribute.detail.as_ref().and_then(|detail| detail["values"].as_array());
    values.into_iter().flatten().filter_map(Value::as_str)
}

/// Puts a unit into the list, unless it is there under this name or its English one.
pub(crate) async fn ensure_unit(tx: &mut Conn, company: i64, name: &str) -> Result<(), Error> {
    if Names::open(tx, company).await?.unit(name).is_none() {
        choice::ensure(tx, company, List::Units, name).await?;
    }
    Ok(())
}

/// Puts an attribute and a value of it into the list, unless they are there.
pub(crate) async fn ensure_attribute(tx: &mut Conn, company: i64, name: &str, value: &str) -> Result<(), Error> {
    let first = json!({"values": [value]});
    let attribute = choice::ensure_with(tx, company, List::Attributes, name, Some(&first)).await?;
    if names::value_of(&attribute, value).is_some() {
        return Ok(());
    }
    let all: Vec<&str> = values(&attribute).chain([value]).collect();
    Ok(choice::set_detail(tx, company, List::Attributes, attribute.id, &json!({"values": all})).await?)
}
