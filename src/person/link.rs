//! Links that are good once: invitations, new passwords, and sign-ins that wait for their second factor.

use db::Conn;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{self, Row};
use crate::app::App;
use crate::http::{Error, absolute};
use crate::mail::{self, Language, Letter, Template};
use crate::random;
use crate::setting::profile;
use crate::time;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// Takes up an invitation.
    Invite,
    /// Sets a new password.
    Reset,
    /// A sign-in that waits for its second factor.
    Totp,
}

impl Purpose {
    /// What a person's next link is for: an invitation until there is a password.
    fn of(row: &Row) -> Purpose {
        if row.password.is_some() { Purpose::Reset } else { Purpose::Invite }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Purpose::Invite => "invite",
            Purpose::Reset => "reset",
            Purpose::Totp => "totp",
        }
    }

    /// How long it is good, in milliseconds.
    fn life(self) -> i64 {
        const MINUTE: i64 = 60 * 1000;
        match self {
            Purpose::Invite => 7 * 24 * 60 * MINUTE,
            Purpose::Reset => 24 * 60 * MINUTE,
            Purpose::Totp => 5 * MINUTE,
        }
    }
}

/// A link to hand over.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserLink {
    /// Its address; shown once.
    #[schema(example = "https://sala.example.com/console/link/507_Zk0…")]
    pub(crate) url: String,
    /// When it ends: Unix time in milliseconds.
    pub(crate) expires_at: i64,
    /// Whether it was sent by e-mail. Otherwise whoever asked for it hands it over.
    pub(crate) mailed: bool,
}

/// What a token of a link says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Known {
    pub(crate) person: Uuid,
    pub(crate) purpose: Purpose,
    pub(crate) expires_at: i64,
}

/// A token of which only the hash is kept.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) hash: [u8; 32],
}

impl Token {
    /// A new one of a company.
    pub(crate) fn new(company: i64) -> Result<Token, Error> {
        Ok(Token::read(format!("{company}_{}", random::text(32)?)))
    }

    pub(crate) fn read(text: String) -> Token {
        let hash = Sha256::digest(text.as_bytes()).into();
        Token { text, hash }
    }

    /// The address of its page.
    fn address(&self, app: &App) -> String {
        absolute(app, &format!("/console/link/{}", self.text))
    }

    /// The company in it; the hash must be known to that company.
    pub(crate) fn company(&self) -> Option<i64> {
        self.text.split_once('_')?.0.parse().ok()
    }
}

/// Who has made a link that was asked for without a sign-in.
const FORGOTTEN: &str = "forgotten";

/// Writes a link down; it ends the person's earlier ones but for sign-ins that wait. One that anybody may ask for ends no other
/// than its like: an invitation or a link of an administrator stays good, whoever knows the address.
pub(crate) async fn store(
    tx: &mut Conn,
    (company, person): (i64, Uuid),
    purpose: Purpose,
    token: &Token,
    by: &str,
    now: i64,
) -> Result<i64, db::Error> {
    if by == FORGOTTEN {
        let query = tx.sql("delete from person_link where company = $1 and person = $2 and created_by = $3");
        query.bind(company).bind(person).bind(FORGOTTEN).later().await?;
    } else if purpose != Purpose::Totp {
        store::end_links(tx, company, person).await?;
    }
    let expires_at = now + purpose.life();
    tx.sql(
        "insert into person_link (company, hash, person, purpose, tries, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, 0, $5, $6, $7)",
    )
    .bind(company)
    .bind(token.hash.as_slice())
    .bind(person)
    .bind(purpose.word())
    .bind(by)
    .bind(now)
    .bind(expires_at)
    .exec()
    .await?;
    Ok(expires_at)
}

/// The link that an administrator hands over: an invitation until there is a password.
pub(crate) async fn hand_over(tx: &mut Conn, app: &App, row: &Row, token: &Token, by: &str) -> Result<UserLink, Error> {
    let purpose = Purpose::of(row);
    let expires_at = store(tx, (row.company, row.id), purpose, token, by, app.now()).await?;
    let url = token.address(app);
    let mailed = mail(tx, app, row, purpose, (&url, expires_at), by).await?;
    Ok(UserLink { url, expires_at, mailed })
}

/// Sends a link to whom it is for, where the server can send e-mail and the person has an address.
async fn mail(
    tx: &mut Conn,
    app: &App,
    row: &Row,
    purpose: Purpose,
    (url, expires_at): (&str, i64),
    by: &str,
) -> Result<bool, Error> {
    let Some(address) = mail::address(&row.email).filter(|_| app.mail.is_some()) else { return Ok(false) };
    let language = match &row.language {
        Some(language) => Language::of(language),
        None => Language::of(&profile::of(tx, row.company).await?.language),
    };
    let zone = time::zone(tx, row.company).await?;
    let letter = Letter {
        company: row.company,
        template: if purpose == Purpose::Invite { Template::Invite } else { Template::Reset },
        language,
        record: format!("user/{}", row.staff_code),
        customer: None,
        owner: Some(row.id),
        to: vec![address],
        cc: Vec::new(),
        subject: None,
        text: None,
        places: vec![("name", row.name()), ("link", url.to_owned()), ("until", language.moment(expires_at, &zone))],
        attachments: Vec::new(),
    };
    match mail::post(tx, app, by, &letter).await {
        Ok(_) => Ok(true),
        // Too many wait: the link is handed over in another way.
        Err(Error::TooMany { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Nobody's mailbox is filled by whoever knows the address: one link that a stranger asks for in so many milliseconds.
const BETWEEN: i64 = 5 * 60 * 1000;

/// Sends a person who has forgotten the password a new link, where e-mail is sent, unless one went out a moment ago.
pub(crate) async fn send_forgotten(tx: &mut Conn, app: &App, row: &Row, token: &Token) -> Result<(), Error> {
    if app.mail.is_none() || mail::address(&row.email).is_none() {
        return Ok(());
    }
    let now = app.now();
    // Of several that ask at the same moment one gets it.
    tx.lock(&format!("user-link/{}/{}", row.company, row.id)).await?;
    let recent: Option<i64> = tx
        .sql(
            "select id from mail where company = $1 and record = $2 and kind in ('invite', 'reset') and created_at > $3
             limit 1",
        )
        .bind(row.company)
        .bind(format!("user/{}", row.staff_code))
        .bind(now - BETWEEN)
        .optional()
        .await?;
    let purpose = Purpose::of(row);
    // Nobody else hands it over: where its e-mail does not go out, the links that there are stay good.
    if recent.is_none() && mail(tx, app, row, purpose, (&token.address(app), now + purpose.life()), "system").await? {
        store(tx, (row.company, row.id), purpose, token, FORGOTTEN, now).await?;
    }
    Ok(())
}

/// What a token is for, while it is good.
pub(crate) async fn find(conn: &mut Conn, token: &Token, now: i64) -> Result<Option<(i64, Known)>, db::Error> {
    let Some(company) = token.company() else { return Ok(None) };
    let known: Option<Known> = conn
        .sql("select person, purpose, expires_at from person_link where company = $1 and hash = $2 and expires_at > $3")
        .bind(company)
        .bind(token.hash.as_slice())
        .bind(now)
        .optional()
        .await?;
    Ok(known.map(|known| (company, known)))
}

/// Uses a link up; false when somebody else just did.
pub(crate) async fn take(tx: &mut Conn, company: i64, token: &Token) -> Result<bool, db::Error> {
    let gone = tx.sql("delete from person_link where company = $1 and hash = $2");
    Ok(gone.bind(company).bind(token.hash.as_slice()).exec().await? == 1)
}
