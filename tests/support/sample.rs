//! The sample, injected, against the same Deployment written by hand.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::golden::values;

const FOLDER: &str = "samples/helloaks/k8s";
/// Variables that serve the sub-path and the toolbox's own tools.
const VARIABLES: [&str; 4] = [
    "POD_NAME",
    "POD_NAMESPACE",
    "SIDEBOX_TARGET",
    "SIDEBOX_MODE",
];

/// One annotation gives what the recipe gives, but for order, volume names, resources, security
/// context, sub-path and metadata.
pub(crate) fn as_by_hand() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let output = Command::new(env!("CARGO_BIN_EXE_sidebox"))
        .args(["inject", "-f", "deployment.yaml"])
        .current_dir(&folder)
        .output()?;
    let injected = compared(&String::from_utf8(output.stdout)?)?;
    let by_hand = compared(&std::fs::read_to_string(
        folder.join("deployment-by-hand.yaml"),
    )?)?;
    if injected == by_hand {
        Ok(())
    } else {
        Err(format!("injected:\n{injected:#}\nby hand:\n{by_hand:#}").into())
    }
}

fn compared(text: &str) -> Result<Value, Failed> {
    let mut object = values(text)?.pop().ok_or("an empty document")?;
    let template = &mut object["spec"]["template"];
    template["metadata"]
        .as_object_mut()
        .map(|metadata| metadata.remove("annotations"));
    template["metadata"]["labels"]
        .as_object_mut()
        .map(|labels| labels.remove("sidebox.dev/injected"));
    for container in list(&mut template["spec"]["containers"]) {
        sorted(&mut container["volumeMounts"], "mountPath");
        for mount in list(&mut container["volumeMounts"]) {
            let name = mount["name"].as_str().unwrap_or("").replace("sidebox-", "");
            mount["name"] = name.into();
            mount
                .as_object_mut()
                .map(|mount| mount.remove("subPathExpr"));
        }
        if container["name"] == "toolbox" {
            let members = container.as_object_mut().ok_or("a container")?;
            members.remove("resources");
            members.remove("securityContext");
            list(&mut container["env"])
                .retain(|v| !VARIABLES.iter().any(|name| v["name"] == *name));
        }
    }
    for volume in list(&mut template["spec"]["volumes"]) {
        let name = volume["name"]
            .as_str()
            .unwrap_or("")
            .replace("sidebox-", "");
        volume["name"] = name.into();
    }
    sorted(&mut template["spec"]["volumes"], "name");
    Ok(object)
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    match value {
        Value::Array(all) => all,
        _ => unreachable!("it was made a list"),
    }
}

fn sorted(value: &mut Value, key: &str) {
    list(value).sort_by_key(|element| element[key].to_string());
}
