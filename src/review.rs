//! AdmissionReview in and out: the wire, and nothing of what is decided.
//!
//! Source: `admission.k8s.io/v1`. Own types on raw JSON, because typed ones drop the fields that
//! they do not know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::inject::pod::{CROWDED, IfSpoken, Pod, Presence, Text, is_crowded, read_json};

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// A body that holds no review which could be answered: there is no uid to echo.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReviewError {
    /// Not UTF-8.
    #[error("the body is not UTF-8: {0}")]
    NotUtf8(String),
    /// Not JSON, or not a review.
    #[error("the body is no AdmissionReview: {0}")]
    NotAReview(String),
    /// Another version or kind.
    #[error("the body is a {kind} of {api_version}, expected an {KIND} of {API_VERSION}")]
    OtherKind {
        /// Its apiVersion.
        api_version: String,
        /// Its kind.
        kind: String,
    },
    /// A review without a request or with an empty uid.
    #[error("the AdmissionReview has no request.uid")]
    NoUid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, O> {
    #[serde(borrow, default)]
    api_version: Option<Text<'a>>,
    #[serde(borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(
        borrow = "'a",
        default = "Option::default",
        bound(deserialize = "O: Deserialize<'de>")
    )]
    request: Option<Review<'a, O>>,
}

/// The request of a review, with its object read as `O`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Review<'a, O> {
    #[serde(borrow, default)]
    pub uid: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub kind: Option<Kind<'a>>,
    #[serde(borrow, default)]
    pub sub_resource: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub namespace: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub operation: Option<Text<'a>>,
    #[serde(default)]
    pub dry_run: Option<bool>,
    #[serde(
        default = "Presence::default",
        bound(deserialize = "O: Deserialize<'de>")
    )]
    pub object: Presence<O>,
}

/// Group, version and kind of the object.
#[derive(Debug, Deserialize)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Kind<'a> {
    #[serde(borrow, default)]
    pub group: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub version: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub kind: Option<Text<'a>>,
}

/// A review whose object is a Pod.
pub type PodReview<'a> = Review<'a, Pod<'a>>;

/// What a body holds.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// A review whose object reads as a Pod.
    Pod(Box<PodReview<'a>>),
    /// A review that can be answered, but whose object does not read as a Pod, and why.
    Unreadable(Box<Review<'a, serde::de::IgnoredAny>>, String),
}

/// How much of a Pod is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All that a rule may ask for.
    Whole,
    /// The spec only if the Pod's own annotations speak of Sidebox.
    IfSpoken,
}

impl<'a, O> Review<'a, O> {
    fn map<P>(self, change: impl FnOnce(O) -> P) -> Review<'a, P> {
        Review {
            uid: self.uid,
            kind: self.kind,
            sub_resource: self.sub_resource,
            namespace: self.namespace,
            name: self.name,
            operation: self.operation,
            dry_run: self.dry_run,
            object: self.object.map(change),
        }
    }
}

impl<O> Review<'_, O> {
    /// The uid to echo.
    pub fn uid(&self) -> &str {
        self.uid.as_deref().unwrap_or("")
    }

    /// Whether this is the creation of a core/v1 Pod itself, not of a subresource.
    pub fn creates_pod(&self) -> bool {
        let kind = self.kind.as_ref();
        let group = kind.and_then(|kind| kind.group.as_deref()).unwrap_or("");
        let version = kind.and_then(|kind| kind.version.as_deref());
        let name = kind.and_then(|kind| kind.kind.as_deref());
        self.operation.as_deref() == Some("CREATE")
            && (group, version, name) == ("", Some("v1"), Some("Pod"))
            && self.sub_resource.as_deref().unwrap_or("").is_empty()
    }

    /// What is asked for, in words: `UPDATE of Deployment`.
    pub fn what(&self) -> String {
        let operation = self.operation.as_deref().unwrap_or("?");
        let kind = self
            .kind
            .as_ref()
            .and_then(|kind| kind.kind.as_deref())
            .unwrap_or("?");
        match self.sub_resource.as_deref().unwrap_or("") {
            "" => format!("{operation} of {kind}"),
            sub => format!("{operation} of {kind}/{sub}"),
        }
    }
}

