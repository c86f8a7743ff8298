//! Does every access mode work under every user and shape of Pod that it promises? One running Pod for each row, its
//! trace collected. The rows are the whole test.
//!
//! The toolbox is the small one, but for the rows that name a way of Microsoft's: these have the image with Microsoft's tools,
//! and both are tried there. One row of each access mode for .NET 10 and one for .NET 8
//! tries every other tool, too.

use serde_json::{Value, json};

use crate::pods::{self, HELLO, app};
use crate::reach::Reach;
use crate::tools;
use crate::world::{Place, World};

/// A Pod and what is expected of it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The namespace, too.
    pub(crate) place: Place,
    annotations: &'static [(&'static str, &'static str)],
    /// What the Pod's spec has other than the sample's.
    change: fn() -> Value,
    mode: &'static str,
    user: &'static str,
    placement: &'static str,
    findings: &'static [&'static str],
    /// The way of Microsoft's tool, where it is tried.
    microsofts: Option<Reach>,
    /// Whether the other tools are tried.
    tools: bool,
}

const fn row(name: &'static str, change: fn() -> Value, mode: &'static str) -> Row {
    Row {
        place: Place::open(name),
        annotations: &[],
        change,
        mode,
        user: "1654",
        placement: "container",
        findings: &[],
        microsofts: None,
        tools: false,
    }
}

fn nothing() -> Value {
    json!({})
}

fn user(uid: i64) -> Value {
    json!({"securityContext": {"runAsUser": uid}})
}

fn temporary(volume: &Value, container: &Value) -> Value {
    json!({"containers": [app(container)], "volumes": [volume]})
}

const BOTH: &str = "tmp-and-pid";

