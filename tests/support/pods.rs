//! Generated Pods: what an API server may send, and more. Valid ones are common, so that the laws
//! about valid Pods bite.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A Pod with a made-up field at every level, and sometimes nulls.
pub(crate) fn pod() -> impl Strategy<Value = Value> {
    let hardened = prop_oneof![3 => Just(false), 1 => Just(true)];
    (metadata(), spec(), hardened).prop_map(|(metadata, mut spec, hardened)| {
        if hardened {
            harden(&mut spec);
        }
        json!({"apiVersion": "v1", "kind": "Pod", "futurePod": {"x": [1]}, "metadata": metadata, "spec": spec})
    })
}

/// Gives every container what the `restricted` Pod Security level wants.
pub(crate) fn harden(spec: &mut Value) {
    let context = json!({"allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    for list in ["containers", "initContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            container["securityContext"] = context.clone();
        }
    }
    for key in ["hostPID", "hostNetwork", "securityContext"] {
        if let Some(map) = spec.as_object_mut() {
            map.remove(key);
        }
    }
}

/// Members that are each there or not.
fn members(all: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let mut map = Just(Map::new()).boxed();
    for (key, value) in all {
        map = (map, proptest::option::weighted(0.35, value))
            .prop_map(move |(mut map, value)| {
                if let Some(value) = value {
                    map.insert(key.to_owned(), value);
                }
                map
            })
            .boxed();
    }
    map.prop_map(Value::Object).boxed()
}

fn one_of(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    proptest::sample::select(values)
        .prop_map(Value::from)
        .boxed()
}

fn maybe_null(strategy: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![9 => strategy, 1 => Just(Value::Null)].boxed()
}

fn merged(mut one: Value, two: &Value) -> Value {
    if let (Value::Object(one), Value::Object(two)) = (&mut one, two) {
        one.extend(two.clone());
    }
    one
}

fn metadata() -> BoxedStrategy<Value> {
    let labels = members(vec![
        ("app", one_of(&["web"])),
        ("sidebox.dev/injected", one_of(&["true", "no"])),
    ]);
    let rest = members(vec![
        ("labels", maybe_null(labels)),
        ("futureMeta", Just(json!(7)).boxed()),
    ]);
    (rest, maybe_null(annotations()), any::<bool>())
        .prop_map(|(mut rest, annotations, annotated)| {
            rest["name"] = "p".into();
            if annotated {
                rest["annotations"] = annotations;
            }
            rest
        })
        .boxed()
}

fn annotations() -> BoxedStrategy<Value> {
    let inject =
        prop_oneof![8 => Just(json!("true")), 1 => Just(json!("false")), 1 => Just(json!("maybe"))];
    let rest = members(vec![
        ("sidebox.dev/container", one_of(&["c0", "c1", "nobody"])),
        (
            "sidebox.dev/mode",
            one_of(&["auto", "tmp-and-pid", "pid-only", "tmp-only", "port", "?"]),
        ),
        (
            "sidebox.dev/placement",
            one_of(&["auto", "container", "native"]),
        ),
        (
            "sidebox.dev/run-as-user",
            one_of(&["0", "1654", "root", "unset", "-1"]),
        ),
        ("sidebox.dev/cpu-request", one_of(&["5m", "1", "9"])),
        ("sidebox.dev/cpu-limit", one_of(&["5m", "500m", "9"])),
        ("sidebox.dev/memory-limit", one_of(&["16Mi", "1Gi", "1Ei"])),
        ("sidebox.dev/data", one_of(&["claim", "empty-dir", "none"])),
        ("sidebox.dev/claim", one_of(&["results", "Bad_Name"])),
        ("sidebox.dev/crash-dumps", one_of(&["off", "mini", "full"])),
        ("sidebox.dev/injct", one_of(&["true"])),
        (
            "kubectl.kubernetes.io/default-container",
            one_of(&["c0", "c1"]),
        ),
        (
            "example.com/quoted",
            one_of(&["\"a\"\n$(X) {{ }} 😀", "plain"]),
        ),
    ]);
    (inject, rest)
        .prop_map(|(inject, rest)| merged(json!({"sidebox.dev/inject": inject}), &rest))
        .boxed()
}

