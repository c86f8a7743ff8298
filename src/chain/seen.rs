//! What was seen of a cluster, as plain data; each thing possibly missing, or not to be seen.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::fate::{Fate, Newest};
use super::rights::Account;
use super::selector::Labels;
use super::webhooks::{Configuration, ServiceReference};
use crate::inject::annotations::PREFIX;
use crate::inject::pod::STATUS;
use crate::inject::settings::Settings;
use crate::workload::controller;

/// Something that was looked for.
#[derive(Debug, Clone)]
pub enum Seen<T> {
    /// It is there.
    There(T),
    /// It is not.
    Missing,
    /// It could not be seen, for this reason.
    Hidden(String),
}

/// Everything that was seen of Sidebox itself.
#[derive(Debug)]
pub struct Installation {
    /// The API server's time.
    pub now: OffsetDateTime,
    /// The mutating configurations with an entry of Sidebox.
    pub mutating: Seen<Vec<Configuration>>,
    /// The validating ones.
    pub validating: Seen<Vec<Configuration>>,
    /// The Service that the entries name, if they name one.
    pub service: Option<ServiceReference>,
    /// The ports of that Service.
    pub ports: Seen<Vec<u16>>,
    /// What stands behind it.
    pub endpoints: Seen<Vec<Endpoint>>,
    /// What was served at each ready endpoint, or at the entries' URL.
    pub served: Vec<Served>,
    /// The settings.
    pub settings: Used,
}

/// One address behind a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The Pod, or the address where there is none.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether a Pod of that name in the Service's namespace is behind it.
    pub is_pod: bool,
}

/// What was served at one place.
#[derive(Debug, Clone)]
pub struct Served {
    /// Where.
    pub endpoint: String,
    /// What.
    pub shown: Shown,
}

/// What came of a handshake.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A certificate.
    Certificate {
        /// When it begins and ends.
        validity: (OffsetDateTime, OffsetDateTime),
        /// Whether the caBundle of each entry verifies it, by the entry's name.
        verified: Vec<(String, Verified)>,
    },
    /// A connection from where the API server's traffic goes too was refused, or ended.
    Nothing(String),
    /// It could not be seen from here.
    Hidden(String),
}

/// Whether a caBundle verifies a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// It does.
    Yes,
    /// It does not.
    No(String),
    /// Only the API server can tell.
    Unsure(String),
}

/// The settings that were used, and how they were found.
#[derive(Debug)]
pub struct Used {
    /// Where they are from, in words.
    pub place: String,
    /// The settings themselves; the defaults where they could not be had.
    pub settings: Settings,
    /// Why the defaults had to do.
    pub trouble: Option<Trouble>,
}

/// Why settings could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// They are not where the chart puts them.
    Missing,
    /// They are wrong.
    Invalid(String),
    /// They could not be seen.
    Hidden(String),
}

/// What selectors and conditions ask of a Pod as it was when it was created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its labels.
    pub labels: Labels,
    /// Whether it has an annotation of ours, but for the one that Sidebox writes.
    pub says_something: bool,
    /// Whether it belongs to a controller.
    pub controlled: bool,
}

impl Subject {
    /// Of a Pod or Pod template.
    pub fn of(pod: &Value) -> Self {
        let labels = pod.pointer("/metadata/labels").map(Labels::deserialize);
        let annotations = pod.pointer("/metadata/annotations");
        let mut keys = annotations
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|all| all.keys());
        Self {
            labels: labels.and_then(Result::ok).unwrap_or_default(),
            says_something: keys.any(|key| key.starts_with(PREFIX) && key != STATUS),
            controlled: controller(pod).is_some(),
        }
    }
}

/// What is explained.
#[derive(Debug)]
pub enum Lives {
    /// A Pod, by name.
    Pod(String, Fate),
    /// A workload, and its newest Pods.
    Workload(Seen<Newest>),
}

/// What came of the Pod that was created as a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It came back with its toolbox; the hash of the settings that decided.
    Injected(Option<String>),
    /// It came back with these codes instead.
    Refused(Vec<String>),
    /// It came back as it went.
    Untouched,
    /// The API server did not take it, which says nothing of Sidebox.
    Rejected(String),
}

/// What `sidebox check` saw beside the installation.
#[derive(Debug)]
pub struct Further {
    /// The namespace of the dry run.
    pub namespace: String,
    /// The labels of that namespace.
    pub labels: Seen<Labels>,
    /// What came of it.
    pub trial: Trial,
    /// The service account of the replicas, and what it may not do.
    pub account: Seen<Account>,
}
