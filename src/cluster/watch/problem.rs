//! What can go wrong between us and the API server, in as many kinds as are told apart.

use kube::Error;

/// Why a request or a watch ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nobody answers, or the connection broke.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// Our rights do not suffice.
    #[error("the API server forbids it: {0}; compare the ClusterRole and Role of the chart")]
    Forbidden(String),
    /// The version to go on from is too old: everything must be read anew.
    #[error("the API server has forgotten where the watch was")]
    Expired,
    /// Somebody else wrote first.
    #[error("somebody else wrote first: {0}")]
    Conflict(String),
    /// It is not there.
    #[error("it is not there: {0}")]
    Missing(String),
    /// Any other refusal.
    #[error("the API server refuses with {code}: {message}")]
    Refused {
        /// HTTP status code.
        code: u16,
        /// What the API server says.
        message: String,
    },
    /// The answer is not what was asked for.
    #[error("the API server's answer cannot be read: {0}")]
    Garbled(String),
}

/// The labels of [`Problem::label`].
pub const PROBLEMS: [&str; 7] = [
    "unreachable",
    "forbidden",
    "expired",
    "conflict",
    "missing",
    "refused",
    "garbled",
];

impl Problem {
    /// The kind as a label of metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Forbidden(_) => "forbidden",
            Self::Expired => "expired",
            Self::Conflict(_) => "conflict",
            Self::Missing(_) => "missing",
            Self::Refused { .. } => "refused",
            Self::Garbled(_) => "garbled",
        }
    }

    /// What the API server's `Status` means.
    pub fn status(code: u16, message: &str) -> Self {
        let message = message.to_owned();
        match code {
            401 | 403 => Self::Forbidden(message),
            404 => Self::Missing(message),
            409 => Self::Conflict(message),
            410 => Self::Expired,
            _ => Self::Refused { code, message },
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(status) => Self::status(status.code, &status.message),
            Error::SerdeError(error) => Self::Garbled(error.to_string()),
            Error::FromUtf8(error) => Self::Garbled(error.to_string()),
            other => Self::Unreachable(chain(&other)),
        }
    }
}

/// An error with its causes: the outermost sentence alone rarely says what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
