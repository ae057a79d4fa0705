//! How a client knows a server that is not ours: by the system's certificates or a file, or not at all.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};

/// What clients are told of a server that is not ours; texts are PEM.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// The certificates by which it is known; none where those of the system are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<String>,
    /// The certificates by which clients say who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The key of the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The name that its certificate must have; none where it is the host of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether any certificate will do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

/// Nobody is shown a key.
impl std::fmt::Debug for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verification({:?}, insecure: {})", self.name, self.insecure)
    }
}

impl Verification {
    /// What clients do in a handshake of those versions; the error says which file is no good.
    pub(crate) fn config(
        &self,
        provider: Arc<CryptoProvider>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .doing("TLS cannot be spoken")?;
        let builder = if self.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        } else {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider);
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier.build().doing("no server could be verified")? as _)
        };
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("cert", certificate)?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).doing("`key` is no private key")?;
                builder.with_client_auth_cert(chain, key).doing("`cert` and `key` do not fit")
            }
            _ => Ok(builder.with_no_client_auth()),
        }
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        let Some(roots) = &self.roots else {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            return match store.is_empty() {
                false => Ok(store),
                true => Err(Error::failed("this system has no certificates to know a server by")
                    .help("install them (Debian: ca-certificates), or name a file by `ca`")),
            };
        };
        for certificate in certificates("ca", roots)? {
            store.add(certificate).doing("`ca` is not a certificate")?;
        }
        Ok(store)
    }
}

/// All certificates of the file of an option, of which there has to be one.
fn certificates(option: &str, text: &str) -> Result<Vec<CertificateDer<'static>>> {
    let all: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let all = all.doing(format_args!("`{option}` is not a certificate"))?;
    if all.is_empty() {
        return Err(Error::failed(format!("`{option}` has no certificate in it (PEM)")));
    }
    Ok(all)
}

/// Takes any certificate, but only from whoever has its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
