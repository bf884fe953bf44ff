//! An identity provider that signs real tokens, and wrong ones when it is told to.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// How it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Rs256,
    Es256,
    /// Not at all, and it says so.
    Nothing,
    /// By a secret that everybody knows: the public key.
    Hs256,
    /// By another key of the same name.
    Foreign,
    /// The signature of another token.
    Cut,
}

/// What it plays.
pub struct Play {
    pub sign: Sign,
    /// Its keys count up when it takes new ones.
    pub generation: u32,
    /// Whether a code is good again and again.
    pub forgets: bool,
    /// What discovery says beyond what is right; null takes something away.
    pub discovery: Value,
    /// What the userinfo endpoint says.
    pub user_info: Value,
    /// Calls by path.
    pub calls: HashMap<String, usize>,
    grants: HashMap<String, Grant>,
    elliptic: EcdsaKeyPair,
    count: usize,
}

#[derive(Clone)]
struct Grant {
    challenge: String,
    redirect: String,
    claims: Value,
}

pub struct Idp {
    pub url: String,
    pub play: Arc<Mutex<Play>>,
}

/// The client's name and secret there; what is odd in them is escaped on the way.
pub const CLIENT: &str = "sala console";
pub const SECRET: &str = "s3cret:with/odd+signs";

fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(include_bytes!("rsa.der")).unwrap()
}

fn elliptic() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Writes these members over an object; null takes one away.
fn over(object: &mut Value, members: &Value) {
    for (name, value) in members.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
            value => object[name] = value.clone(),
        }
    }
}

impl Play {
    fn keys(&self) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(rsa().public());
        let point = self.elliptic.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let generation = self.generation;
        json!({"keys": [
            {"kty": "RSA", "use": "sig", "kid": format!("rsa{generation}"), "n": text(&public.n), "e": text(&public.e)},
            {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": format!("ec{generation}"), "x": text(&point[1..33]),
             "y": text(&point[33..])},
            {"kty": "oct", "kid": "shared", "k": "AAAA"},
        ]})
    }

    fn signed(&self, claims: &Value) -> String {
        let generation = self.generation;
        let (algorithm, kid) = match self.sign {
            Sign::Es256 => ("ES256", format!("ec{generation}")),
            Sign::Nothing => ("none", format!("rsa{generation}")),
            Sign::Hs256 => ("HS256", format!("rsa{generation}")),
            Sign::Rs256 | Sign::Foreign | Sign::Cut => ("RS256", format!("rsa{generation}")),
        };
        let algorithm = if self.sign == Sign::Foreign { "ES256" } else { algorithm };
        let kid = if self.sign == Sign::Foreign { format!("ec{generation}") } else { kid };
        let signed = format!("{}.{}", part(&json!({"alg": algorithm, "kid": kid, "typ": "JWT"})), part(claims));
        let random = SystemRandom::new();
        let rs256 = |text: &str| {
            let mut signature = vec![0; rsa().public().modulus_len()];
            rsa().sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
            signature
        };
        let signature = match self.sign {
            Sign::Rs256 => rs256(&signed),
            Sign::Cut => rs256("another.token"),
            Sign::Es256 => self.elliptic.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Sign::Foreign => elliptic().sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Sign::Nothing => Vec::new(),
            Sign::Hs256 => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, rsa().public().as_ref());
                ring::hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Takes new keys in place of the old ones.
    pub fn renew_keys(&mut self) {
        self.generation += 1;
        self.elliptic = elliptic();
    }
}

