//! Id tokens (OpenID Connect Core 1.0, section 3.1.3.7), believed only when everything about them is as it must be. `ring`, which
//! is there for TLS, checks the signature. A library for tokens would bring a second cryptography, and knows another clock.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// How far two clocks may be apart, in seconds.
const LEEWAY: i64 = 120;

/// A token was made for this sign-in, which takes minutes: one that is older than this, in seconds, was made for another.
const OLDEST: i64 = 60 * 60;

/// The largest token, in bytes: one with hundreds of groups is smaller.
const LARGEST: usize = 64 * 1024;

/// Keys of a provider that are looked at.
const MOST_KEYS: usize = 100;

/// The algorithms of signatures that are believed. None of them has a secret that both sides know, and none is `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

/// Their names, as headers and discovery have them.
pub(super) const ALGORITHMS: [&str; 3] = ["RS256", "PS256", "ES256"];

impl Algorithm {
    fn read(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "PS256" => Some(Algorithm::Ps256),
            "ES256" => Some(Algorithm::Es256),
            _ => None,
        }
    }
}

/// A public key of a provider.
#[derive(Debug, Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
}

fn text<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str)
}

fn bytes(object: &Value, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(object, name)?.trim_end_matches('=')).ok()
}

impl Key {
    /// Those of a key set (RFC 7517) that sign by an algorithm that is believed; others are left out.
    pub(super) fn all(set: &Value) -> Vec<Key> {
        let keys = set.get("keys").and_then(Value::as_array);
        keys.into_iter().flatten().take(MOST_KEYS).filter_map(Key::read).collect()
    }

    fn read(key: &Value) -> Option<Key> {
        if text(key, "use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let algorithm = match text(key, "alg") {
            Some(name) => Some(Algorithm::read(name)?),
            None => None,
        };
        let material = match text(key, "kty")? {
            "RSA" => {
                // No zeros in front, which some write for the sign's sake.
                let modulus = bytes(key, "n")?.into_iter().skip_while(|byte| *byte == 0).collect();
                Material::Rsa { modulus, exponent: bytes(key, "e")? }
            }
            "EC" if text(key, "crv") == Some("P-256") => {
                let mut point = vec![4];
                for name in ["x", "y"] {
                    let number = bytes(key, name)?;
                    point.extend(std::iter::repeat_n(0, 32_usize.checked_sub(number.len())?));
                    point.extend(number);
                }
                Material::P256(point)
            }
            _ => return None,
        };
        Some(Key { id: text(key, "kid").map(str::to_owned), algorithm, material })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let of_kind = match self.material {
            Material::Rsa { .. } => algorithm != Algorithm::Es256,
            Material::P256(_) => algorithm == Algorithm::Es256,
        };
        of_kind && self.algorithm.is_none_or(|own| own == algorithm)
    }

    fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let checked = match &self.material {
            Material::Rsa { modulus, exponent } => {
                let rule =
                    if algorithm == Algorithm::Ps256 { &RSA_PSS_2048_8192_SHA256 } else { &RSA_PKCS1_2048_8192_SHA256 };
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(rule, message, signature)
            }
            Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature),
        };
        checked.is_ok()
    }
}

/// What a token must be about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    /// Unix milliseconds.
    pub(super) now: i64,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It names a key that is not among those that were given: the provider may have new ones.
    UnknownKey,
    /// For good; the words are for the log.
    Because(&'static str),
}

