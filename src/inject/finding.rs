//! What is worth telling a person: one table of codes, kinds and sentences.
//!
//! Warnings, the status annotation, metrics, `explain`, the log and `docs/findings.md` all read
//! this table. It does not know who asks or how the finding is shown.

use std::fmt;

/// What a finding does to its Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The Pod is injected; this is worth knowing.
    Note,
    /// Nobody asked, or there is nothing to do.
    Skip,
    /// Somebody asked and it cannot be done.
    Refuse,
}

impl Kind {
    /// The word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Skip => "skip",
            Self::Refuse => "refuse",
        }
    }
}

/// One row of the table of findings.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Stable, snake_case; the same on every surface.
    pub code: &'static str,
    /// What it does to the Pod.
    pub kind: Kind,
    /// The sentence, with `{field}` where a value goes.
    pub sentence: &'static str,
    /// What it means and what to do about it.
    pub doc: &'static str,
}

macro_rules! findings {
    ($($kind:ident $code:literal $name:ident { $($field:ident : $ty:ty),* }
        $sentence:literal $doc:literal)*) => {
        /// One thing worth telling a person. The fields name the offending object, key and value.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the table's sentence says what each field is")]
        pub enum Finding { $(#[doc = $doc] $name { $($field: $ty),* }),* }

        impl Finding {
            /// Stable code, the same on every surface.
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code),* }
            }

            /// What it does to the Pod.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name { .. } => Kind::$kind),* }
            }
        }

        impl fmt::Display for Finding {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$name { $($field),* } => write!(f, $sentence)),* }
            }
        }

        /// Every finding there is, in the order of the documentation.
        pub const TABLE: &[Row] = &[
            $(Row { code: $code, kind: Kind::$kind, sentence: $sentence, doc: $doc }),*
        ];
    };
}