/// All rows.
pub(crate) const ROWS: &[Row] = &[
    Row {
        tools: true,
        ..row("user-1654", nothing, BOTH)
    },
    Row {
        user: "0",
        ..row("user-root", || user(0), BOTH)
    },
    Row {
        user: "12345",
        ..row("user-arbitrary", || user(12345), BOTH)
    },
    Row {
        // Table 1: root without DAC_OVERRIDE would meet EACCES; Sidebox leaves it that one capability.
        annotations: &[("run-as-user", "root")],
        user: "0",
        ..row("toolbox-root", nothing, BOTH)
    },
    row(
        "read-only-root",
        || json!({"containers": [app(&json!({"securityContext": {"readOnlyRootFilesystem": true}}))]}),
        BOTH,
    ),
    Row {
        place: Place {
            restricted: true,
            ..Place::open("restricted")
        },
        ..row("restricted", restricted, BOTH)
    },
    row(
        "own-empty-dir",
        || {
            let mount = json!({"volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}]});
            temporary(&json!({"name": "scratch", "emptyDir": {}}), &mount)
        },
        BOTH,
    ),
    Row {
        findings: &["tmp_other_volume"],
        microsofts: Some(Reach::Proc),
        tools: true,
        ..row("own-claim", own_claim, "pid-only")
    },
    // The results' claim is a volume of the Pod already: older kubelets wait for ever for a second one.
    row(
        "own-results",
        || {
            let mount = json!({"volumeMounts": [{"name": "results", "mountPath": "/results"}]});
            let claim = json!({"claimName": "monitor-azfiles"});
            temporary(
                &json!({"name": "results", "persistentVolumeClaim": claim}),
                &mount,
            )
        },
        BOTH,
    ),
    Row {
        user: "0",
        findings: &["tmp_other_volume"],
        ..row(
            "own-claim-root",
            || {
                let mut change = own_claim();
                change["securityContext"] = json!({"runAsUser": 0});
                change
            },
            "pid-only",
        )
    },
    Row {
        findings: &["pid_not_shared"],
        microsofts: Some(Reach::Socket),
        tools: true,
        ..row(
            "process-not-shared",
            || json!({"shareProcessNamespace": false}),
            "tmp-only",
        )
    },
    Row {
        annotations: &[("mode", "port")],
        microsofts: Some(Reach::Listen),
        tools: true,
        ..row("port", nothing, "port")
    },
    Row {
        findings: &["tmpdir_elsewhere"],
        microsofts: Some(Reach::ProcSocket("/home/app")),
        ..row(
            "tmpdir-in-the-image",
            || json!({"containers": [app(&json!({"env": [{"name": "TMPDIR", "value": "/home/app"}]}))]}),
            "pid-only",
        )
    },
    row(
        "tmpdir-on-empty-dir",
        || {
            let container = json!({"env": [{"name": "TMPDIR", "value": "/diag"}],
                "volumeMounts": [{"name": "scratch", "mountPath": "/diag"}]});
            temporary(&json!({"name": "scratch", "emptyDir": {}}), &container)
        },
        BOTH,
    ),
    row(
        "two-containers",
        || {
            let shown = json!({"command": ["dotnet", "HelloAks.dll"]});
            let front = json!({"name": "front", "image": HELLO, "command": ["sleep", "infinity"]});
            json!({"containers": [front, app(&shown)]})
        },
        BOTH,
    ),
    row(
        "init-containers",
        || json!({"initContainers": [{"name": "first", "image": HELLO, "command": ["true"]}]}),
        BOTH,
    ),
    Row {
        annotations: &[("placement", "native")],
        placement: "native",
        ..row("native", nothing, BOTH)
    },
    Row {
        tools: true,
        ..row("dotnet-8", dotnet_8, BOTH)
    },
    Row {
        findings: &["tmp_other_volume"],
        tools: true,
        ..row(
            "dotnet-8-own-claim",
            || {
                let mut change = own_claim();
                change["containers"][0]["image"] = json!(DOTNET_8);
                change
            },
            "pid-only",
        )
    },
    Row {
        findings: &["pid_not_shared"],
        tools: true,
        ..row(
            "dotnet-8-not-shared",
            || {
                let mut change = dotnet_8();
                change["shareProcessNamespace"] = json!(false);
                change
            },
            "tmp-only",
        )
    },
    Row {
        annotations: &[("mode", "port")],
        tools: true,
        ..row("dotnet-8-port", dotnet_8, "port")
    },
];

const DOTNET_8: &str = "helloaks:1.0.0-net8";

fn dotnet_8() -> Value {
    json!({"containers": [app(&json!({"image": DOTNET_8}))]})
}

fn restricted() -> Value {
    let context = json!({"allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    json!({"containers": [app(&json!({"securityContext": context}))]})
}

fn own_claim() -> Value {
    let mount = json!({"volumeMounts": [{"name": "own", "mountPath": "/tmp"}]});
    let claim = json!({"name": "own", "persistentVolumeClaim": {"claimName": "own"}});
    temporary(&claim, &mount)
}

impl Row {
    /// The Pod runs as expected, and its trace comes out.
    pub(crate) fn holds(&self, world: &World) {
        let namespace = self.place.name;
        let change = (self.change)();
        if change["volumes"][0]["name"] == "own" {
            self.make_own_claim(world);
        }
        let mut annotations = self.annotations.to_vec();
        if self.microsofts.is_some() {
            annotations.push(("image", pods::TOOLBOX_DOTNET));
        }
        world.apply(&pods::pod(namespace, &annotations, &change));
        let pod = world.until(namespace, ("pod", "app"), "both containers run", pods::runs);
        let status = pods::status(&pod);
        assert_eq!(status["mode"], self.mode, "{status}");
        assert_eq!(status["user"], self.user, "{status}");
        assert_eq!(status["target"], "app", "{status}");
        assert_eq!(status["placement"], self.placement, "{status}");
        assert_eq!(pods::findings(&pod), self.findings, "{status}");
        if let Some(reach) = self.microsofts {
            reach.trace(world, namespace, "app");
            Reach::Sidebox.trace(world, namespace, "app");
        } else {
            Reach::Ps.trace(world, namespace, "app");
        }
        if self.tools {
            tools::work(world, namespace);
        }
        let after = world.get(namespace, "pod", "app");
        assert_eq!(pods::container(&after, "app")["restartCount"], 0);
    }

    fn make_own_claim(&self, world: &World) {
        let namespace = self.place.name;
        world.apply(&world.volume(namespace, "own", 0o777));
        world.apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "own", "namespace": namespace},
            "spec": {"storageClassName": "monitor-azfiles", "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Gi"}}}}));
    }
}
