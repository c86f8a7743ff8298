//! Which certificates a development cluster needs: an authority and leaves signed by it.
//!
//! Answers from names, a time and a lifetime alone. Knows no files, no clock and no TLS stack;
//! the caller writes what it gets and must keep private keys private.

use core::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::X509Certificate;

/// Clocks of other machines may be behind ours: certificates are valid from a little earlier.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A name that can stand in no certificate.
    #[error(
        "certificate name \"{0}\" is neither an IP address nor a DNS name: \
         expected letters, digits, '-' and '.', with at most one leading \"*.\""
    )]
    Name(String),
    /// A server certificate without any name would match no host.
    #[error("a server certificate needs at least one DNS name or IP address")]
    NoNames,
    /// A lifetime that ends before it begins, or beyond the calendar.
    #[error("a lifetime of {0} days is out of range: expected 1 to 36500")]
    Lifetime(u32),
    /// What was given is no authority with its key.
    #[error("no certificate authority can be made of what was given: {0}")]
    Authority(String),
    /// The cryptographic library refused.
    #[error("cannot make {what}: {source}")]
    Generate {
        /// What was being made: a key or a certificate, and for whom.
        what: String,
        /// What the library says.
        source: rcgen::Error,
    },
}

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Validity {
    /// `days` days from `now`, beginning five minutes earlier for clocks that are behind.
    ///
    /// # Errors
    /// [`PkiError::Lifetime`] for zero or more than 36,500 days.
    pub fn days(now: OffsetDateTime, days: u32) -> Result<Self, PkiError> {
        if !(1..=36_500).contains(&days) {
            return Err(PkiError::Lifetime(days));
        }
        Ok(Self {
            not_before: now - CLOCK_SKEW,
            not_after: now + Duration::days(days.into()),
        })
    }

    /// The validity of the first certificate in a PEM text.
    ///
    /// # Errors
    /// [`PkiError::Authority`] when there is none.
    pub fn of(cert_pem: &str) -> Result<Self, PkiError> {
        with_certificate(cert_pem, |cert| {
            let validity = cert.validity();
            Self {
                not_before: validity.not_before.to_datetime(),
                not_after: validity.not_after.to_datetime(),
            }
        })
    }

    /// When it begins.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// When it ends.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Whether a time lies in it.
    pub fn holds(&self, time: OffsetDateTime) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }

    /// Exactly from one time to another, also when both have passed.
    pub fn between(not_before: OffsetDateTime, not_after: OffsetDateTime) -> Self {
        Self {
            not_before,
            not_after,
        }
    }
}

/// A certificate signed by a [`Ca`], with its private key, both in PEM.
pub struct Leaf {
    /// The certificate; clients trust it through the authority's.
    pub cert_pem: String,
    /// The private key (PKCS #8): a secret.
    pub key_pem: String,
}

