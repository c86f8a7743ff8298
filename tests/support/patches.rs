//! What an API server does with a patch.

use serde_json::Value;

/// The object after the patch.
pub(crate) fn applied(object: &Value, patch: &str) -> Value {
    let patch: json_patch::Patch = serde_json::from_str(patch).expect("the patch reads");
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).expect("the patch applies");
    object
}