fn spec() -> BoxedStrategy<Value> {
    let rest = members(vec![
        ("volumes", maybe_null(volumes())),
        (
            "shareProcessNamespace",
            maybe_null(any::<bool>().prop_map(Value::from).boxed()),
        ),
        ("restartPolicy", one_of(&["Always", "OnFailure", "Never"])),
        ("securityContext", security(true)),
        (
            "imagePullSecrets",
            maybe_null(Just(json!([{"name": "regcred"}])).boxed()),
        ),
        ("hostUsers", any::<bool>().prop_map(Value::from).boxed()),
        (
            "futureSpec",
            Just(json!({"deep": [null, {"a": 1.50}]})).boxed(),
        ),
        (
            "priorityClassName",
            one_of(&["high", "system-node-critical"]),
        ),
        (
            "nodeSelector",
            Just(json!({"kubernetes.io/os": "linux"})).boxed(),
        ),
        ("tolerations", Just(json!([{"operator": "Exists"}])).boxed()),
    ]);
    let rare = members(vec![
        ("hostPID", Just(json!(true)).boxed()),
        ("hostNetwork", Just(json!(true)).boxed()),
        ("runtimeClassName", one_of(&["kata"])),
        (
            "resources",
            Just(json!({"limits": {"cpu": "1", "memory": "1Gi"}})).boxed(),
        ),
    ]);
    let rare = prop_oneof![4 => Just(json!({})), 1 => rare];
    let count = prop_oneof![8 => 1..4_usize, 1 => Just(0_usize)];
    let containers = count.prop_flat_map(|count| proptest::collection::vec(container(), count));
    let init = maybe_null(
        proptest::collection::vec(init_container(), 0..2)
            .prop_map(|all| named("i", all))
            .boxed(),
    );
    (rest, rare, containers, proptest::option::of(init))
        .prop_map(|(rest, rare, containers, init)| {
            let mut spec = merged(rest, &rare);
            spec["containers"] = named("c", containers);
            if let Some(init) = init {
                spec["initContainers"] = init;
            }
            if spec["volumes"].is_null() {
                drop_mounts(&mut spec);
            }
            spec
        })
        .boxed()
}

/// Without volumes, mounts and devices would make nearly every Pod invalid.
fn drop_mounts(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            if let Some(map) = container.as_object_mut() {
                map.remove("volumeMounts");
                map.remove("volumeDevices");
            }
        }
    }
}

fn named(prefix: &str, all: Vec<Value>) -> Value {
    let named = all.into_iter().enumerate().map(|(index, mut container)| {
        container["name"] = format!("{prefix}{index}").into();
        container
    });
    named.collect()
}

fn volumes() -> BoxedStrategy<Value> {
    // One of the names is the claim of the settings.
    let claim = proptest::sample::select(&["disk", "monitor-azfiles"][..]);
    let volumes = (claim, any::<bool>()).prop_map(|(claim, read_only)| {
        json!([
            {"name": "scratch", "emptyDir": {"futureMedium": "x"}},
            {"name": "config", "configMap": {"name": "c"}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "disk", "persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}},
        ])
    });
    volumes.boxed()
}

fn mounts() -> BoxedStrategy<Value> {
    let mount = (
        proptest::sample::select(&["scratch", "config", "tmp"][..]),
        proptest::sample::select(
            &[
                "/tmp",
                "/tmp/",
                "/data",
                "/diag",
                "/tmp/x",
                "/run/sidebox",
                "/var/tmp",
            ][..],
        ),
        proptest::option::weighted(0.2, Just(true)),
        proptest::option::weighted(0.2, Just("part")),
    );
    let mount = mount.prop_map(|(name, path, read_only, sub_path)| {
        let mut mount = json!({"name": name, "mountPath": path});
        if let Some(read_only) = read_only {
            mount["readOnly"] = read_only.into();
        }
        if let Some(sub_path) = sub_path {
            mount["subPath"] = sub_path.into();
        }
        mount
    });
    proptest::collection::vec(mount, 0..3)
        .prop_map(Value::from)
        .boxed()
}

/// A raw block device, sometimes where Sidebox would mount a volume.
fn devices() -> BoxedStrategy<Value> {
    let device = one_of(&["/dev/xvda", "/tmp", "/tmp/", "/data", "/tmp/x"]);
    device
        .prop_map(|path| json!([{"name": "disk", "devicePath": path}]))
        .boxed()
}

fn env() -> BoxedStrategy<Value> {
    let variable = prop_oneof![
        4 => Just(json!({"name": "A", "value": "1"})),
        2 => Just(json!({"name": "ASPNETCORE_URLS", "value": "http://+:80"})),
        1 => Just(json!({"name": "TMPDIR", "value": "/tmp/x"})),
        1 => Just(json!({"name": "TMPDIR", "value": "/diag"})),
        1 => Just(json!({"name": "TMPDIR", "value": "/data/x"})),
        1 => Just(json!({"name": "TMPDIR", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}})),
        1 => Just(json!({"name": "DOTNET_EnableDiagnostics", "value": "0"})),
        1 => Just(json!({"name": "DOTNET_DiagnosticPorts", "value": "/x,suspend"})),
        1 => Just(json!({"name": "DOTNET_DbgEnableMiniDump", "value": "1"})),
    ];
    proptest::collection::vec(variable, 0..3)
        .prop_map(Value::from)
        .boxed()
}

