//! Who signs, who will, and who did? What the Secret says, as plain data, and how it is written there.
//!
//! Knows PEM texts and times; must not know who reads and writes the Secret, or when.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::pki::{Ca, PkiError, Validity};

/// The Secret's keys: certificate and key of who signs, of who will, and who did, as JSON.
const SIGNING: (&str, &str) = ("ca.crt", "ca.key");
const NEXT: (&str, &str) = ("next.crt", "next.key");
const RETIRED: &str = "retired.json";

/// An authority with its key: a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) cert: String,
    pub(super) key: String,
    pub(super) validity: Validity,
}

impl Authority {
    /// A new one for a time.
    pub(super) fn make(validity: Validity) -> Result<Self, PkiError> {
        let name = format!("sidebox {}", validity.not_after().unix_timestamp());
        let ca = Ca::generate(&name, validity)?;
        Self::parse(&ca.cert_pem(), &ca.key_pem())
    }

    fn parse(cert: &str, key: &str) -> Result<Self, PkiError> {
        let ca = Ca::from_pem(cert, key)?;
        Ok(Self {
            validity: Validity::of(cert)?,
            cert: ca.cert_pem(),
            key: ca.key_pem(),
        })
    }
}

/// Keys stand in no log.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authority").field(&self.validity).finish()
    }
}

/// One that signs no more, but is trusted until its last leaf has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retired {
    #[serde(rename = "certificate")]
    pub(super) cert: String,
    /// In seconds since 1970.
    #[serde(rename = "trustedUntil")]
    pub(super) until: i64,
}

impl Retired {
    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= self.until
    }
}

/// All that the API server is to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authorities {
    /// Signs leaves.
    pub(super) signing: Authority,
    /// Will sign, once the API server is known to trust it.
    pub(super) next: Option<Authority>,
    /// Have signed.
    pub(super) retired: Vec<Retired>,
}

impl Authorities {
    /// What each caBundle must be. In an order that does not change when another one signs: a caBundle
    /// that changes costs the API server its open connections.
    pub(super) fn bundle(&self) -> String {
        let keyed = [Some(&self.signing), self.next.as_ref()];
        let keyed = keyed
            .into_iter()
            .flatten()
            .map(|authority| &*authority.cert);
        let all: BTreeSet<_> = keyed
            .chain(self.retired.iter().map(|retired| &*retired.cert))
            .map(str::trim)
            .collect();
        all.into_iter().flat_map(|cert| [cert, "\n"]).collect()
    }

    /// Reads what the Secret holds; none if it is empty.
    pub(super) fn parse(data: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        let Some(signing) = pair(data, SIGNING)? else {
            return Ok(None);
        };
        let retired = match text(data, RETIRED)? {
            None => Vec::new(),
            Some(text) => serde_json::from_str(&text)
                .map_err(|error| format!("{RETIRED} cannot be read: {error}"))?,
        };
        Ok(Some(Self {
            signing,
            next: pair(data, NEXT)?,
            retired,
        }))
    }

    /// The Secret's `data`; what must not stay in it is null.
    pub(super) fn data(&self) -> Value {
        let encoded = |text: Option<&str>| text.map(|text| STANDARD.encode(text));
        let next = self.next.as_ref();
        let retired = (!self.retired.is_empty()).then(|| json!(self.retired).to_string());
        json!({
            SIGNING.0: encoded(Some(&self.signing.cert)),
            SIGNING.1: encoded(Some(&self.signing.key)),
            NEXT.0: encoded(next.map(|next| &*next.cert)),
            NEXT.1: encoded(next.map(|next| &*next.key)),
            RETIRED: encoded(retired.as_deref()),
        })
    }
}

fn pair(
    data: &BTreeMap<String, String>,
    (cert, key): (&str, &str),
) -> Result<Option<Authority>, String> {
    match (text(data, cert)?, text(data, key)?) {
        (None, None) => Ok(None),
        (Some(cert_pem), Some(key_pem)) => Authority::parse(&cert_pem, &key_pem)
            .map(Some)
            .map_err(|error| format!("{cert} and {key}: {error}")),
        (Some(_), None) => Err(format!("{cert} is there without {key}")),
        (None, Some(_)) => Err(format!("{key} is there without {cert}")),
    }
}

/// A value of the Secret; an empty one is none.
fn text(data: &BTreeMap<String, String>, key: &str) -> Result<Option<String>, String> {
    let Some(encoded) = data.get(key).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(encoded).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Some)
        .ok_or_else(|| format!("{key} is no text"))
}

/// The certificates in a caBundle, each with its own first and last line.
pub(super) fn certificates(bundle: &str) -> impl Iterator<Item = &str> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut rest = bundle;
    std::iter::from_fn(move || {
        let begin = rest.find(BEGIN)?;
        let end = begin + rest[begin..].find(END)? + END.len();
        let found = &rest[begin..end];
        rest = &rest[end..];
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    fn authority(days: i64) -> Authority {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        Authority::make(Validity::between(now, now + Duration::days(days))).unwrap()
    }

    /// As the API server gives it back after the patch.
    fn stored(authorities: &Authorities) -> BTreeMap<String, String> {
        let data: BTreeMap<String, Option<String>> =
            serde_json::from_value(authorities.data()).unwrap();
        let present = data
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        present.collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let retired = Retired {
            cert: authority(1).cert,
            until: 77,
        };
        let alone = Authorities {
            signing: authority(2),
            next: None,
            retired: vec![],
        };
        let all = Authorities {
            next: Some(authority(3)),
            retired: vec![retired],
            ..alone.clone()
        };
        for authorities in [&alone, &all] {
            let read = Authorities::parse(&stored(authorities)).unwrap().unwrap();
            assert_eq!(&read, authorities);
        }
        assert_eq!(stored(&alone).len(), 2, "nothing of the others stays");
        assert_eq!(certificates(&all.bundle()).count(), 3);
        assert_eq!(Authorities::parse(&BTreeMap::new()), Ok(None));
        let debug = format!("{all:?}");
        assert!(!debug.contains("PRIVATE"), "{debug}");
    }

    #[test]
    fn a_bundle_does_not_change_when_another_one_signs() {
        let (old, new) = (authority(1), authority(2));
        let before = Authorities {
            signing: old.clone(),
            next: Some(new.clone()),
            retired: vec![],
        };
        let after = Authorities {
            signing: new,
            next: None,
            retired: vec![Retired {
                cert: old.cert,
                until: 1,
            }],
        };
        assert_eq!(before.bundle(), after.bundle());
    }

    #[test]
    fn what_people_broke_is_told_by_its_key() {
        let good = Authorities {
            signing: authority(1),
            next: Some(authority(2)),
            retired: vec![],
        };
        let broken = |key: &str, value: Option<&str>| {
            let mut data = stored(&good);
            match value {
                Some(value) => data.insert(key.to_owned(), STANDARD.encode(value)),
                None => data.remove(key),
            };
            Authorities::parse(&data).unwrap_err()
        };
        for (key, value) in [
            ("ca.key", None),
            ("ca.crt", None),
            ("ca.crt", Some("garbage")),
            ("ca.key", Some(&*authority(3).key)),
            ("next.crt", Some(&*good.signing.cert)),
            ("retired.json", Some("[{}]")),
        ] {
            let told = broken(key, value);
            assert!(told.contains(key), "{key}: {told}");
        }
        let mut data = stored(&good);
        data.insert("ca.crt".into(), "%".into());
        assert_eq!(Authorities::parse(&data), Err("ca.crt is no text".into()));
    }
}
