//! API clients: made, renewed, changed and revoked.

use db::{Conn, Db};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LONGEST_ID;
use crate::http::{Code, Error, Fault};
use crate::random;

/// A new client's credentials, shown once.
#[derive(Debug, Clone, Serialize)]
pub struct NewClient {
    /// The client's id again, under the name that every record has.
    pub id: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret; only its hash is kept.
    pub client_secret: String,
    /// The subscription key; only its hash is kept.
    pub subscription_key: String,
    /// The company.
    pub company: i64,
    /// The name it was given.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// What a new client brings along from elsewhere, so that a program in the field is moved by its base URL alone.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Its id there.
    pub id: Option<String>,
    /// Its secret there.
    pub secret: Option<String>,
    /// Its subscription key there.
    pub key: Option<String>,
    /// Whether it wants `status.code` as a number.
    pub number_codes: bool,
}

impl Given {
    /// What cannot be taken over, in words.
    fn fault(&self) -> Option<(&'static str, String)> {
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let wrong = |field, text: &Option<String>, least: usize| {
            let text = text.as_deref()?;
            let right = visible(text) && (least..=LONGEST_ID).contains(&text.len());
            (!right).then(|| (field, format!("{field} must be {least} to {LONGEST_ID} visible ASCII characters")))
        };
        wrong("id", &self.id, 1).or_else(|| wrong("secret", &self.secret, 16)).or_else(|| wrong("key", &self.key, 16))
    }
}

/// Makes a client of a company.
pub async fn create_client(db: &Db, company: i64, name: &str, scopes: &[String], now: i64) -> Result<NewClient, Error> {
    create_client_as(db, company, name, scopes, Given::default(), now).await
}

/// Gives a client another secret and another subscription key; answers both. What the old ones opened is closed.
pub async fn rotate_client(db: &Db, company: i64, id: &str) -> Result<(String, String), Error> {
    let made = make_client(company, "", &[], &Given { id: Some(id.to_owned()), ..Given::default() })?;
    db.write(async |mut tx| renew_client(&mut tx, &made).await).await?;
    Ok((made.client_secret, made.subscription_key))
}

/// Makes a client of a company, with what it brings along.
pub async fn create_client_as(
    db: &Db,
    company: i64,
    name: &str,
    scopes: &[String],
    given: Given,
    now: i64,
) -> Result<NewClient, Error> {
    if let Some((field, why)) = given.fault() {
        return Err(Error::invalid(Code::InvalidFormat, field, why));
    }
    let made = make_client(company, name, scopes, &given)?;
    db.write(async |mut tx| {
        crate::setting::company::must_exist(&mut tx, company).await?;
        add_client(&mut tx, &made, given.number_codes, now).await
    })
    .await?;
    Ok(made)
}

/// Credentials of a client that is not stored yet: what it brings along, and the rest by chance.
pub(crate) fn make_client(company: i64, name: &str, scopes: &[String], given: &Given) -> Result<NewClient, Error> {
    let made =
        || Ok::<_, Error>(format!("{company}-{}", random::text(9)?.to_ascii_lowercase().replace(['-', '_'], "x")));
    let id = given.id.clone().map_or_else(made, Ok)?;
    Ok(NewClient {
        id: id.clone(),
        client_id: id,
        client_secret: given.secret.clone().map_or_else(|| random::text(32), Ok)?,
        subscription_key: given.key.clone().map_or_else(|| random::text(24), Ok)?,
        company,
        name: name.to_owned(),
        scopes: scopes.to_vec(),
    })
}

