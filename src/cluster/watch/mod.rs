//! What is there, and what changes? One kind of object, listed and then watched for ever.
//!
//! Tells every object as text once, keeps none. An API server that is away changes nothing that was
//! told; it is asked again until it answers. Must not know what the objects mean.

pub(crate) mod pause;
pub(crate) mod problem;
pub(crate) mod source;

use std::convert::Infallible;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::metrics::WatchHealth;
use pause::Pause;
use problem::Problem;
pub use source::Resource;
pub(crate) use source::{Lines, Source};

/// A watch that ends sooner without a word is not resumed at once.
const HARDLY_BEGUN: Duration = Duration::from_secs(1);

/// What a watch tells, in this order: `Listing`, any number of `Present`, `Listed`, and then changes
/// until everything is listed again.
#[derive(Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// Everything is told anew: until [`Change::Listed`] what was told before is still good.
    Listing,
    /// An object as it is now.
    Present(Meta, T),
    /// An object that is no more.
    Gone(Meta),
    /// All have been told: what was not told since [`Change::Listing`] is no more.
    Listed,
}

/// What names an object, and what people wrote on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Its name.
    pub name: String,
    /// Its namespace; none of a Namespace.
    pub namespace: String,
    /// Its version, to go on from.
    pub resource_version: String,
    /// Labels.
    pub labels: Option<std::collections::BTreeMap<String, String>>,
    /// Annotations.
    pub annotations: Option<std::collections::BTreeMap<String, String>>,
}

impl Meta {
    /// What an object of this name must carry to be taken for the one that was lost: whoever made that one,
    /// such as helm, knows it by its labels and annotations.
    pub(crate) fn again(&self, name: &str, namespace: &str) -> Value {
        json!({"name": name, "namespace": namespace, "labels": self.labels, "annotations": self.annotations})
    }
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

#[derive(Deserialize)]
struct List<'a> {
    metadata: ListMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: EventKind,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum EventKind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
}

/// Lists and watches for ever, and tells what it sees.
pub(crate) async fn follow<S: Source, T: DeserializeOwned>(
    mut source: S,
    health: WatchHealth,
    tell: impl FnMut(Change<T>),
) -> Infallible {
    let mut watch = Watch {
        health,
        tell,
        version: None,
        pause: Pause::default(),
    };
    loop {
        let failed = match watch.version.take() {
            None => watch.list(&mut source).await.err(),
            Some(version) => watch.watch(&mut source, version).await.err(),
        };
        if let Some(problem) = failed {
            watch.health.failed(&problem);
            tokio::time::sleep(watch.pause.next()).await;
        }
    }
}

/// Where a watch is.
struct Watch<F> {
    health: WatchHealth,
    tell: F,
    /// The version to go on from; none: list.
    version: Option<String>,
    pause: Pause,
}

impl<F> Watch<F> {
    async fn list<S, T>(&mut self, source: &mut S) -> Result<(), Problem>
    where
        S: Source,
        T: DeserializeOwned,
        F: FnMut(Change<T>),
    {
        (self.tell)(Change::Listing);
        let mut next = None;
        loop {
            let text = source.page(next.as_deref()).await?;
            let list: List<'_> = serde_json::from_str(&text).map_err(|error| garbled(&error))?;
            for item in list.items.into_iter().flatten() {
                self.present(item)?;
            }
            next = list.metadata.next.filter(|next| !next.is_empty());
            if next.is_none() {
                (self.tell)(Change::Listed);
                self.version = Some(list.metadata.resource_version);
                self.health.listed();
                return Ok(());
            }
        }
    }

    /// The version is given back, for the next watch, unless the API server has forgotten it.
    async fn watch<S, T>(&mut self, source: &mut S, version: String) -> Result<(), Problem>
    where
        S: Source,
        T: DeserializeOwned,
        F: FnMut(Change<T>),
    {
        let began = tokio::time::Instant::now();
        let opened = source.open(&version).await;
        if !matches!(opened, Err(Problem::Expired)) {
            self.version = Some(version);
        }
        let mut events = opened?;
        self.health.watching();
        loop {
            let Some(line) = events.next().await? else {
                break;
            };
            self.pause.reset();
            self.health.heard();
            if let Err(problem) = self.event(&line) {
                if problem == Problem::Expired {
                    self.version = None;
                }
                return Err(problem);
            }
        }
        if began.elapsed() < HARDLY_BEGUN {
            tokio::time::sleep(self.pause.next()).await;
        }
        Ok(())
    }

    fn event<T>(&mut self, line: &str) -> Result<(), Problem>
    where
        T: DeserializeOwned,
        F: FnMut(Change<T>),
    {
        let event: Event<'_> = serde_json::from_str(line).map_err(|error| garbled(&error))?;
        if event.kind == EventKind::Error {
            let status: Status = serde_json::from_str(event.object.get()).unwrap_or_default();
            return Err(Problem::status(status.code, &status.message));
        }
        let version = match event.kind {
            EventKind::Added | EventKind::Modified => self.present(event.object)?,
            _ => {
                let object: Object =
                    serde_json::from_str(event.object.get()).map_err(|error| garbled(&error))?;
                let version = object.metadata.resource_version.clone();
                if event.kind == EventKind::Deleted {
                    (self.tell)(Change::Gone(object.metadata));
                }
                version
            }
        };
        self.version = Some(version);
        Ok(())
    }

    /// Tells an object and returns its version. One that is not as its kind should be is passed over:
    /// it must not keep the others from being known.
    fn present<T>(&mut self, raw: &RawValue) -> Result<String, Problem>
    where
        T: DeserializeOwned,
        F: FnMut(Change<T>),
    {
        let object: Object = serde_json::from_str(raw.get()).map_err(|error| garbled(&error))?;
        let version = object.metadata.resource_version.clone();
        match serde_json::from_str(raw.get()) {
            Ok(body) => (self.tell)(Change::Present(object.metadata, body)),
            Err(error) => self.health.passed_over(&object.metadata, &garbled(&error)),
        }
        Ok(version)
    }
}

fn garbled(error: &serde_json::Error) -> Problem {
    Problem::Garbled(error.to_string())
}

#[cfg(test)]
mod tests;
