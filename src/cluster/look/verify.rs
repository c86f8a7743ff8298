//! Does a caBundle verify a certificate as the API server would? Pure; knows nothing of connections.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use time::OffsetDateTime;

use crate::chain::seen::Verified;

/// What is shown in a handshake: the server's certificate, and those between it and its authority.
pub(super) type Chain = Vec<CertificateDer<'static>>;

/// When the certificate that was shown begins and ends.
pub(super) fn validity(chain: &Chain) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (_, cert) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
    let validity = cert.validity();
    Some((
        validity.not_before.to_datetime(),
        validity.not_after.to_datetime(),
    ))
}

/// As the API server judges it: the caBundle's certificates are trusted, and no others.
pub(super) fn verified(chain: &Chain, bundle: &[u8], name: &str, now: OffsetDateTime) -> Verified {
    let mut roots = RootCertStore::empty();
    let mut itself = false;
    for cert in CertificateDer::pem_slice_iter(bundle).flatten() {
        itself |= chain.first() == Some(&cert);
        // One that is no authority takes no part, as with the API server.
        let _ = roots.add(cert);
    }
    match verify(chain, roots, name, now) {
        Ok(()) => Verified::Yes,
        Err(_) if itself => {
            Verified::Unsure("the caBundle holds the served certificate itself".into())
        }
        Err(error) => Verified::No(sentence(&error, name)),
    }
}

fn verify(
    chain: &Chain,
    roots: RootCertStore,
    name: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let (leaf, rest) = chain.split_first().ok_or_else(unknown)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_| unknown())?;
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))?;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    verifier
        .verify_server_cert(leaf, rest, &name, &[], now)
        .map(drop)
}

fn sentence(error: &Error, name: &str) -> String {
    let Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "another authority has signed it".into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has ended".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it does not name {name}")
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Ca, Validity};
    use time::Duration;

    const HOST: &str = "sidebox.sidebox.svc";

    fn authority(name: &str, now: OffsetDateTime) -> Ca {
        Ca::generate(name, Validity::days(now, 30).unwrap()).unwrap()
    }

    fn leaf(ca: &Ca, name: &str, from: OffsetDateTime, until: OffsetDateTime) -> Chain {
        let leaf = ca.issue(&[name.to_owned()], Validity::between(from, until));
        let pem = leaf.unwrap().cert_pem;
        CertificateDer::pem_slice_iter(pem.as_bytes())
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_certificate_is_judged_as_the_api_server_judges_it() {
        let now = OffsetDateTime::now_utc();
        let (ca, other) = (authority("one", now), authority("other", now));
        let both = format!("{}{}", other.cert_pem(), ca.cert_pem());
        let hour = Duration::HOUR;
        let good = leaf(&ca, HOST, now - hour, now + hour);
        let judge = |chain: &Chain, pem: &str, name| verified(chain, pem.as_bytes(), name, now);
        assert_eq!(judge(&good, &both, HOST), Verified::Yes);
        let rows = [
            (
                &good,
                other.cert_pem(),
                HOST,
                "another authority has signed it",
            ),
            (&good, both.clone(), "x.y.svc", "it does not name x.y.svc"),
            (
                &leaf(&ca, HOST, now - hour - hour, now - hour),
                both.clone(),
                HOST,
                "it has ended",
            ),
            (
                &leaf(&ca, HOST, now + hour, now + hour + hour),
                both.clone(),
                HOST,
                "it is not valid yet",
            ),
            (
                &good,
                String::new(),
                HOST,
                "another authority has signed it",
            ),
        ];
        for (chain, pem, name, error) in rows {
            assert_eq!(judge(chain, &pem, name), Verified::No(error.into()));
        }
    }
}
