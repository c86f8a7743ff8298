//! Which namespaces wait for the claim? Each once, tried again until the claim is known to be there.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use kube::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::claim::{self, Made};
use super::{Around, say};
use crate::cluster::events::PodName;

/// Between two looks at a namespace whose claim was made or could not be.
const AGAIN: Duration = Duration::from_secs(30);

/// Namespaces that are looked after at once.
const MOST: usize = 1024;

/// A Pod that wants the claim of its namespace.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) owners: Option<String>,
}

/// Makes claims for ever.
pub(super) async fn grant(
    client: Client,
    around: &Around,
    mut wishes: mpsc::Receiver<Wish>,
) -> Infallible {
    let mut open: BTreeMap<String, (Instant, Wish)> = BTreeMap::new();
    loop {
        let next = open.values().map(|(due, _)| *due).min();
        let due = async {
            match next {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let wish = tokio::select! {
            Some(wish) = wishes.recv() => {
                if open.contains_key(&wish.namespace) || open.len() >= MOST {
                    continue;
                }
                wish
            }
            () = due => {
                let now = Instant::now();
                let Some(wish) = open.extract_if(.., |_, (due, _)| *due <= now).next() else {
                    continue;
                };
                wish.1.1
            }
        };
        if tried(&client, around, &wish).await {
            open.insert(wish.namespace.clone(), (Instant::now() + AGAIN, wish));
        }
    }
}

/// Makes the claim if it is still needed. Whether to look again.
async fn tried(client: &Client, around: &Around, wish: &Wish) -> bool {
    let settings = around.settings.borrow().clone();
    let namespace = wish.namespace.as_str();
    if !around.held.now() || !claim::is_needed(namespace, &settings, &around.facts) {
        return false;
    }
    let data = &settings.data;
    let pod = PodName {
        namespace,
        name: &wish.pod,
        owners: wish.owners.as_deref(),
    };
    match claim::make(client.clone(), namespace, &settings).await {
        Ok(Made::New) => {
            let text = format!(
                "claim {} was made: {} of class {}, ReadWriteMany",
                data.claim,
                data.size.as_str(),
                data.storage_class
            );
            tracing::info!(namespace, "{text}");
            around.metrics.claim("made");
            say(around, &pod, ("claim_made", false), text);
        }
        Ok(Made::There) => around.metrics.claim("there"),
        Err(problem) => {
            let text = format!("claim {} cannot be made: {problem}", data.claim);
            tracing::warn!(namespace, %problem, "{text}");
            around.metrics.claim("failed");
            say(around, &pod, ("claim_not_made", true), text);
        }
    }
    true
}
