//! How is one object read, made and changed? By name, with a deadline, and with the API server's time
//! taken from each answer. Must not know what stands in the objects.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::api::{GetParams, ListParams, Patch, PatchParams, PostParams, Request};
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::clock::Clock;
use super::deadline::within;
use super::watch::problem::Problem;

/// No object is bigger: etcd takes 1.5 MiB.
const MOST_BYTES: usize = 4 << 20;

/// Of a list that somebody asks for once.
const MOST_BYTES_LISTED: usize = 64 << 20;

/// Objects of such a list.
const LISTED: u32 = 500;

/// An API server that takes longer for one object is away.
const ANSWER: Duration = Duration::from_secs(5);

/// One object at the API server.
#[derive(Clone)]
pub(crate) struct Object {
    client: Client,
    request: Request,
    name: String,
    clock: Arc<Clock>,
}

enum Ask<'a> {
    Read,
    /// Those with these labels, in place of the one of the name.
    List(&'a str),
    Make(&'a Value),
    /// As a dry run.
    Try(&'a Value),
    Change(&'a Value),
    /// Server-side apply as this field manager.
    Apply(&'a Value, &'static str),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    message: String,
}

impl Object {
    /// The one of this name below a path such as `/api/v1/namespaces/shop/secrets`.
    pub(crate) fn new(client: Client, path: &str, name: &str, clock: Arc<Clock>) -> Self {
        Self {
            client,
            request: Request::new(path),
            name: name.to_owned(),
            clock,
        }
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parsed(&self.ask(Ask::Read).await?)
    }

    /// The first 500 objects at the path that have these labels; all labels if it is empty.
    pub(crate) async fn list<T: DeserializeOwned>(&self, labels: &str) -> Result<T, Problem> {
        parsed(&self.ask(Ask::List(labels)).await?)
    }

    /// What would be made of it, after all of admission; nothing is kept.
    pub(crate) async fn try_out<T: DeserializeOwned>(&self, object: &Value) -> Result<T, Problem> {
        parsed(&self.ask(Ask::Try(object)).await?)
    }

    /// Makes it; [`Problem::Conflict`] if it is there.
    pub(crate) async fn make<T: DeserializeOwned>(&self, object: &Value) -> Result<T, Problem> {
        parsed(&self.ask(Ask::Make(object)).await?)
    }

    /// A JSON merge patch. With `metadata.resourceVersion` in it: [`Problem::Conflict`] if somebody
    /// wrote since.
    pub(crate) async fn change<T: DeserializeOwned>(&self, change: &Value) -> Result<T, Problem> {
        parsed(&self.ask(Ask::Change(change)).await?)
    }

    /// Owns these fields from now on, whoever wrote them.
    pub(crate) async fn apply(&self, fields: &Value, manager: &'static str) -> Result<(), Problem> {
        self.ask(Ask::Apply(fields, manager)).await.map(drop)
    }

    async fn ask(&self, ask: Ask<'_>) -> Result<Vec<u8>, Problem> {
        // A request and its answer are kilobytes that every caller's future would carry.
        within(ANSWER, Box::pin(self.ask_unhurried(ask))).await
    }

    async fn ask_unhurried(&self, ask: Ask<'_>) -> Result<Vec<u8>, Problem> {
        let (name, request) = (&*self.name, &self.request);
        let mut most = MOST_BYTES;
        let request = match ask {
            Ask::Read => request.get(name, &GetParams::default()),
            Ask::List(labels) => {
                most = MOST_BYTES_LISTED;
                request.list(&ListParams::default().limit(LISTED).labels(labels))
            }
            Ask::Make(object) => {
                request.create(&PostParams::default(), object.to_string().into_bytes())
            }
            Ask::Try(object) => {
                let params = PostParams {
                    dry_run: true,
                    ..PostParams::default()
                };
                request.create(&params, object.to_string().into_bytes())
            }
            Ask::Change(change) => {
                request.patch(name, &PatchParams::default(), &Patch::Merge(change))
            }
            Ask::Apply(fields, manager) => {
                let params = PatchParams::apply(manager).force();
                request.patch(name, &params, &Patch::Apply(fields))
            }
        };
        let request = request.map_err(kube::Error::BuildRequest)?;
        let response = self.client.send(request.map(Body::from)).await?;
        if let Some(date) = response.headers().get("date") {
            self.clock.heard(date.to_str().unwrap_or_default());
        }
        let status = response.status();
        let body = Limited::new(response.into_body(), most);
        let body = body
            .collect()
            .await
            .map_err(|error| Problem::Unreachable(format!("the answer broke off: {error}")))?;
        let body = body.to_bytes();
        if status.is_success() {
            return Ok(body.into());
        }
        let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
        Err(Problem::status(status.as_u16(), &refusal.message))
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::Garbled(error.to_string()))
}
