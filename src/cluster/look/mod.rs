//! What does a cluster look like to a person who asks why? Reads once, with that person's rights, what the
//! chains of [`crate::chain`] are made from; what may not be read is said to be hidden.
//!
//! Writes nothing. Must not know what follows from what is seen.

mod handshake;
mod installation;
mod kinds;
mod namespace;
mod subject;
mod trial;
mod verify;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::clock::Clock;
use super::connect::Chosen;
use super::object::Object;
use super::watch::problem::Problem;
use crate::chain::seen::Seen;

pub use kinds::{Reference, ReferenceError};
pub use namespace::Surroundings as NamespaceSeen;

/// Somebody who looks.
#[derive(Debug)]
pub struct Look {
    cluster: Chosen,
    clock: Arc<Clock>,
    version: (u32, u32),
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    items: Option<Vec<Value>>,
}

impl Look {
    /// Looks at the cluster's version first: whether anybody answers shows here.
    ///
    /// # Errors
    /// [`Problem`] when nobody does.
    pub async fn at(cluster: Chosen) -> Result<Self, Problem> {
        let version = super::facts::ask_version(&cluster.client).await?;
        Ok(Self {
            cluster,
            clock: Arc::default(),
            version,
        })
    }

    /// The namespace of objects that name none.
    pub fn namespace(&self) -> &str {
        &self.cluster.namespace
    }

    fn object(&self, path: &str, name: &str) -> Object {
        Object::new(
            self.cluster.client.clone(),
            path,
            name,
            Arc::clone(&self.clock),
        )
    }

    async fn get(&self, path: &str, name: &str) -> Result<Value, Problem> {
        self.object(path, name).read().await
    }

    /// The objects at a path that have these labels.
    async fn list(&self, path: &str, labels: &str) -> Result<Vec<Value>, Problem> {
        let list: List = self.object(path, "").list(labels).await?;
        Ok(list.items.unwrap_or_default())
    }
}

/// What came of looking.
fn seen<T>(looked: Result<T, Problem>) -> Seen<T> {
    match looked {
        Ok(found) => Seen::There(found),
        Err(Problem::Missing(_)) => Seen::Missing,
        Err(problem) => Seen::Hidden(told(&problem)),
    }
}

/// A problem as it is told to whoever asked: the rights are theirs, not Sidebox's.
fn told(problem: &Problem) -> String {
    match problem {
        Problem::Forbidden(message) => format!("you may not: {message}"),
        other => other.to_string(),
    }
}

/// A text in an object, or nothing.
fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The members of a list in an object.
fn elements<'v>(object: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}
