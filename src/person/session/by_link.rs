//! Passwords by links that are good once: asking for a new one, and taking up an invitation.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Browser, SignedIn, admit, note, refuse_foreign, sso_required};
use crate::app::App;
use crate::http::peer::Peer;
use crate::http::{Envelope, Error, Faults, Json, Path, Reply};
use crate::person::link::{self, Purpose, Token};
use crate::person::store::{self, Row};
use crate::person::{Guess, password, sso};

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(forgot_password)).routes(routes!(get_link, use_link))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct LinkPath {
    /// The token in the link.
    token: String,
}

/// Whose password is to be made anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Forgot {
    /// The e-mail.
    #[schema(example = "patty@example.com")]
    email: String,
}

/// What a link is for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LinkView {
    /// `invite` or `reset`.
    #[schema(example = "invite")]
    purpose: &'static str,
    /// The e-mail that will sign in.
    email: String,
    /// The person's name.
    name: String,
    /// The company's name.
    company_name: String,
    /// When it ends: Unix time in milliseconds.
    expires_at: i64,
}

/// The first or a new password.
#[derive(Debug, Deserialize, ToSchema)]
struct FirstPassword {
    /// At least 10 characters.
    #[schema(example = "correct horse battery")]
    password: String,
}

/// Ask for a new password.
///
/// The answer is the same whether anybody signs in with this e-mail or not. The link is sent by e-mail, at most every five
/// minutes; on a server without e-mail an administrator makes it.
#[utoipa::path(
    post,
    path = "/v1/auth/password/forgot",
    operation_id = "forgotPassword",
    tag = "Sign-in",
    request_body = Forgot,
    responses(
        (status = 200, description = "Taken.", body = Envelope<Option<String>>),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 415, response = inline(crate::http::openapi::MediaType)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn forgot_password(
    State(app): State<App>,
    Peer(address): Peer,
    headers: HeaderMap,
    Json(input): Json<Forgot>,
) -> Result<Reply<()>, Error> {
    refuse_foreign(&app, &headers)?;
    let mut faults = Faults::default();
    faults.required("email", &input.email, 254);
    faults.end()?;
    let guess = Guess::at(&format!("forgot/{}", input.email), address);
    guess.take(&app)?;
    // Whoever asks is written down: without e-mail an administrator sees it beside the person and hands a link over.
    let found = store::everywhere(&mut app.db.read().await?, &input.email, None).await?;
    let browser = Browser { headers: &headers, address };
    let now = app.now();
    for row in found.iter().filter(|row| row.is_active()) {
        if sso::is_demanded(&mut app.db.read().await?, row).await? {
            // A password would open nothing.
            continue;
        }
        let token = Token::new(row.company)?;
        app.db
            .write(async |mut tx| {
                note(&mut tx, row, "forgot_password", &browser, now).await?;
                link::send_forgotten(&mut tx, &app, row, &token).await
            })
            .await?;
    }
    Ok(Reply::ok(()))
}

/// What a link is for, and whose.
async fn opened(app: &App, token: &Token) -> Result<(Row, link::Known), Error> {
    let mut conn = app.db.read().await?;
    let found = link::find(&mut conn, token, app.now()).await?.filter(|(_, known)| known.purpose != Purpose::Totp);
    let (company, known) = found.ok_or(Error::NotFound("link"))?;
    let row = store::find(&mut conn, company, known.person).await?.filter(Row::is_active);
    Ok((row.ok_or(Error::NotFound("link"))?, known))
}

/// Say what a one-time link is for.
#[utoipa::path(
    get,
    path = "/v1/auth/links/{token}",
    operation_id = "getLink",
    tag = "Sign-in",
    params(LinkPath),
    responses(
        (status = 200, description = "The link.", body = Envelope<LinkView>),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn get_link(State(app): State<App>, Path(path): Path<LinkPath>) -> Result<Reply<LinkView>, Error> {
    let (row, known) = opened(&app, &Token::read(path.token)).await?;
    Ok(Reply::ok(LinkView {
        purpose: known.purpose.word(),
        name: row.name(),
        email: row.email,
        company_name: row.company_name,
        expires_at: known.expires_at,
    }))
}

/// Set a password by a one-time link, and sign in.
#[utoipa::path(
    post,
    path = "/v1/auth/links/{token}",
    operation_id = "useLink",
    tag = "Sign-in",
    params(LinkPath),
    request_body = FirstPassword,
    responses(
        (status = 201, description = "Signed in.", body = Envelope<SignedIn>),
        (status = 200, description = "The password is set; the second factor is wanted.", body = Envelope<SignedIn>),
        (status = 400, response = inline(crate::http::openapi::BadRequest)),
        (status = 404, response = inline(crate::http::openapi::NotFound)),
        (status = 415, response = inline(crate::http::openapi::MediaType)),
        (status = 503, response = inline(crate::http::openapi::Unavailable)),
    ),
    security(())
)]
async fn use_link(
    State(app): State<App>,
    Peer(address): Peer,
    Path(path): Path<LinkPath>,
    request: Request,
) -> Result<Response, Error> {
    let headers = request.headers().clone();
    refuse_foreign(&app, &headers)?;
    let token = Token::read(path.token);
    // The link first: without one nobody's body is read.
    let (row, _) = opened(&app, &token).await?;
    if sso::is_demanded(&mut app.db.read().await?, &row).await? {
        return Err(sso_required());
    }
    let body = crate::http::input::json_body(request, &app).await?;
    let input: FirstPassword = crate::http::lenient::decode(&body).map_err(Error::Invalid)?;
    password::check("password", &input.password, &row.names())?;
    let hash = password::hash(&app, &input.password).await?;
    let browser = Browser { headers: &headers, address };
    let now = app.now();
    app.db
        .write(async |mut tx| {
            if !link::take(&mut tx, row.company, &token).await? {
                return Err(Error::NotFound("link"));
            }
            store::set_password(&mut tx, &row, &hash, None, now).await?;
            note(&mut tx, &row, "password_set", &browser, now).await
        })
        .await?;
    app.tokens.clear();
    let row = store::find(&mut app.db.read().await?, row.company, row.id).await?.ok_or(Error::NotFound("link"))?;
    admit(&app, &row, &browser).await
}
