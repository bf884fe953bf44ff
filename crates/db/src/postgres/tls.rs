//! `sslmode` and `sslrootcert` in the URL, with the meaning libpq gives them.

use std::{str::FromStr, sync::Arc};

use deadpool_postgres::Connect;
use percent_encoding::percent_decode_str;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// Connects, twice where `allow` asks for it.
#[derive(Clone)]
pub(super) struct Dial {
    tls: MakeRustlsConnect,
    /// Without TLS first, with TLS when that is refused.
    allow: bool,
}

impl Dial {
    /// For requests to cancel, which take a connection of their own.
    pub(super) fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Chain,
    ChainAndName,
}

/// Takes the URL apart. Its text is never quoted: it holds the password.
pub(super) fn parse(url: &str) -> Result<(Config, Dial), Error> {
    let wrong = |what: &str| Error::Unavailable(format!("the database URL is wrong: {what}"));
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut roots, mut rest) = ("prefer".to_owned(), None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = || percent_decode_str(value).decode_utf8_lossy().into_owned();
        match name {
            "sslmode" => mode = value(),
            "sslrootcert" => roots = Some(value()),
            _ => rest.push(pair),
        }
    }
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    let mut config = Config::from_str(&url).map_err(|_| wrong("it is not understood"))?;
    let (ssl, check) = match mode.as_str() {
        "disable" | "allow" => (SslMode::Disable, Check::Nothing),
        "prefer" => (SslMode::Prefer, Check::Nothing),
        // As libpq has it: with a root certificate `require` checks the chain.
        "require" if roots.is_some() => (SslMode::Require, Check::Chain),
        "require" => (SslMode::Require, Check::Nothing),
        "verify-ca" => (SslMode::Require, Check::Chain),
        "verify-full" => (SslMode::Require, Check::ChainAndName),
        _ => return Err(wrong("sslmode is disable, allow, prefer, require, verify-ca or verify-full")),
    };
    config.ssl_mode(ssl);
    let tls = MakeRustlsConnect::new(client(check, roots.as_deref())?);
    Ok((config, Dial { tls, allow: mode == "allow" }))
}

fn client(check: Check, roots: Option<&str>) -> Result<ClientConfig, Error> {
    let wrong = |what: String| Error::Unavailable(format!("TLS: {what}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(e.to_string()))?;
    let inner = match check {
        Check::Nothing => None,
        _ => {
            let roots = Arc::new(trusted(roots)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            Some(verifier.map_err(|e| wrong(e.to_string()))?)
        }
    };
    let verifier = Verifier { check, inner, provider };
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn trusted(file: Option<&str>) -> Result<RootCertStore, Error> {
    let wrong = |what: &str| Error::Unavailable(format!("TLS: {what}"));
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) if file != "system" => {
            let certificates = CertificateDer::pem_file_iter(file).map_err(|_| wrong("sslrootcert cannot be read"))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|_| wrong("sslrootcert is not PEM"))?;
                roots.add(certificate).map_err(|_| wrong("sslrootcert holds something else than certificates"))?;
            }
        }
        _ => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(wrong("no root certificates"));
    }
    Ok(roots)
}

/// Checks as much of the server's certificate as the mode asks for.
#[derive(Debug)]
struct Verifier {
    check: Check,
    inner: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is the last thing to be checked, so the chain was good.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if self.check == Check::Chain =>
            {
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

type Connected = Result<(Client, JoinHandle<()>), tokio_postgres::Error>;

impl Connect for Dial {
    fn connect(&self, config: &Config) -> std::pin::Pin<Box<dyn Future<Output = Connected> + Send + '_>> {
        let config = config.clone();
        Box::pin(async move {
            match connect(&config, self.tls.clone()).await {
                Err(_) if self.allow => {
                    let mut config = config;
                    connect(config.ssl_mode(SslMode::Require), self.tls.clone()).await
                }
                result => result,
            }
        })
    }
}

async fn connect(config: &Config, tls: MakeRustlsConnect) -> Connected {
    let (client, connection) = config.connect(tls).await?;
    let task = tokio::spawn(async move {
        // Whoever uses the client learns of the failure; here it is only for the curious.
        if let Err(fault) = connection.await {
            tracing::debug!(error = %super::error(&fault), "connection");
        }
    });
    Ok((client, task))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_libpq() {
        for (mode, ssl) in [
            ("disable", SslMode::Disable),
            ("allow", SslMode::Disable),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
        ] {
            let (config, dial) = parse(&format!("postgres://u:p@h/d?sslmode={mode}&application_name=x")).unwrap();
            assert_eq!(config.get_ssl_mode(), ssl, "{mode}");
            assert_eq!(config.get_application_name(), Some("x"));
            assert_eq!(dial.allow, mode == "allow");
        }
        assert_eq!(parse("postgres://u:p@h/d").unwrap().0.get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn a_wrong_url_is_refused_without_quoting_it() {
        for url in
            ["postgres://u:secret@h/d?sslmode=secret", "postgres://u:secret@h:secret/d", "postgres://u@h/d?secret=1"]
        {
            let text = parse(url).err().unwrap().to_string();
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_missing_root_certificate_is_an_error() {
        assert!(parse("postgres://u@h/d?sslmode=verify-ca&sslrootcert=/nowhere.pem").is_err());
    }
}
