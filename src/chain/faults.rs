//! The links of the chain from a Pod's creation to its toolbox, and how each can break: two tables.
//!
//! `sidebox explain KIND/NAME`, `sidebox check` and `docs/troubleshooting.md` read them. They do not know how
//! a fault is found.

use std::fmt;

/// One row of the table of links.
#[derive(Debug, Clone, Copy)]
pub struct LinkRow {
    /// The link.
    pub kind: Kind,
    /// Stable, snake_case.
    pub code: &'static str,
    /// What holds when it holds.
    pub holds: &'static str,
}

macro_rules! links {
    ($($name:ident $code:literal $holds:literal)*) => {
        /// A link of the chain.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $(#[doc = $holds] $name),* }

        impl Kind {
            /// Stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }
        }

        /// Every link, in the order of the documentation.
        pub const LINKS: &[LinkRow] =
            &[$(LinkRow { kind: Kind::$name, code: $code, holds: $holds }),*];
    };
}

links! {
    Configuration "configuration" "the API server has a webhook configuration of Sidebox"
    Entries "entries" "its entries are as the chart makes them"
    Advice "advice" "workloads are advised when they are applied"
    NamespaceSelector "namespace_selector" "an entry takes the namespace"
    ObjectSelector "object_selector" "the entry takes the Pod's labels"
    Rules "rules" "the entry is called when Pods are created"
    MatchCondition "match_condition" "the entry's conditions take the Pod"
    Settings "settings" "the settings can be read, and are in force"
    Service "service" "the Service that the entry names is there"
    Endpoints "endpoints" "a replica is ready to answer"
    CaBundle "ca_bundle" "the entry names an authority that is valid"
    Certificate "certificate" "that authority has signed the certificate that is served"
    Lifetime "lifetime" "the served certificate is renewed in time"
    Rights "rights" "Sidebox may do what its features need"
    Decision "decision" "the rules let the Pod be injected"
    Toolbox "toolbox" "the toolbox is there"
    DryRun "dry_run" "a Pod that asks, created as a dry run, comes back injected"
}

/// One row of the table of faults.
#[derive(Debug, Clone, Copy)]
pub struct FaultRow {
    /// The link that it breaks.
    pub link: Kind,
    /// Stable, snake_case.
    pub code: &'static str,
    /// The sentence, with `{field}` where a value goes.
    pub sentence: &'static str,
    /// What to do about it.
    pub way_out: &'static str,
}

macro_rules! faults {
    ($($link:ident $code:literal $name:ident { $($field:ident),* } $sentence:literal $way_out:literal)*) => {
        /// How a link is broken. The fields name what was seen.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the table's sentence says what each field is")]
        pub enum Fault { $(#[doc = $way_out] $name { $($field: String),* }),* }

        impl Fault {
            /// Stable code.
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code),* }
            }

            /// The link that it breaks.
            pub const fn link(&self) -> Kind {
                match self { $(Self::$name { .. } => Kind::$link),* }
            }

            /// What to do about it.
            pub const fn way_out(&self) -> &'static str {
                match self { $(Self::$name { .. } => $way_out),* }
            }
        }

        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$name { $($field),* } => write!(f, $sentence)),* }
            }
        }

        /// Every fault there is, in the order of the documentation.
        pub const FAULTS: &[FaultRow] =
            &[$(FaultRow { link: Kind::$link, code: $code, sentence: $sentence, way_out: $way_out }),*];
    };
}

