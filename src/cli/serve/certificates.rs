//! Where does the server's certificate come from, and who is in charge of those that we make ourselves?
//!
//! Reads flags and hands parts to each other; what is done with an authority is the cluster's business.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::bail;
use prometheus_client::registry::Registry;
use time::Duration;
use tokio::sync::watch;

use super::flags::{CertificateArgs, ServeArgs};
use super::outside::Shared;
use crate::cluster::{self, CertificateMetrics, Cluster, Lifetimes, Surroundings, Wanted};
use crate::inject::names::is_dns_label;
use crate::pki::{Leaf, is_name};
use crate::server::{Tls, TlsFiles};

/// Where leaves go that are made here.
pub(super) type Leaves = watch::Sender<Option<Arc<Leaf>>>;

/// TLS by the flags; with a sender where certificates are made here.
pub(super) fn tls(args: &ServeArgs) -> anyhow::Result<(Tls, Option<Leaves>)> {
    let certificate = &args.certificate;
    let (client_ca, client_names) = (args.client_ca.clone(), args.client_names.clone());
    if certificate.self_managed_tls {
        check(certificate)?;
        let (sender, leaves) = watch::channel(None);
        return Ok((Tls::made(leaves, client_ca, client_names)?, Some(sender)));
    }
    let (Some(cert), Some(key)) = (certificate.tls_cert.clone(), certificate.tls_key.clone())
    else {
        bail!(
            "--tls-cert and --tls-key are both needed, the API server calls webhooks over HTTPS \
             only: `sidebox certs` makes a pair for development in certs/, then use \
             --tls-cert certs/tls.crt --tls-key certs/tls.key; in a cluster --self-managed-tls \
             needs neither"
        );
    };
    let files = TlsFiles {
        cert,
        key,
        client_ca,
        client_names,
    };
    Ok((Tls::open(files)?, None))
}

/// Whether a rotation can end before what it replaces.
fn check(args: &CertificateArgs) -> anyhow::Result<()> {
    let (authority, leaf, margin) = (args.ca_lifetime, args.cert_lifetime, args.ca_margin);
    if leaf.saturating_mul(3) > authority || margin.saturating_mul(6) > authority {
        bail!(
            "--ca-lifetime {authority} is too short: it must be at least three times --cert-lifetime \
             {leaf} and six times --ca-margin {margin}, or an authority ends before the next one signs"
        );
    }
    if !is_dns_label(&args.service_name) {
        bail!(
            "--service-name {:?} is no name of a Service: expected up to 63 letters, digits and '-'",
            args.service_name
        );
    }
    if let Some(bad) = args.tls_names.iter().find(|name| !is_name(name)) {
        bail!("--tls-name {bad:?} is neither an IP address nor a DNS name");
    }
    Ok(())
}

/// What keeps self-managed certificates.
pub(super) struct SelfManaged {
    cluster: Cluster,
    wanted: Wanted,
    surroundings: Surroundings,
}

impl SelfManaged {
    /// Puts it together; nobody is called yet.
    pub(super) fn new(
        args: &CertificateArgs,
        shared: &Shared,
        leaves: Leaves,
        registry: &mut Registry,
    ) -> Self {
        let seconds = |count: u32| Duration::seconds(count.into());
        let surroundings = Surroundings {
            held: shared.lease.held(),
            watches: shared.watches.clone(),
            metrics: CertificateMetrics::register(registry, &shared.clock),
            clock: Arc::clone(&shared.clock),
            leaves,
        };
        let wanted = Wanted {
            name: args.service_name.clone(),
            more_names: args.tls_names.clone(),
            lifetimes: Lifetimes {
                authority: seconds(args.ca_lifetime),
                leaf: seconds(args.cert_lifetime),
                margin: seconds(args.ca_margin),
            },
        };
        Self {
            cluster: shared.cluster.clone(),
            wanted,
            surroundings,
        }
    }

    /// Keeps the certificates, for ever.
    pub(super) async fn keep(self) -> Infallible {
        cluster::keep_certificates(self.cluster, self.wanted, self.surroundings).await
    }
}