/// Stores a client; of its secrets only the hashes.
pub(crate) async fn add_client(tx: &mut Conn, client: &NewClient, number_codes: bool, now: i64) -> Result<(), Error> {
    // Requests for tokens name no company, so an id that does not begin with it must be the only one of its kind.
    tx.lock(&format!("client/{}", client.id)).await?;
    let taken: Option<i64> =
        tx.sql("select company from client where id = $1 limit 1").bind(&client.id).optional().await?;
    if taken.is_some() {
        let message = format!("{} belongs to another record", client.id);
        return Err(Error::Conflict(Fault::new(Code::Taken, "id", message)));
    }
    tx.sql(
        "insert into client (company, id, name, secret_hash, key_hash, scopes, created_at, number_codes)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(client.company)
    .bind(&client.id)
    .bind(&client.name)
    .bind(Sha256::digest(&client.client_secret).as_slice())
    .bind(Sha256::digest(&client.subscription_key).as_slice())
    .bind(client.scopes.join(" "))
    .bind(now)
    .bind(number_codes)
    .exec()
    .await?;
    Ok(())
}

/// Gives a client another secret and another key; what the old ones opened is closed.
pub(crate) async fn renew_client(tx: &mut Conn, client: &NewClient) -> Result<(), Error> {
    let renewed = tx
        .sql("update client set secret_hash = $1, key_hash = $2 where company = $3 and id = $4 and revoked_at is null")
        .bind(Sha256::digest(&client.client_secret).as_slice())
        .bind(Sha256::digest(&client.subscription_key).as_slice())
        .bind(client.company)
        .bind(&client.id)
        .exec()
        .await?;
    if renewed == 0 {
        return Err(Error::NotFound("client"));
    }
    end_tokens(tx, client.company, &client.id).await
}

/// Gives a client another name and other scopes, and takes it out of use or back into it. Its tokens end.
pub(crate) async fn change_client(
    tx: &mut Conn,
    company: i64,
    id: &str,
    (name, scopes): (&str, &str),
    revoked_at: Option<i64>,
) -> Result<(), Error> {
    tx.sql("update client set name = $1, scopes = $2, revoked_at = $3 where company = $4 and id = $5")
        .bind(name)
        .bind(scopes)
        .bind(revoked_at)
        .bind(company)
        .bind(id)
        .exec()
        .await?;
    end_tokens(tx, company, id).await
}

async fn end_tokens(tx: &mut Conn, company: i64, id: &str) -> Result<(), Error> {
    tx.sql("delete from token where company = $1 and client = $2").bind(company).bind(id).exec().await?;
    Ok(())
}

/// A client as lists show it: no secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListedClient {
    /// The client's id.
    pub id: String,
    /// The name it was given.
    pub name: String,
    /// Its scopes, separated by spaces.
    pub scopes: String,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// When it was revoked, in Unix milliseconds.
    pub revoked_at: Option<i64>,
}

/// The clients of a company, oldest first.
pub async fn list_clients(conn: &mut Conn, company: i64) -> Result<Vec<ListedClient>, db::Error> {
    conn.sql(CLIENT).push(" order by created_at, id limit 1000").bind(company).all().await
}

const CLIENT: &str = "select id, name, scopes, created_at, revoked_at from client where company = $1";

/// A client by its id, revoked ones too.
pub(crate) async fn listed_client(conn: &mut Conn, company: i64, id: &str) -> Result<Option<ListedClient>, db::Error> {
    conn.sql(CLIENT).push(" and id = $2").bind(company).bind(id).optional().await
}

/// The same, kept from others until the unit ends.
pub(crate) async fn held_client(tx: &mut Conn, company: i64, id: &str) -> Result<Option<ListedClient>, db::Error> {
    tx.sql(CLIENT).push(" and id = $2").bind(company).bind(id).held().optional().await
}

/// Revokes a client: its tokens end within a second, on every node.
pub async fn revoke_client(db: &Db, company: i64, id: &str, now: i64) -> Result<(), Error> {
    db.write(async |mut tx| {
        let revoked = tx
            .sql("update client set revoked_at = coalesce(revoked_at, $1) where company = $2 and id = $3")
            .bind(now)
            .bind(company)
            .bind(id)
            .exec()
            .await?;
        if revoked == 0 {
            return Err(Error::NotFound("client"));
        }
        end_tokens(&mut tx, company, id).await
    })
    .await
}