/// What is said of the person, in a token or by the provider itself.
#[derive(Debug, Clone)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn new(said: Map<String, Value>) -> Claims {
        Claims(said)
    }

    /// A text that has something in it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The provider's own name of the person, exactly as it is.
    pub(super) fn subject(&self) -> Option<&str> {
        let subject = self.0.get("sub").and_then(Value::as_str)?;
        (!subject.is_empty() && subject.len() <= 255).then_some(subject)
    }

    /// A yes or no, which some providers write as text or as a number.
    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => match text.as_str() {
                "true" | "1" => Some(true),
                _ => Some(false),
            },
            Value::Number(number) => Some(number.as_i64() == Some(1)),
            _ => None,
        }
    }

    /// Seconds of Unix time.
    fn time(&self, name: &str) -> Option<i64> {
        let number = self.0.get(name)?;
        #[expect(clippy::cast_possible_truncation, reason = "a time beyond the range is as wrong as its nearest one")]
        number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64))
    }

    fn audience(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// What a token says, when one of these keys has signed it and it is about this sign-in.
pub(super) fn verify(token: &str, keys: &[Key], expected: &Expected<'_>) -> Result<Claims, Refused> {
    let broken = Refused::Because("it is no signed token");
    let parts: Vec<&str> = token.splitn(4, '.').collect();
    let &[head, body, signature] = parts.as_slice() else { return Err(broken) };
    if token.len() > LARGEST {
        return Err(Refused::Because("it is too large"));
    }
    let header = object(head).ok_or(broken)?;
    let named = |name: &str| header.get(name).and_then(Value::as_str);
    let algorithm =
        named("alg").and_then(Algorithm::read).ok_or(Refused::Because("its algorithm is none of those allowed"))?;
    // What must be understood, and is not.
    if header.contains_key("crit") {
        return Err(Refused::Because("it demands an extension"));
    }
    let fitting: Vec<&Key> = keys.iter().filter(|key| key.fits(algorithm)).collect();
    let key = match named("kid") {
        Some(id) => fitting.iter().find(|key| key.id.as_deref() == Some(id)).copied(),
        None if fitting.len() == 1 => fitting.first().copied(),
        None => None,
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| broken)?;
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    if !key.ok_or(Refused::UnknownKey)?.has_signed(algorithm, signed.as_bytes(), &signature) {
        return Err(Refused::Because("its signature does not fit"));
    }
    let claims = Claims(object(body).ok_or(broken)?);
    check(&claims, expected)?;
    Ok(claims)
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), Refused> {
    let because = |why| Err(Refused::Because(why));
    let exact = |name: &str| claims.0.get(name).and_then(Value::as_str).unwrap_or_default();
    if exact("iss") != expected.issuer {
        return because("it is of another issuer");
    }
    let audience = claims.audience();
    if !audience.contains(&expected.client) {
        return because("it is for another client");
    }
    let party = claims.0.get("azp");
    if party.is_some_and(|party| party.as_str() != Some(expected.client)) || (audience.len() > 1 && party.is_none()) {
        return because("it was given to another client");
    }
    let now = expected.now / 1000;
    if claims.time("exp").is_none_or(|end| end.saturating_add(LEEWAY) <= now) {
        return because("it is over");
    }
    if claims.time("iat").is_none_or(|made| made > now + LEEWAY || made < now - OLDEST) {
        return because("it was made at another time");
    }
    if claims.0.contains_key("nbf") && claims.time("nbf").is_none_or(|begin| begin > now + LEEWAY) {
        return because("it is not good yet");
    }
    if !bool::from(exact("nonce").as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return because("it was made for another sign-in");
    }
    match claims.subject() {
        Some(_) => Ok(()),
        None => because("it names nobody"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_that_cannot_sign_are_left_out() {
        let number = URL_SAFE_NO_PAD.encode([1; 32]);
        let short = URL_SAFE_NO_PAD.encode([1; 31]);
        let long = URL_SAFE_NO_PAD.encode([1; 33]);
        let set = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "good", "x": number, "y": short},
            {"kty": "EC", "crv": "P-256", "kid": "long", "x": number, "y": long},
            {"kty": "EC", "crv": "P-384", "x": number, "y": number},
            {"kty": "oct", "k": number},
            {"kty": "RSA", "use": "enc", "n": number, "e": "AQAB"},
            {"kty": "RSA", "alg": "RSA-OAEP", "n": number, "e": "AQAB"},
            {"kty": "RSA", "use": "sig", "alg": "RS256", "n": number, "e": "AQAB"},
            "text", 7
        ]});
        let keys = Key::all(&set);
        let fits = |algorithm| keys.iter().filter(|key| key.fits(algorithm)).count();
        assert_eq!((keys.len(), fits(Algorithm::Rs256), fits(Algorithm::Ps256), fits(Algorithm::Es256)), (2, 1, 0, 1));
        assert!(Key::all(&json!({})).is_empty());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let expected = Expected { issuer: "i", client: "c", nonce: "n", now: 0 };
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (none, claims) = (part(json!({"alg": "none"})), part(json!({"iss": "i"})));
        for token in ["", "a.b", "a.b.c.d", "...", &format!("{none}.{claims}."), "\u{e01}.\u{e02}.\u{e03}"] {
            assert!(matches!(verify(token, &[], &expected), Err(Refused::Because(_))), "{token}");
        }
        let unknown = format!("{}.{claims}.AAAA", part(json!({"alg": "RS256", "kid": "k"})));
        assert_eq!(verify(&unknown, &[], &expected).err(), Some(Refused::UnknownKey));
    }
}
