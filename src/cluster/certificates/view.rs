//! What do Secret and webhook configurations say right now? Kept by three watches, whole: a plan is made
//! from all of it at once. Must not know what follows from it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::authorities::Authorities;
use super::plan::Stored;
use crate::cluster::metrics::WatchMetrics;
use crate::cluster::watch::{Change, Meta, Resource, follow};

/// What is watched.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) stored: Stored,
    /// The version of the Secret, if there is one, whatever it holds.
    pub(super) secret: Option<String>,
    /// What the Secret said last, also after it is gone.
    pub(super) remembered: Option<Authorities>,
    /// How it was marked, should it have to be made again.
    pub(super) marks: Meta,
    pub(super) configurations: [Configuration; 2],
}

/// One webhook configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Configuration {
    #[default]
    Unread,
    Absent,
    /// Its version, and caBundle by the name of each webhook.
    There(String, Vec<(String, String)>),
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            stored: Stored::Unread,
            secret: None,
            remembered: None,
            marks: Meta::default(),
            configurations: [Configuration::Unread, Configuration::Unread],
        }
    }

    /// Every caBundle there is; none until both configurations have been read.
    pub(super) fn bundles(&self) -> Option<Vec<String>> {
        let mut all = Vec::new();
        for configuration in &self.configurations {
            match configuration {
                Configuration::Unread => return None,
                Configuration::Absent => {}
                Configuration::There(_, bundles) => {
                    all.extend(bundles.iter().map(|(_, bundle)| bundle.clone()));
                }
            }
        }
        Some(all)
    }

    fn hear_secret(&mut self, heard: Option<(Meta, SecretObject)>) {
        let (version, read) = match heard {
            None => (None, Ok(None)),
            Some((meta, secret)) => {
                self.marks = meta;
                (
                    Some(self.marks.resource_version.clone()),
                    Authorities::parse(&secret.data.unwrap_or_default()),
                )
            }
        };
        self.secret = version;
        self.stored = match read {
            Ok(Some(all)) => {
                self.remembered = Some(all.clone());
                Stored::All(all)
            }
            Ok(None) => Stored::Nothing,
            Err(why) => {
                tracing::warn!(why, "the Secret of the authority cannot be used: {why}");
                Stored::Nothing
            }
        };
    }

    fn hear_configuration(&mut self, which: usize, heard: Option<(Meta, WebhooksObject)>) {
        let Some(place) = self.configurations.get_mut(which) else {
            return;
        };
        *place = match heard {
            None => Configuration::Absent,
            Some((meta, object)) => {
                let webhooks = object.webhooks.unwrap_or_default().into_iter();
                let bundles =
                    webhooks.map(|webhook| (webhook.name, webhook.client_config.bundle()));
                Configuration::There(meta.resource_version, bundles.collect())
            }
        };
    }
}

#[derive(Deserialize)]
struct SecretObject {
    data: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct WebhooksObject {
    webhooks: Option<Vec<Webhook>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    name: String,
    client_config: ClientConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    ca_bundle: Option<String>,
}

impl ClientConfig {
    /// As text; what is none equals no authority, and is replaced.
    fn bundle(self) -> String {
        let decoded = self.ca_bundle.and_then(|text| STANDARD.decode(text).ok());
        String::from_utf8(decoded.unwrap_or_default()).unwrap_or_default()
    }
}

/// Paths and names of what is watched.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) namespace: String,
    pub(super) secrets: String,
    pub(super) secret: String,
    /// Path and name in the metrics of each kind of configuration, and the name of both.
    pub(super) configurations: [(&'static str, &'static str); 2],
    pub(super) configuration: String,
}

/// Keeps the view fresh, for ever.
pub(super) async fn keep(
    client: &Client,
    places: &Places,
    view: &watch::Sender<View>,
    metrics: &WatchMetrics,
) -> Infallible {
    let one = |path: &str, name: &str| Resource::all(client.clone(), path).named(name);
    let secret = one(&places.secrets, &places.secret);
    let configuration = |which: usize| {
        let (path, resource) = places.configurations[which];
        let source = one(path, &places.configuration);
        follow_one(source, metrics, resource, move |heard| {
            view.send_modify(|view| view.hear_configuration(which, heard));
        })
    };
    let secret = follow_one(secret, metrics, "secrets", |heard| {
        view.send_modify(|view| view.hear_secret(heard));
    });
    tokio::select! {
        never = secret => never,
        never = configuration(0) => never,
        never = configuration(1) => never,
    }
}

/// Tells the one object of a name, or that there is none.
async fn follow_one<T: DeserializeOwned>(
    source: Resource,
    metrics: &WatchMetrics,
    resource: &'static str,
    mut hear: impl FnMut(Option<(Meta, T)>),
) -> Infallible {
    let mut listed = false;
    follow(source, metrics.of(resource), |change| match change {
        Change::Listing => listed = false,
        Change::Present(meta, object) => {
            listed = true;
            hear(Some((meta, object)));
        }
        Change::Listed if listed => {}
        Change::Gone(_) | Change::Listed => hear(None),
    })
    .await
}