/// Reads a review of a Pod, unless that takes too much memory. UTF-8 is checked once here: skipped fields are not checked later.
///
/// # Errors
/// [`ReviewError`] when there is nothing to answer.
pub fn decode(body: &[u8], reading: Reading) -> Result<Decoded<'_>, ReviewError> {
    let text = text(body)?;
    let read = match reading {
        _ if is_crowded(text) => Err(ReviewError::NotAReview(CROWDED.to_owned())),
        Reading::Whole => request::<Pod<'_>>(text),
        Reading::IfSpoken => request::<IfSpoken<'_>>(text).map(|review| review.map(|read| read.0)),
    };
    match read {
        Ok(review) => Ok(Decoded::Pod(Box::new(review))),
        Err(ReviewError::NotAReview(why)) => {
            let review = request::<serde::de::IgnoredAny>(text)?;
            Ok(Decoded::Unreadable(Box::new(review), why))
        }
        Err(error) => Err(error),
    }
}

/// Reads a review of any object, which stays raw.
///
/// # Errors
/// [`ReviewError`] when there is nothing to answer.
pub fn decode_raw(body: &[u8]) -> Result<Review<'_, &RawValue>, ReviewError> {
    request(text(body)?)
}

fn text(body: &[u8]) -> Result<&str, ReviewError> {
    std::str::from_utf8(body).map_err(|error| ReviewError::NotUtf8(error.to_string()))
}

fn request<'a, O: Deserialize<'a>>(text: &'a str) -> Result<Review<'a, O>, ReviewError> {
    let envelope: Envelope<'a, O> = read_json(text)
        .map_err(|error| ReviewError::NotAReview(error.replace("request.object.", "")))?;
    let api_version = envelope.api_version.as_deref().unwrap_or("");
    let kind = envelope.kind.as_deref().unwrap_or("");
    if (api_version, kind) != (API_VERSION, KIND) {
        return Err(ReviewError::OtherKind {
            api_version: api_version.into(),
            kind: kind.into(),
        });
    }
    envelope
        .request
        .filter(|review| !review.uid().is_empty())
        .ok_or(ReviewError::NoUid)
}

/// What is answered.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    /// The request's uid.
    pub uid: &'a str,
    /// Why the request is denied; none allows it.
    pub denied: Option<String>,
    /// The JSON patch.
    pub patch: Option<&'a str>,
    /// Lines for whoever made the request.
    pub warnings: Vec<String>,
    /// The decision, for the audit log.
    pub decision: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Out<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    audit_annotations: Audit<'a>,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    message: String,
}

#[derive(Serialize)]
struct Audit<'a> {
    decision: &'a str,
}

/// Writes the answer to a review.
///
/// # Errors
/// None that plain data can cause; the caller answers with an empty review then.
pub fn encode(answer: Answer<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let out = Out {
        api_version: API_VERSION,
        kind: KIND,
        response: Response {
            uid: answer.uid,
            allowed: answer.denied.is_none(),
            status: answer.denied.map(|message| Status { code: 403, message }),
            warnings: answer.warnings,
            audit_annotations: Audit {
                decision: answer.decision,
            },
        },
    };
    let mut body = serde_json::to_string(&out)?;
    if let Some(patch) = answer.patch {
        splice(&mut body, patch);
    }
    Ok(body.into_bytes())
}

/// Adds the patch as last members of the response. Base64 needs no escapes, so it is written in
/// place: searching it for them would cost more than all the rest of the answer.
fn splice(body: &mut String, patch: &str) {
    const END: &str = "}}";
    body.truncate(body.len() - END.len());
    body.reserve(patch.len() / 3 * 4 + 64);
    body.push_str(r#","patchType":"JSONPatch","patch":""#);
    STANDARD.encode_string(patch, body);
    body.push('"');
    body.push_str(END);
}
