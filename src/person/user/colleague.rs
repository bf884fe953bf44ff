//! Colleagues, as everybody who answers customers sees them.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::{Caller, Envelope, Error, Reply};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_colleagues))
}

/// A colleague, to be assigned or mentioned.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Colleague {
    /// The user id.
    id: Uuid,
    /// First and last name.
    #[schema(example = "Patty Saruta")]
    name: String,
    /// Nickname.
    nickname: Option<String>,
    /// Employee code.
    #[serde(alias = "staff_code")]
    staff_code: String,
    /// The team's number.
    #[serde(alias = "team_id")]
    team_id: i64,
    /// The team's name.
    #[serde(alias = "team_name")]
    team_name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Colleagues {
    /// The colleagues, by name.
    value: Vec<Colleague>,
}

/// The most colleagues that a list gives.
const MOST_COLLEAGUES: i64 = 1000;

/// List the colleagues who may be assigned or mentioned.
#[utoipa::path(
    get,
    path = "/v1/console/colleagues",
    operation_id = "listColleagues",
    tag = "Users",
    responses((status = 200, description = "The colleagues.", body = Envelope<Colleagues>)),
    security(("bearerAuth" = ["chat:read"], "subscriptionKey" = []))
)]
async fn list_colleagues(State(app): State<App>, caller: Caller) -> Result<Reply<Colleagues>, Error> {
    let mut conn = app.db.read().await?;
    let value = conn
        .sql(
            "select employee.id, employee.firstname || ' ' || employee.lastname as name, employee.nickname,
                    employee.staff_code, employee.team as team_id, team.name as team_name
             from person
             join employee on employee.company = person.company and employee.id = person.id
             left join choice as team on team.company = employee.company and team.list = 'teams' and team.id = employee.team
             where person.company = $1 and not person.disabled and employee.active
             order by employee.firstname, employee.lastname, employee.id limit $2",
        )
        .bind(caller.company)
        .bind(MOST_COLLEAGUES)
        .all()
        .await?;
    Ok(Reply::ok(Colleagues { value }))
}