impl Idp {
    pub async fn start() -> Idp {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let play = Play {
            sign: Sign::Rs256,
            generation: 1,
            forgets: false,
            discovery: json!({}),
            user_info: json!({}),
            calls: HashMap::new(),
            grants: HashMap::new(),
            elliptic: elliptic(),
            count: 0,
        };
        let idp = Idp { url, play: Arc::new(Mutex::new(play)) };
        let (base, play) = (idp.url.clone(), Arc::clone(&idp.play));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (base, play) = (base.clone(), Arc::clone(&play));
                tokio::spawn(async move {
                    let service = service_fn(|request| handle(base.clone(), Arc::clone(&play), request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        idp
    }

    pub fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap()
    }

    /// How often a path was called.
    pub fn calls(&self, path: &str) -> usize {
        self.play().calls.get(path).copied().unwrap_or_default()
    }

    /// Somebody signs in there: the address to which the browser is sent back. `claims` are written over the usual ones.
    pub fn approve(&self, asked: &str, now: i64, claims: &Value) -> String {
        let asked = Url::parse(asked).unwrap();
        assert!(asked.as_str().starts_with(&format!("{}/authorize?", self.url)), "{asked}");
        let query: HashMap<String, String> = asked.query_pairs().into_owned().collect();
        assert_eq!((query["response_type"].as_str(), query["client_id"].as_str()), ("code", CLIENT));
        assert_eq!(
            (query["code_challenge_method"].as_str(), query["scope"].as_str()),
            ("S256", "openid email profile")
        );
        let mut all = json!({
            "iss": self.url, "aud": CLIENT, "sub": "nok-1", "nonce": query["nonce"], "iat": now / 1000,
            "exp": now / 1000 + 300, "email": "nok@example.com", "email_verified": true, "name": "Nok Jaidee",
        });
        over(&mut all, claims);
        let mut play = self.play();
        play.count += 1;
        let code = format!("code-{}", play.count);
        let grant =
            Grant { challenge: query["code_challenge"].clone(), redirect: query["redirect_uri"].clone(), claims: all };
        play.grants.insert(code.clone(), grant);
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        back.query_pairs_mut().append_pair("state", &query["state"]).append_pair("code", &code);
        format!("{}?{}", back.path(), back.query().unwrap())
    }
}

async fn handle(
    base: String,
    play: Arc<Mutex<Play>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut play = play.lock().unwrap();
    *play.calls.entry(path.clone()).or_default() += 1;
    let (status, said) = match path.as_str() {
        "/.well-known/openid-configuration" => {
            let mut said = json!({
                "issuer": base, "authorization_endpoint": format!("{base}/authorize"), "token_endpoint": format!("{base}/token"),
                "jwks_uri": format!("{base}/keys"), "userinfo_endpoint": format!("{base}/me"),
                "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            });
            over(&mut said, &play.discovery);
            (200, said)
        }
        "/keys" => (200, play.keys()),
        "/me" if authorization.as_deref() == Some("Bearer access") => (200, play.user_info.clone()),
        "/token" => token(&mut play, authorization.as_deref(), &body),
        _ => (404, json!({})),
    };
    let answer = Response::builder().status(status).header("content-type", "application/json");
    Ok(answer.body(Full::new(Bytes::from(said.to_string()))).unwrap())
}

fn token(play: &mut Play, authorization: Option<&str>, body: &[u8]) -> (u16, Value) {
    let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let client = STANDARD.encode(format!("{}:{}", escaped(CLIENT), escaped(SECRET)));
    if authorization != Some(&format!("Basic {client}")) {
        return (401, json!({"error": "invalid_client"}));
    }
    let code = form.get("code").cloned().unwrap_or_default();
    let found = if play.forgets { play.grants.get(&code).cloned() } else { play.grants.remove(&code) };
    let verifier = form.get("code_verifier").map(String::as_str).unwrap_or_default();
    let fits = |grant: &Grant| {
        form["grant_type"] == "authorization_code"
            && form["redirect_uri"] == grant.redirect
            && verifier.len() >= 43
            && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == grant.challenge
    };
    match found.filter(fits) {
        Some(grant) => {
            (200, json!({"token_type": "Bearer", "access_token": "access", "id_token": play.signed(&grant.claims)}))
        }
        None => (400, json!({"error": "invalid_grant"})),
    }
}