faults! {
    Configuration "no_configuration" NoConfiguration {}
        "no MutatingWebhookConfiguration has an entry of Sidebox (*.sidebox.dev)"
        "Install the chart, or after an emergency stop `helm upgrade` it: the API server asks nobody until then."
    Entries "entry_missing" EntryMissing { configuration, entry }
        "{configuration} has no entry {entry}"
        "Render the chart again with `helm upgrade`, or apply deploy/manifests: Pods of some namespaces are not sent."
    Entries "entry_changed" EntryChanged { entry, field, value, expected }
        "{entry}: {field} is {value}, expected {expected}"
        "Somebody changed it after the chart. `helm upgrade` brings it back; if it is meant, set it in the chart's values."
    Advice "advice_changed" AdviceChanged { entry, field, value, expected }
        "{entry}: {field} is {value}, expected {expected}"
        "Somebody changed it after the chart. `helm upgrade` brings it back."
    NamespaceSelector "namespace_left_out" NamespaceLeftOut { namespace, because }
        "no entry takes namespace {namespace}: {because}"
        "System namespaces and those of `webhook.excludedNamespaces` (chart values) are never sent. Ask for its removal from that list, or use `sidebox inject` on the manifest."
    ObjectSelector "object_left_out" ObjectLeftOut { entry, because }
        "{entry} does not take the Pod's labels: {because}"
        "The chart sets no objectSelector. Remove it from the webhook configuration, or give the Pod template the label."
    Rules "creation_not_sent" CreationNotSent { entry, rules }
        "{entry} is not called when Pods are created: its rules are {rules}"
        "Somebody changed the rules after the chart. `helm upgrade` brings them back."
    MatchCondition "condition_not_met" ConditionNotMet { entry, condition, because }
        "{entry} does not take the Pod ({condition}): {because}"
        "Set the annotation `sidebox.dev/inject: \"true\"` on the Pod template (not on the workload), or the label `sidebox.dev/inject=true` on the namespace."
    Settings "settings_missing" SettingsMissing { place }
        "{place} is not there"
        "Sidebox does not start without it. `helm upgrade` makes it again."
    Settings "settings_invalid" SettingsInvalid { place, error }
        "{place} cannot be used: {error}"
        "The replicas keep the last good settings, and a new one does not start. Correct the chart's `settings`."
    Settings "settings_not_in_force" SettingsNotInForce { written, used }
        "the settings written are {written}, those that answered are {used}"
        "A replica reads a changed ConfigMap within about a minute. If it stays so, its log says why: `kubectl -n sidebox logs deploy/sidebox`."
    Service "service_missing" ServiceMissing { service }
        "Service {service} is not there"
        "Every Pod is created without a toolbox meanwhile. `helm upgrade` makes it again."
    Service "port_missing" PortMissing { service, port, ports }
        "Service {service} has no port {port}, only {ports}"
        "The API server calls that port. `helm upgrade` brings it back."
    Endpoints "no_ready_endpoint" NoReadyEndpoint { service, known }
        "no Pod behind Service {service} is ready ({known} not ready)"
        "`kubectl -n sidebox get pods`, then `describe` and `logs` of one of them. Pods created meanwhile have no toolbox: restart them afterwards."
    CaBundle "ca_bundle_empty" CaBundleEmpty { entry }
        "{entry} has no caBundle: the API server trusts no certificate of Sidebox"
        "Self-managed certificates fill it in within seconds, cert-manager's cainjector likewise: look at the log of who does. With certificates of your own set `certificates.mounted.caBundle`."
    CaBundle "ca_bundle_unreadable" CaBundleUnreadable { entry, error }
        "the caBundle of {entry} cannot be read: {error}"
        "It must be certificates in PEM, base64 once. Remove it; who keeps it writes it anew."
    CaBundle "ca_bundle_ended" CaBundleEnded { entry, ended }
        "every authority in the caBundle of {entry} has ended, the last one on {ended}"
        "Whoever keeps the caBundle has stopped: the log of Sidebox (self-managed) or of cert-manager tells why."
    Certificate "certificate_not_verified" CertificateNotVerified { entry, endpoint, error }
        "the caBundle of {entry} does not verify the certificate that {endpoint} serves: {error}"
        "The API server gets no answer and creates Pods without toolboxes. Self-managed: `kubectl -n sidebox rollout restart deploy/sidebox`. Otherwise put the authority that signed it into the caBundle, and see that the certificate names the Service."
    Certificate "no_answer" NoAnswer { endpoint, error }
        "{endpoint} does not answer: {error}"
        "A NetworkPolicy or a firewall may close port 8443, or the replica hangs: its log tells. The API server must reach it too."
    Lifetime "renewal_late" RenewalLate { endpoint, until }
        "the certificate that {endpoint} serves ends on {until}, and less than a tenth of its life is left"
        "Certificates are renewed long before. The log of Sidebox (self-managed) or of cert-manager tells what is in the way; a mounted one must be renewed by you."
    Rights "right_missing" RightMissing { account, verb, resource, purpose }
        "{account} may not {verb} {resource} ({purpose})"
        "Compare the ClusterRole and Role of the chart; `helm upgrade` brings them back."
    Decision "excluded" Excluded { code, reason }
        "{code}: {reason}"
        "An administrator or the design excludes the namespace. Ask for its removal from `excludedNamespaces` of the settings; kube-system and Sidebox's own namespace always stay out."
    Decision "skipped" Skipped { code, reason }
        "{code}: {reason}"
        "The finding's row in docs/findings.md says what to do."
    Decision "refused" Refused { code, reason }
        "{code}: {reason}"
        "The finding's row in docs/findings.md says what to do. Correct the Pod template; its new Pods are injected."
    Toolbox "missed" Missed { pod }
        "{pod} has no toolbox and no answer of Sidebox: it was created while no replica could be reached, or before it was asked for"
        "Create it anew: `kubectl rollout restart` of its workload, or delete the Pod. Pods are changed at their creation and at no other time."
    Toolbox "refused_then" RefusedThen { pod, codes }
        "{pod} was refused when it was created ({codes}), and would be injected now"
        "Create it anew: `kubectl rollout restart` of its workload, or delete the Pod."
    Toolbox "pods_without" PodsWithout { injected, live, refused, missed }
        "{injected} of the {live} newest Pods have the toolbox ({refused} refused, {missed} without an answer)"
        "They were created while no replica could be reached, or before it was asked for: `kubectl rollout restart` the workload."
    DryRun "dry_run_untouched" DryRunUntouched { entry }
        "the Pod came back as it went: the API server got no answer through {entry}"
        "The links above say why. If all of them hold, the API server itself cannot reach the Service: look for `failed calling webhook` in its log, for a NetworkPolicy, and for the firewall between control plane and nodes (port 8443)."
    DryRun "dry_run_refused" DryRunRefused { namespace, codes }
        "Sidebox answered, and refused the Pod in namespace {namespace}: {codes}"
        "The chain works. The namespace or the settings stand against this Pod; docs/findings.md says how. Try another namespace with -n."
}