findings! {
    Skip "not_a_pod_creation" NotAPodCreation { what: String }
        "{what} is not the creation of a Pod"
        "Sidebox changes Pods when they are created and at no other time. Restrict the webhook's rules to CREATE of pods."
    Skip "mirror_pod" MirrorPod {}
        "a mirror Pod shows a static Pod of a node and cannot be changed"
        "The kubelet made this Pod from a file on its node. Change that file with `sidebox inject`."
    Skip "system_namespace" SystemNamespace { namespace: String }
        "namespace {namespace} is never injected"
        "kube-system and Sidebox's own namespace are left alone, whoever asks."
    Skip "excluded_namespace" ExcludedNamespace { namespace: String }
        "namespace {namespace} is excluded by the settings (excludedNamespaces)"
        "An administrator excluded the namespace. Ask for its removal from `excludedNamespaces`."
    Skip "already_injected" AlreadyInjected {}
        "the Pod has its toolbox already"
        "The status annotation says so and the container stands where it says. Use `sidebox uninject` first to inject anew."
    Skip "opted_out" OptedOut {}
        "the Pod says sidebox.dev/inject: \"false\""
        "The Pod's own annotation goes before namespace and cluster."
    Skip "namespace_opted_out" NamespaceOptedOut { namespace: String }
        "namespace {namespace} says sidebox.dev/inject=false"
        "Set `sidebox.dev/inject: \"true\"` on the Pod template, or change the namespace's label."
    Skip "not_asked" NotAsked {}
        "nobody asked: no sidebox.dev/inject on the Pod or its namespace"
        "Set the annotation `sidebox.dev/inject: \"true\"` on the Pod template, or the label `sidebox.dev/inject=true` on the namespace."
    Skip "no_dotnet" NoDotnet {}
        "injection is dotnet and nothing about the Pod shows .NET"
        "Neither variables nor commands nor images (`dotnetImages`) show .NET. Ask on the Pod template, or add the image's pattern to the settings."
    Skip "system_critical" SystemCritical { class: String }
        "priority class {class} is system-critical"
        "Automatic injection leaves system-critical Pods alone. The Pod's own annotation injects it."
    Skip "host_network" HostNetwork {}
        "the Pod uses the node's network (hostNetwork)"
        "Automatic injection leaves such Pods alone. The Pod's own annotation injects it."
    Skip "privileged_target" PrivilegedTarget { container: String }
        "container {container} is privileged"
        "Automatic injection leaves privileged containers alone. The Pod's own annotation injects it."
    Skip "ends_by_itself" EndsByItself { policy: String }
        "restartPolicy is {policy}, not Always"
        "Automatic injection leaves Jobs alone unless `automatic.jobs` is on. The Pod's own annotation injects it."

    Refuse "unreadable_pod" UnreadablePod { error: String }
        "the Pod cannot be read: {error}"
        "A field has a type that Kubernetes does not allow there, or stands twice."
    Refuse "internal_error" InternalError {}
        "Sidebox failed inside; the Pod is left as it is"
        "A bug in Sidebox. The log has the details; please report it."
    Refuse "invalid_annotation" InvalidAnnotation { key: String, value: String, expected: String }
        "annotation {key} is {value:?}, expected {expected}"
        "Correct the value on the Pod template (or remove the key for the default). See annotations.md."
    Refuse "windows" Windows { field: String }
        "Windows Pods cannot share processes or /tmp ({field})"
        "Sidebox serves Linux Pods."
    Refuse "host_pid" HostPid {}
        "hostPID and a shared process namespace exclude each other"
        "Remove `hostPID` from the Pod."
    Refuse "virtual_node" VirtualNode { field: String }
        "the Pod may run on a virtual node ({field})"
        "Virtual nodes have no init containers and no claims. Remove the selector or toleration."
    Refuse "runtime_class" RuntimeClass { class: String }
        "runtimeClassName {class} is not allowed by the settings"
        "Sandboxed runtimes may not share processes or volumes as needed. An administrator can add the class to `runtimeClasses`."
    Refuse "no_containers" NoContainers {}
        "the Pod has no containers"
        "There is nothing to diagnose; the API server will reject such a Pod."
    Refuse "unknown_target" UnknownTarget { container: String, containers: String }
        "sidebox.dev/container is {container:?}; the Pod has {containers}"
        "Name one of the Pod's containers."
    Refuse "name_taken" NameTaken { what: &'static str, name: String }
        "{what} {name} of the Pod is not Sidebox's"
        "Rename it: Sidebox never replaces what it did not add."
    Refuse "diagnostics_off" DiagnosticsOff { container: String, variable: String, value: String }
        "{variable}={value} in container {container} switches diagnostics off"
        "The runtime opens no diagnostics socket. Remove the variable, or set it to 1."
    Refuse "image_not_allowed" ImageNotAllowed { image: String }
        "sidebox.dev/image {image:?} is not allowed by the settings"
        "An administrator can add the image or its path to `toolbox.allowedImages`."
    Refuse "native_unsupported" NativeUnsupported { version: String }
        "native placement needs Kubernetes 1.29, this is {version}"
        "Older clusters know no native sidecars. Set `sidebox.dev/placement: container`; a Job would then not end."
    Refuse "root_forbidden" RootForbidden { because: &'static str }
        "sidebox.dev/run-as-user is root, but {because}"
        "Remove the annotation, or name a uid."
    Refuse "mode_conflict" ModeConflict { mode: &'static str, because: String }
        "sidebox.dev/mode {mode} is not possible: {because}"
        "Use `auto`, or change what stands in the way."
    Refuse "no_access" NoAccess { container: String, because: String }
        "cannot reach container {container}: {because}"
        "Neither /tmp nor the process namespace can be shared. Change what stands in the way, or use `sidebox.dev/mode: port`."
    Refuse "variable_taken" VariableTaken { container: String, variable: String }
        "container {container} has {variable} already, and it is never replaced"
        "Remove the variable, or use another access mode."
    Refuse "tmpdir_unknown" TmpdirUnknown { container: String }
        "TMPDIR of container {container} is no literal absolute path: its socket may be anywhere"
        "Automatic injection does not guess. Ask on the Pod template, or make TMPDIR a literal path."
    Refuse "claim_unusable" ClaimUnusable { claim: String, because: String }
        "claim {claim} cannot be mounted: {because}"
        "Name a claim with volumeMode Filesystem that the Pod may write to, or set `sidebox.dev/data: empty-dir`."
    Refuse "limit_range" LimitRange { name: String, resource: &'static str, because: String }
        "LimitRange {name}: {resource} {because}"
        "The toolbox cannot be fitted into the namespace's LimitRange. Change the asked resources or the LimitRange."
    Refuse "quota" Quota { name: String, counts: &'static str, because: &'static str }
        "ResourceQuota {name} counts {counts}; {because}"
        "Automatic injection does not use up quotas unless `automatic.quota` is on. A Pod without any requests would become countable by its toolbox and be rejected: give its containers requests and limits."
    Refuse "mount_conflict" MountConflict { path: String }
        "two volumes would be mounted on {path}"
        "Change the mount path of the application, or of `toolbox.container.volumeMounts` in the settings."
    Refuse "annotations_too_large" AnnotationsTooLarge { bytes: usize }
        "the status annotation would bring the annotations to {bytes} bytes, above 262144"
        "Kubernetes limits all annotations of an object together. Make room."

    Note "unknown_annotation" UnknownAnnotation { key: String, nearest: String }
        "unknown annotation {key}; did you mean {nearest}?"
        "Sidebox does not know the key and ignores it."
    Note "annotation_misplaced" AnnotationMisplaced { key: String, on: String, belongs: &'static str }
        "{key} on {on} has no effect; it belongs on {belongs}"
        "Annotations are read from the Pod template (and, as defaults, from the Namespace), not from the workload."
    Note "annotation_ignored" AnnotationIgnored { key: String, because: String }
        "{key} has no effect: {because}"
        "Another annotation decides. Remove one of the two."
    Note "invalid_namespace_annotation" InvalidNamespaceAnnotation { key: String, value: String, expected: String }
        "{key} of the namespace is ignored: {value:?}, expected {expected}"
        "The default that the namespace gives cannot be read; the settings' one is used."
    Note "invalid_namespace_label" InvalidNamespaceLabel { value: String }
        "namespace label sidebox.dev/inject is {value:?}, expected true or false; ignored"
        "The cluster setting `injection` decides instead."
    Note "pid1" Pid1 { container: String, because: String }
        "processes are not shared: {because} of container {container} relies on PID 1"
        "With a shared process namespace PID 1 is another process. Sidebox shares /tmp alone (tmp-only). Its own tools find the socket there; Microsoft's need `--diagnostic-port`."
    Note "pid1_shared" Pid1Shared { container: String, because: String }
        "{because} of container {container} relies on PID 1, which is another process now"
        "The annotation asked for a shared process namespace. Probes and hooks that name PID 1 meet the pause process."
    Note "pid_not_shared" PidNotShared {}
        "shareProcessNamespace: false is kept; only /tmp is shared"
        "Mode tmp-only: Sidebox's tools find the socket, Microsoft's need `--diagnostic-port`."
    Note "tmp_other_volume" TmpOtherVolume { container: String, volume: String, path: String }
        "{path} of container {container} is volume {volume}, reached through /proc (pid-only)"
        "Only a writable emptyDir can be shared. The toolbox reaches the socket through /proc/PID/root."
    Note "tmpdir_elsewhere" TmpdirElsewhere { container: String, value: String }
        "TMPDIR of container {container} is {value}"
        "The runtime puts its socket there. A literal folder outside /tmp and /var/tmp is reached through /proc (pid-only)."
    Note "tmp_read_only" TmpReadOnly { container: String, path: String }
        "{path} of container {container} is read-only: the runtime opens no socket there"
        "Mount a writable emptyDir on the folder; Sidebox shares it then."
    Note "variables_from_elsewhere" VariablesFromElsewhere { container: String, variable: String }
        "{variable} goes before a value that envFrom of container {container} may bring"
        "Variables of `env` hide those of `envFrom` with the same name."
    Note "never_ends" NeverEnds { policy: String }
        "restartPolicy is {policy}, but a toolbox among the containers keeps the Pod from ending"
        "`sidebox.dev/placement: container` was asked for. Beside a native toolbox (`auto`) Jobs end."
    Note "user_assumed" UserAssumed { container: String, uid: i64 }
        "the uid of container {container} is not known; the toolbox runs as {uid}"
        "Set runAsUser on the container, or `sidebox.dev/run-as-user`, where the image's user is another one."
    Note "user_mismatch" UserMismatch { container: String, target: String, toolbox: String }
        "the toolbox ({toolbox}) may not open the socket of container {container} ({target})"
        "The socket is 0600: the tools will see EACCES. Use the application's uid in `sidebox.dev/run-as-user`."
    Note "user_unknown" UserUnknown { container: String }
        "the toolbox needs the uid of container {container}, which the Pod does not say"
        "Set runAsUser on the container, or `sidebox.dev/run-as-user`. With another uid the tools will see EACCES."
    Note "resources_fitted" ResourcesFitted { resource: &'static str, request: String, limit: String, name: String }
        "toolbox {resource} set to {request}/{limit} to fit LimitRange {name}"
        "The defaults of the settings do not fit the namespace."
    Note "claim_pending" ClaimPending { claim: String, because: &'static str }
        "claim {claim} {because}: the Pod waits for it"
        "It was asked for by annotation. Create the claim, or set `sidebox.dev/data: empty-dir`."
    Note "claim_being_made" ClaimBeingMade { claim: String }
        "claim {claim} is being made: the Pod waits until it is bound"
        "`data.create` is on. If the Pod stays Pending, `kubectl describe pvc` says what its StorageClass misses. `sidebox.dev/data: empty-dir` does not wait."
    Note "claim_missing" ClaimMissing { claim: String }
        "claim {claim} does not exist: results go to an emptyDir and end with the Pod"
        "Create the claim in the Pod's namespace, then recreate the Pod."
    Note "claim_not_ready" ClaimNotReady { claim: String, because: String }
        "claim {claim} is {because}: results go to an emptyDir and end with the Pod"
        "Automatic injection mounts a claim only when it is known to be Bound, Filesystem and ReadWriteMany."
    Note "claim_not_shared" ClaimNotShared { claim: String }
        "claim {claim} is not ReadWriteMany: Pods on other nodes may wait for it"
        "Use a ReadWriteMany claim when the workload has more than one replica."
    Note "claim_host_users" ClaimHostUsers { claim: String }
        "claim {claim} is not mounted: the Pod has hostUsers: false"
        "SMB and NFS volumes cannot be mapped to a user namespace. Results go to an emptyDir."
    Note "data_not_writable" DataNotWritable { uid: String, claim: String, owner: i64 }
        "{uid} may not write to claim {claim}, which belongs to uid {owner}"
        "Change the class's mount options or `data.uid` of the settings; results can still go to /tmp."
    Note "crash_dumps_kept" CrashDumpsKept { container: String, variable: String }
        "crash dumps stay as container {container} has them ({variable})"
        "Existing variables are never replaced."
}

/// Longest warning that Sidebox sends, in characters.
pub const WARNING_CHARS: usize = 120;

impl Finding {
    /// The admission warning: `sidebox CODE: sentence`, one printable line of at most
    /// [`WARNING_CHARS`] characters (the API server cuts longer ones without saying so).
    pub fn warning(&self) -> String {
        let full = format!("sidebox {}: {self}", self.code());
        let printable = full.chars().map(|c| if c.is_control() { ' ' } else { c });
        if full.chars().count() <= WARNING_CHARS {
            return printable.collect();
        }
        printable.take(WARNING_CHARS - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_snake_case() {
        let mut codes: Vec<_> = TABLE.iter().map(|row| row.code).collect();
        assert!(codes.iter().all(|c| {
            c.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        }));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len());
    }

    #[test]
    fn warnings_are_one_short_printable_line() {
        let finding = Finding::InvalidAnnotation {
            key: "sidebox.dev/mode".into(),
            value: "a\nb😀".repeat(400),
            expected: "x".into(),
        };
        let warning = finding.warning();
        assert_eq!(warning.chars().count(), WARNING_CHARS);
        assert!(!warning.contains('\n'));
    }
}
