//! Sessions of one's own: which there are, and ending them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::set_cookie;
use crate::app::App;
use crate::http::caller::Signed;
use crate::http::{Envelope, Error, Path, Query, Reply};
use crate::person::store;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, sign_out_everywhere))
        .routes(routes!(get_current_session, sign_out))
        .routes(routes!(end_session))
}

/// A session of one's own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Session {
    /// Its id.
    id: String,
    /// Whether it is the one of this request.
    current: bool,
    /// When it began: Unix time in milliseconds.
    created_at: i64,
    /// When it was last used, to a few minutes.
    seen_at: i64,
    /// When it ends unless it is used.
    expires_at: i64,
    /// The address from which it began.
    #[schema(example = "203.0.113.7")]
    address: String,
    /// The browser, in its own words.
    agent: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Sessions {
    /// The sessions, the last used first.
    value: Vec<Session>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct SessionPath {
    /// The session.
    id: Uuid,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct EverywhereQuery {
    /// Leaves the session of this request.
    keep_current: Option<bool>,
}

#[derive(Deserialize)]
struct SessionRow {
    id: Uuid,
    address: String,
    agent: String,
    created_at: i64,
    seen_at: i64,
    expires_at: i64,
}

async fn sessions(app: &App, me: &Signed) -> Result<Vec<Session>, Error> {
    let rows: Vec<SessionRow> = app
        .db
        .read()
        .await?
        .sql(
            "select id, address, agent, created_at, seen_at, expires_at from session
             where company = $1 and person = $2 and expires_at > $3 and seen_at > $4 order by seen_at desc, id limit 100",
        )
        .bind(me.caller.company)
        .bind(me.person.id)
        .bind(app.now())
        .bind(app.now() - store::IDLE)
        .all()
        .await?;
    let view = |row: SessionRow| Session {
        id: row.id.to_string(),
        current: row.id == me.person.session,
        created_at: row.created_at,
        seen_at: row.seen_at,
        expires_at: row.expires_at.min(row.seen_at + store::IDLE),
        address: row.address,
        agent: row.agent,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// List one's own sessions.
#[utoipa::path(
    get,
    path = "/v1/auth/sessions",
    operation_id = "listSessions",
    tag = "Sign-in",
    responses((status = 200, description = "The sessions.", body = Envelope<Sessions>)),
    security(("cookieAuth" = []))
)]
async fn list_sessions(State(app): State<App>, me: Signed) -> Result<Reply<Sessions>, Error> {
    Ok(Reply::ok(Sessions { value: sessions(&app, &me).await? }))
}

/// Read the session of this request.
#[utoipa::path(
    get,
    path = "/v1/auth/sessions/current",
    operation_id = "getCurrentSession",
    tag = "Sign-in",
    responses((status = 200, description = "The session.", body = Envelope<Session>)),
    security(("cookieAuth" = []))
)]
async fn get_current_session(State(app): State<App>, me: Signed) -> Result<Reply<Session>, Error> {
    let current = sessions(&app, &me).await?.into_iter().find(|session| session.current);
    Ok(Reply::ok(current.ok_or(Error::NotFound("session"))?))
}

/// Sign out.
#[utoipa::path(
    delete,
    path = "/v1/auth/sessions/current",
    operation_id = "signOut",
    tag = "Sign-in",
    responses((status = 200, description = "Signed out.", body = Envelope<Option<String>>)),
    security(("cookieAuth" = []))
)]
async fn sign_out(State(app): State<App>, me: Signed, headers: HeaderMap) -> Result<Response, Error> {
    end(&app, &me, me.person.session).await?;
    let mut response = Reply::ok(()).into_response();
    set_cookie(&app, &headers, &mut response, None);
    Ok(response)
}

/// End one of one's own sessions.
#[utoipa::path(
    delete,
    path = "/v1/auth/sessions/{id}",
    operation_id = "endSession",
    tag = "Sign-in",
    params(SessionPath),
    responses((status = 200, description = "It is over.", body = Envelope<Option<String>>)),
    security(("cookieAuth" = []))
)]
async fn end_session(State(app): State<App>, me: Signed, Path(path): Path<SessionPath>) -> Result<Reply<()>, Error> {
    end(&app, &me, path.id).await?;
    Ok(Reply::ok(()))
}

async fn end(app: &App, me: &Signed, session: Uuid) -> Result<(), Error> {
    let ended: u64 = app
        .db
        .write(async |mut tx| {
            tx.sql("delete from session where company = $1 and id = $2 and person = $3")
                .bind(me.caller.company)
                .bind(session)
                .bind(me.person.id)
                .exec()
                .await
        })
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    app.tokens.clear();
    if ended == 0 { Err(Error::NotFound("session")) } else { Ok(()) }
}

/// Sign out everywhere.
#[utoipa::path(
    delete,
    path = "/v1/auth/sessions",
    operation_id = "signOutEverywhere",
    tag = "Sign-in",
    params(EverywhereQuery),
    responses((status = 200, description = "Every session is over.", body = Envelope<Option<String>>)),
    security(("cookieAuth" = []))
)]
async fn sign_out_everywhere(
    State(app): State<App>,
    me: Signed,
    headers: HeaderMap,
    Query(query): Query<EverywhereQuery>,
) -> Result<Response, Error> {
    let kept = (query.keep_current == Some(true)).then_some(me.person.session);
    app.db
        .write(async |mut tx| store::end_sessions(&mut tx, me.caller.company, me.person.id, kept).await)
        .await
        .map_err(|error: db::Error| Error::Db(error))?;
    app.tokens.clear();
    let mut response = Reply::ok(()).into_response();
    if kept.is_none() {
        set_cookie(&app, &headers, &mut response, None);
    }
    Ok(response)
}
