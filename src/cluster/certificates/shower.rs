//! Which leaf do callers see? Every replica makes its own, in memory, without a call to anybody.
//!
//! When is decided in `plan`. Must not know who shows it.

use std::convert::Infallible;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::watch;

use super::authorities::Authority;
use super::plan::{Lifetimes, SKEW, Seen, Shown, leaf};
use super::view::View;
use super::{Failure, Told, next_look};
use crate::cluster::clock::Clock;
use crate::pki::{Ca, Leaf, Validity};

/// Shows leaves: every replica, and without a call to anybody.
pub(super) struct Shower {
    pub(super) names: Vec<String>,
    pub(super) lifetimes: Lifetimes,
    pub(super) clock: Arc<Clock>,
    pub(super) leaves: watch::Sender<Option<Arc<Leaf>>>,
    pub(super) shown: Option<Shown>,
    pub(super) told: Told,
}

impl Shower {
    /// Keeps a leaf that is valid and believed, for ever.
    pub(super) async fn tend(mut self, mut views: watch::Receiver<View>) -> Infallible {
        loop {
            let view = views.borrow_and_update().clone();
            self.look(&view);
            next_look(&mut views).await;
        }
    }

    fn look(&mut self, view: &View) {
        let bundles = view.bundles();
        let shown = self.shown.clone();
        let seen = Seen {
            now: self.clock.now(),
            stored: &view.stored,
            remembered: view.remembered.as_ref(),
            bundles: bundles.as_deref(),
            next_trusted_for: time::Duration::ZERO,
            shown: shown.as_ref(),
        };
        if let Some(all) = seen.current() {
            self.told.metrics.authority(all.signing.validity);
        }
        if let Some((authority, until)) = leaf(&seen, &self.lifetimes) {
            let done = self.show(authority, seen.now, until);
            self.told.tell("show", done);
        }
    }

    fn show(
        &mut self,
        authority: &Authority,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<(), Failure> {
        let validity = Validity::between(now - SKEW, until);
        let leaf = Ca::from_pem(&authority.cert, &authority.key)?.issue(&self.names, validity)?;
        self.leaves.send_replace(Some(Arc::new(leaf)));
        self.told.metrics.server(validity);
        self.shown = Some(Shown {
            issuer: authority.cert.clone(),
            made: now,
            until,
        });
        Ok(())
    }
}
