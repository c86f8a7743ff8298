//! How do Secret and caBundles become what they should be? The holder of the Lease writes them.
//!
//! What to write is decided in `plan`. Nothing is written over what was not read.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::authorities::{Authorities, Authority};
use super::plan::{Act, Change, Lifetimes, Seen, Stored, changed, plan};
use super::view::{Configuration, Places, View};
use super::{CONFIGURATIONS, Failure, TICK, Told, next_look};
use crate::cluster::clock::Clock;
use crate::cluster::lease::Held;
use crate::cluster::object::Object;
use crate::cluster::watch::pause::Pause;
use crate::cluster::watch::problem::Problem;
use crate::pki::PkiError;

/// Owner of the caBundle fields: whoever applies the rest of a configuration does not touch them.
const MANAGER: &str = "sidebox";

/// Between two acts, so that a quarrel with another writer stays slow.
const BETWEEN_ACTS: Pause = Pause::between(Duration::from_millis(100), Duration::from_secs(10));

/// Writes Secret and caBundles while we hold the Lease.
pub(super) struct Writer {
    pub(super) client: Client,
    pub(super) places: Places,
    pub(super) lifetimes: Lifetimes,
    pub(super) clock: Arc<Clock>,
    pub(super) held: Held,
    /// The next authority and since when every caBundle has had it.
    pub(super) next_trusted: Option<(String, Instant)>,
    pub(super) told: Told,
}

impl Writer {
    /// Writes what must be written, for ever.
    pub(super) async fn tend(mut self, mut views: watch::Receiver<View>) -> Infallible {
        let mut pause = BETWEEN_ACTS;
        let (mut last, mut rest) = (Instant::now(), Duration::ZERO);
        loop {
            let view = views.borrow_and_update().clone();
            if last.elapsed() > rest * 3 + TICK {
                pause.reset();
            }
            if self.act(&view).await {
                (last, rest) = (Instant::now(), pause.next());
                tokio::time::sleep(rest).await;
            }
            tokio::select! {
                () = next_look(&mut views) => {}
                () = self.held.changed() => {}
            }
        }
    }

    /// Does what the plan says; whether anything was written or tried to be.
    async fn act(&mut self, view: &View) -> bool {
        let bundles = view.bundles();
        let trusted_for = self.next_trusted_for(view, bundles.as_deref());
        let seen = Seen {
            now: self.clock.now(),
            stored: &view.stored,
            remembered: view.remembered.as_ref(),
            bundles: bundles.as_deref(),
            next_trusted_for: time::Duration::try_from(trusted_for).unwrap_or(time::Duration::MAX),
            shown: None,
        };
        let mut acted = false;
        for act in plan(&seen, &self.lifetimes) {
            if !self.held.now() {
                break;
            }
            let (label, done) = match act {
                Act::Trust => ("trust", self.trust(view, &seen).await),
                Act::Write(change) => {
                    let after = changed(change, &seen, &self.lifetimes, Authority::make);
                    (label(change), self.write(view, after).await)
                }
            };
            self.told.tell(label, done);
            acted = true;
        }
        acted
    }

    /// Measured without a clock that people can set.
    fn next_trusted_for(&mut self, view: &View, bundles: Option<&[String]>) -> Duration {
        let next = match &view.stored {
            Stored::All(all) => all.next.as_ref().map(|next| next.cert.as_str()),
            Stored::Unread | Stored::Nothing => None,
        };
        let everywhere = |cert: &&str| {
            bundles.is_some_and(|all| all.iter().all(|bundle| bundle.contains(cert.trim())))
        };
        let since = match (next.filter(everywhere), self.next_trusted.take()) {
            (Some(cert), Some((known, since))) if known == cert => Some((known, since)),
            (Some(cert), _) => Some((cert.to_owned(), Instant::now())),
            (None, _) => None,
        };
        self.next_trusted = since;
        let since = self.next_trusted.as_ref();
        since.map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }

    /// Nothing is written over what we have not read.
    async fn write(
        &self,
        view: &View,
        after: Result<Option<Authorities>, PkiError>,
    ) -> Result<(), Failure> {
        let Some(after) = after? else { return Ok(()) };
        let object = self.object(&self.places.secrets, &self.places.secret);
        let data = after.data();
        let done: Result<IgnoredAny, Problem> = if let Some(version) = &view.secret {
            let metadata = json!({"resourceVersion": version});
            let change = json!({"metadata": metadata, "data": data});
            object.change(&change).await
        } else {
            let metadata = view
                .marks
                .again(&self.places.secret, &self.places.namespace);
            let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": metadata, "data": without_nulls(data)});
            object.make(&secret).await
        };
        Ok(done.map(drop)?)
    }

    /// With their versions: no configuration is made anew, and no entry that was just taken out.
    async fn trust(&self, view: &View, seen: &Seen<'_>) -> Result<(), Failure> {
        let bundle = &seen.current().map(Authorities::bundle).unwrap_or_default();
        let encoded = STANDARD.encode(bundle);
        for (configuration, (path, _, kind)) in view.configurations.iter().zip(CONFIGURATIONS) {
            let Configuration::There(version, entries) = configuration else {
                continue;
            };
            if entries.iter().all(|(_, known)| known == bundle) {
                continue;
            }
            let webhooks: Vec<_> = entries
                .iter()
                .map(|(name, _)| json!({"name": name, "clientConfig": {"caBundle": encoded}}))
                .collect();
            let name = &self.places.configuration;
            let fields = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": {"name": name, "resourceVersion": version}, "webhooks": webhooks});
            self.object(path, name).apply(&fields, MANAGER).await?;
        }
        Ok(())
    }

    fn object(&self, path: &str, name: &str) -> Object {
        let clock = Arc::clone(&self.clock);
        Object::new(self.client.clone(), path, name, clock)
    }
}

/// A new object has no nulls.
fn without_nulls(mut data: Value) -> Value {
    if let Some(members) = data.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    data
}

const fn label(change: Change) -> &'static str {
    match change {
        Change::First => "first",
        Change::Restore => "restore",
        Change::Next => "next",
        Change::Promote => "promote",
        Change::Forget => "forget",
    }
}