/// A certificate authority with a P-256 key.
pub struct Ca {
    cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    /// Makes a new authority that may sign leaves and nothing else.
    ///
    /// # Errors
    /// [`PkiError::Generate`] when the cryptographic library refuses.
    pub fn generate(common_name: &str, validity: Validity) -> Result<Self, PkiError> {
        let mut params = params(common_name, validity);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = key(common_name)?;
        let cert = params
            .self_signed(&key)
            .map_err(|source| refused(common_name, source))?;
        Ok(Self {
            cert_pem: cert.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// An authority that was made before, from its certificate and its private key.
    ///
    /// # Errors
    /// [`PkiError::Authority`] when it is none, or when the two are no pair.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self, PkiError> {
        let no = |what: &str| PkiError::Authority(what.to_owned());
        let key = KeyPair::from_pem(key_pem).map_err(|_| no("the key is no private key in PEM"))?;
        let (is_ca, is_pair) = with_certificate(cert_pem, |cert| {
            let pair = cert.public_key().raw == key.subject_public_key_info();
            (cert.is_ca(), pair)
        })?;
        if !is_ca {
            return Err(no("the certificate is not an authority's"));
        }
        if !is_pair {
            return Err(no("the key belongs to another certificate"));
        }
        let issuer = Issuer::from_ca_cert_pem(cert_pem, key)
            .map_err(|error| PkiError::Authority(error.to_string()))?;
        Ok(Self {
            cert_pem: cert_pem.to_owned(),
            issuer,
        })
    }

    /// The authority's certificate in PEM: what clients are given to trust.
    pub fn cert_pem(&self) -> String {
        self.cert_pem.clone()
    }

    /// The authority's private key in PEM (PKCS #8): a secret.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Issues a server certificate for DNS names and IP addresses.
    ///
    /// # Errors
    /// [`PkiError::NoNames`], [`PkiError::Name`] or [`PkiError::Generate`].
    pub fn issue(&self, names: &[String], validity: Validity) -> Result<Leaf, PkiError> {
        let first = names.first().ok_or(PkiError::NoNames)?;
        if let Some(bad) = names.iter().find(|name| !is_name(name)) {
            return Err(PkiError::Name(bad.clone()));
        }
        let checked = CertificateParams::new(names).map_err(|source| refused(first, source))?;
        let mut params = params("sidebox", validity);
        params.subject_alt_names = checked.subject_alt_names;
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Issues a client certificate whose subject is `common_name`.
    ///
    /// # Errors
    /// [`PkiError::Generate`] when the cryptographic library refuses.
    pub fn issue_client(&self, common_name: &str, validity: Validity) -> Result<Leaf, PkiError> {
        self.sign(
            params(common_name, validity),
            ExtendedKeyUsagePurpose::ClientAuth,
        )
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Leaf, PkiError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = key("a leaf")?;
        let cert = params
            .signed_by(&key, &self.issuer)
            .map_err(|source| refused("a leaf", source))?;
        Ok(Leaf {
            cert_pem: cert.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

fn with_certificate<T>(
    pem: &str,
    look: impl FnOnce(&X509Certificate<'_>) -> T,
) -> Result<T, PkiError> {
    let no = || PkiError::Authority("it holds no X.509 certificate in PEM".to_owned());
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|_| no())?;
    Ok(look(&pem.parse_x509().map_err(|_| no())?))
}

fn params(common_name: &str, validity: Validity) -> CertificateParams {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.not_before = validity.not_before;
    params.not_after = validity.not_after;
    params
}

fn key(owner: &str) -> Result<KeyPair, PkiError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|source| PkiError::Generate {
        what: format!("a key for {owner}"),
        source,
    })
}

fn refused(owner: &str, source: rcgen::Error) -> PkiError {
    PkiError::Generate {
        what: format!("a certificate for {owner}"),
        source,
    }
}

/// Whether it can stand in a certificate: an IP address, or a DNS name by RFC 1123 with an optional
/// leading wildcard label.
pub fn is_name(name: &str) -> bool {
    let labels = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && labels.split('.').all(is_label))
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_795_521_600).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn parsed<T>(pem: &str, look: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
        let (_, pem) = parse_x509_pem(pem.as_bytes()).unwrap();
        look(&pem.parse_x509().unwrap())
    }

    #[test]
    fn a_leaf_carries_its_names_its_times_and_its_issuers_signature() {
        let validity = Validity::days(noon(), 30).unwrap();
        let ca = Ca::generate("test authority", validity).unwrap();
        let leaf = ca
            .issue(&names(&["localhost", "127.0.0.1", "::1"]), validity)
            .unwrap();
        parsed(&leaf.cert_pem, |cert| {
            let san = cert.subject_alternative_name().unwrap().unwrap();
            let names: Vec<_> = san
                .value
                .general_names
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(names.len(), 3, "{names:?}");
            assert!(names[0].contains("localhost"));
            assert_eq!(
                cert.validity().not_before.timestamp(),
                noon().unix_timestamp() - 300
            );
            assert_eq!(
                cert.validity().not_after.timestamp(),
                noon().unix_timestamp() + 30 * 86_400
            );
            assert!(!cert.is_ca());
            parsed(&ca.cert_pem(), |ca| {
                assert!(ca.is_ca());
                assert_eq!(cert.issuer(), ca.subject());
            });
        });
    }

    #[test]
    fn an_authority_that_was_kept_signs_as_the_one_that_was_made() {
        let validity = Validity::days(noon(), 30).unwrap();
        let made = Ca::generate("test authority", validity).unwrap();
        let kept = Ca::from_pem(&made.cert_pem(), &made.key_pem()).unwrap();
        assert_eq!(kept.cert_pem(), made.cert_pem());
        assert_eq!(Validity::of(&kept.cert_pem()).unwrap(), validity);
        let leaf = kept.issue(&names(&["localhost"]), validity).unwrap();
        parsed(&leaf.cert_pem, |leaf| {
            parsed(&made.cert_pem(), |ca| {
                assert_eq!(leaf.issuer(), ca.subject());
                leaf.verify_signature(Some(ca.public_key())).unwrap();
            });
        });
        let other = Ca::generate("other", validity).unwrap();
        let no_ca = made.issue(&names(&["localhost"]), validity).unwrap();
        for (cert, key, why) in [
            (made.cert_pem(), other.key_pem(), "belongs to another"),
            (no_ca.cert_pem, no_ca.key_pem, "not an authority's"),
            ("garbage".to_owned(), made.key_pem(), "no X.509"),
            (made.cert_pem(), "garbage".to_owned(), "no private key"),
        ] {
            let refused = Ca::from_pem(&cert, &key).err().unwrap().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn a_client_leaf_has_the_subject_and_only_the_client_usage() {
        let validity = Validity::days(noon(), 1).unwrap();
        let ca = Ca::generate("test authority", validity).unwrap();
        let leaf = ca.issue_client("system:apiserver", validity).unwrap();
        parsed(&leaf.cert_pem, |cert| {
            let name = cert
                .subject()
                .iter_common_name()
                .next()
                .unwrap()
                .as_str()
                .unwrap();
            assert_eq!(name, "system:apiserver");
            let usage = cert.extended_key_usage().unwrap().unwrap();
            assert!(usage.value.client_auth && !usage.value.server_auth);
        });
    }

    #[test]
    fn names_and_lifetimes_that_cannot_be_are_refused() {
        let validity = Validity::days(noon(), 1).unwrap();
        let ca = Ca::generate("test authority", validity).unwrap();
        for bad in [
            "",
            "a b",
            "-a",
            "a..b",
            "*.*.a",
            "é",
            "a/b",
            "a.",
            &"x".repeat(64),
        ] {
            let refused = ca.issue(&names(&[bad]), validity);
            assert!(
                matches!(refused, Err(PkiError::Name(name)) if name == bad),
                "{bad}"
            );
        }
        assert!(matches!(ca.issue(&[], validity), Err(PkiError::NoNames)));
        assert!(matches!(
            Validity::days(noon(), 0),
            Err(PkiError::Lifetime(0))
        ));
        assert!(matches!(
            Validity::days(noon(), u32::MAX),
            Err(PkiError::Lifetime(_))
        ));
    }
}
