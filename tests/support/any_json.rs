//! Generated JSON that need not be a Pod: what a hostile or broken client may send.

use proptest::prelude::*;
use serde_json::Value;

/// Any JSON at all, with the names that Sidebox looks for in unexpected places.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let keys = proptest::sample::select(
        &[
            "metadata",
            "spec",
            "containers",
            "initContainers",
            "volumes",
            "annotations",
            "labels",
            "name",
            "env",
            "volumeMounts",
            "mountPath",
            "resources",
            "limits",
            "cpu",
            "securityContext",
            "sidebox.dev/inject",
            "sidebox.dev/status",
            "exec",
            "command",
            "a/b~c",
            "😀",
        ][..],
    );
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