fn security(pod: bool) -> BoxedStrategy<Value> {
    let mut all = vec![
        (
            "runAsUser",
            proptest::sample::select(&[0, 1000, 1654][..])
                .prop_map(Value::from)
                .boxed(),
        ),
        ("runAsNonRoot", any::<bool>().prop_map(Value::from).boxed()),
        (
            "seccompProfile",
            Just(json!({"type": "RuntimeDefault"})).boxed(),
        ),
    ];
    if !pod {
        all.extend([
            ("allowPrivilegeEscalation", Just(json!(false)).boxed()),
            (
                "capabilities",
                prop_oneof![
                    3 => Just(json!({"drop": ["ALL"]})),
                    1 => Just(json!({"add": ["NET_ADMIN"]})),
                    1 => Just(json!({"add": ["SYS_PTRACE"], "drop": ["ALL"]})),
                    1 => Just(json!({"add": ["CAP_SYS_ADMIN"]})),
                ]
                .boxed(),
            ),
            (
                "readOnlyRootFilesystem",
                any::<bool>().prop_map(Value::from).boxed(),
            ),
        ]);
    }
    members(all)
}

fn resources() -> BoxedStrategy<Value> {
    proptest::sample::select(vec![
        json!({}),
        json!(null),
        json!({"limits": {"cpu": "1", "memory": "64Mi"}}),
        json!({"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "1000m", "memory": "64Mi"}}),
        json!({"requests": {"cpu": 0.5}}),
        json!({"limits": {"ephemeral-storage": "1Gi", "memory": "64Mi"}}),
    ])
    .boxed()
}

fn container() -> BoxedStrategy<Value> {
    members(vec![
        (
            "command",
            proptest::sample::select(vec![
                json!(["dotnet", "App.dll"]),
                json!(["sh", "-c", "kill -15 1"]),
                json!(["/app"]),
            ])
            .boxed(),
        ),
        ("args", Just(json!(["--verbose"])).boxed()),
        ("env", maybe_null(env())),
        (
            "envFrom",
            Just(json!([{"configMapRef": {"name": "c"}}])).boxed(),
        ),
        ("volumeMounts", maybe_null(mounts())),
        (
            "volumeDevices",
            prop_oneof![2 => Just(json!([])), 1 => devices()].boxed(),
        ),
        ("securityContext", maybe_null(security(false))),
        ("resources", resources()),
        (
            "livenessProbe",
            Just(json!({"exec": {"command": ["cat", "/proc/1/status"]}})).boxed(),
        ),
        (
            "lifecycle",
            Just(json!({"preStop": {"exec": {"command": ["sleep", "1"]}}})).boxed(),
        ),
        ("futureContainer", Just(json!("kept")).boxed()),
        ("stdin", any::<bool>().prop_map(Value::from).boxed()),
    ])
    .prop_map(|mut container| {
        container["image"] = "mcr.example/app:1".into();
        container
    })
    .boxed()
}

fn init_container() -> BoxedStrategy<Value> {
    members(vec![
        ("restartPolicy", one_of(&["Always"])),
        ("resources", resources()),
        ("securityContext", security(false)),
    ])
    .prop_map(|mut container| {
        container["image"] = "init:1".into();
        container
    })
    .boxed()
}
