//! Each link from a Pod's creation to its toolbox, broken once.

use serde_json::{Value, json};

use crate::webhook::until;
use crate::world::{MUTATING, SERVICE, SETTINGS, SLICE, Said, World, asking, pod};

impl World {
    /// What is explained of an object of a namespace.
    async fn explain(&self, object: &str, namespace: &str) -> Said {
        self.sidebox(&["explain", object, "-n", namespace]).await
    }

    /// Explains, and expects this as the first broken link.
    async fn is_broken_at(
        &mut self,
        (object, namespace): (&str, &str),
        link: &str,
        code: &str,
    ) -> Said {
        let said = self.explain(object, namespace).await;
        let answer = said.out.lines().find(|line| line.starts_with("answer: "));
        let answer = answer.unwrap_or_else(|| panic!("no answer: {said:?}"));
        assert!(
            answer.starts_with(&format!("answer: broken at {link}")),
            "{said:?}"
        );
        assert!(answer.contains(&format!(": {code}: ")), "{said:?}");
        assert!(said.out.contains("\nway out: "), "{said:?}");
        self.named.insert(code.to_owned());
        said
    }

    async fn create(&self, namespace: &str, pod: &Value) {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let reply = self.api.call("POST", &path, pod).await;
        assert!(reply.accepted(), "{}", reply.message());
    }
}

/// The Pod that most of it is about: it asks, and was created before Sidebox was there.
const LATE: (&str, &str) = ("pod/late", "shop");

pub(crate) async fn every_link(world: &mut World) {
    good_days(world).await;
    configuration_and_selectors(world).await;
    what_it_leads_to(world).await;
    trust(world).await;
    decisions(world).await;
    claims(world).await;
    pods(world).await;
}

async fn good_days(world: &mut World) {
    world.create("shop", &asking("fine")).await;
    let said = world.explain("po/fine", "shop").await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.ends_with("answer: every link holds\n"), "{said:?}");
    assert!(
        said.out
            .contains("settings: ConfigMap sidebox/sidebox-settings, hash "),
        "{said:?}"
    );
    let said = world.explain("pod/fine", "../kube-system").await;
    assert!(
        said.code == 1 && said.err.contains("is no name of a namespace"),
        "{said:?}"
    );
    // Nobody asked: the link is named, and nothing is wrong.
    world.create("shop", &pod("quiet", &json!({}))).await;
    let said = world
        .is_broken_at(
            ("pod/quiet", "shop"),
            "match_condition",
            "condition_not_met",
        )
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    for (object, wanted) in [
        ("pod/nobody", "cannot read Pod nobody in namespace shop"),
        ("service/fine", "kind \"service\" is not known here"),
        ("deployment.yaml", "a file is named with -f"),
    ] {
        let said = world.explain(object, "shop").await;
        assert!(said.code == 1 && said.err.contains(wanted), "{said:?}");
    }
}

async fn configuration_and_selectors(world: &mut World) {
    let taken = world.take(MUTATING).await;
    world.out_of_force().await;
    world.create("shop", &asking("late")).await;
    let said = world
        .is_broken_at(LATE, "configuration", "no_configuration")
        .await;
    assert_eq!(said.code, 2, "{said:?}");
    world.give(MUTATING, &taken).await;
    world.in_force().await;

    world.create("kube-public", &asking("left")).await;
    world
        .is_broken_at(
            ("pod/left", "kube-public"),
            "namespace_selector",
            "namespace_left_out",
        )
        .await;

    let only_team =
        |entry: &mut Value| entry["objectSelector"] = json!({"matchLabels": {"team": "shop"}});
    let before = world.change_entries(MUTATING, only_team).await;
    world
        .is_broken_at(LATE, "object_selector", "object_left_out")
        .await;
    world.patch(MUTATING, &before).await;

    let updates = |entry: &mut Value| entry["rules"][0]["operations"] = json!(["UPDATE"]);
    let before = world.change_entries(MUTATING, updates).await;
    world.is_broken_at(LATE, "rules", "creation_not_sent").await;
    world.patch(MUTATING, &before).await;

    // An expression that is not the chart's is said to be unknown, and is no guess.
    let other = |entry: &mut Value| {
        entry["matchConditions"] =
            json!([{"name": "mine", "expression": "object.metadata.name != 'x'"}]);
    };
    let before = world.change_entries(MUTATING, other).await;
    let said = world.explain("pod/fine", "shop").await;
    assert!(
        said.out.contains(
            "unknown  match_condition     condition mine of pods.sidebox.dev is none of the chart's"
        ),
        "{said:?}"
    );
    assert!(
        said.code == 0 && said.out.contains("not all could be told"),
        "{said:?}"
    );
    world.patch(MUTATING, &before).await;
    world.in_force().await;
}

async fn what_it_leads_to(world: &mut World) {
    let taken = world.take(SETTINGS).await;
    world
        .is_broken_at(LATE, "settings", "settings_missing")
        .await;
    world.give(SETTINGS, &taken).await;
    let before = world.get(SETTINGS).await["data"].clone();
    world
        .patch(
            SETTINGS,
            &json!({"data": {"settings.yaml": "injektion: all\n"}}),
        )
        .await;
    world
        .is_broken_at(LATE, "settings", "settings_invalid")
        .await;
    world.patch(SETTINGS, &json!({"data": before})).await;

    let taken = world.take(SERVICE).await;
    world.is_broken_at(LATE, "service", "service_missing").await;
    world.give(SERVICE, &taken).await;
    let ports = world.get(SERVICE).await["spec"]["ports"].clone();
    let other = json!([{"name": "webhook", "port": 9, "protocol": "TCP"}]);
    world
        .patch(SERVICE, &json!({"spec": {"ports": other}}))
        .await;
    world.is_broken_at(LATE, "service", "port_missing").await;
    world
        .patch(SERVICE, &json!({"spec": {"ports": ports}}))
        .await;

    let before = world.get(SLICE).await["endpoints"].clone();
    let mut none = before.clone();
    for endpoint in none.as_array_mut().unwrap() {
        endpoint["conditions"]["ready"] = false.into();
    }
    world.patch(SLICE, &json!({"endpoints": none})).await;
    let said = world
        .is_broken_at(LATE, "endpoints", "no_ready_endpoint")
        .await;
    assert!(said.out.contains("(2 not ready)"), "{said:?}");
    world.patch(SLICE, &json!({"endpoints": before})).await;
}

async fn trust(world: &mut World) {
    let other = crate::check::other_authority();
    let before = world
        .change_entries(MUTATING, |entry| {
            entry["clientConfig"]["caBundle"] = other.clone().into();
        })
        .await;
    let said = world
        .is_broken_at(LATE, "certificate", "certificate_not_verified")
        .await;
    assert!(
        said.out.contains("another authority has signed it"),
        "{said:?}"
    );
    world.patch(MUTATING, &before).await;

    world
        .change_entries(MUTATING, |entry| {
            entry["clientConfig"]["caBundle"] = Value::Null;
        })
        .await;
    world
        .is_broken_at(LATE, "ca_bundle", "ca_bundle_empty")
        .await;
    world.patch(MUTATING, &before).await;

    // An address instead of a Service: it is connected to from here, and its certificate is for the Service.
    let url = format!("https://localhost:{}/mutate", world.service.address.port());
    world
        .change_entries(MUTATING, |entry| {
            entry["clientConfig"]["service"] = Value::Null;
            entry["clientConfig"]["url"] = url.clone().into();
        })
        .await;
    let said = world
        .is_broken_at(LATE, "certificate", "certificate_not_verified")
        .await;
    assert!(said.out.contains("it does not name localhost"), "{said:?}");
    let none = json!({"webhooks": null});
    world.patch(MUTATING, &none).await;
    world.patch(MUTATING, &before).await;

    let from = time::OffsetDateTime::now_utc() - time::Duration::HOUR;
    let until_then = from + time::Duration::days(9);
    world.stop().await;
    world.is_broken_at(LATE, "certificate", "no_answer").await;
    world.serve(from, until_then).await;
    world.in_force().await;
}

async fn decisions(world: &mut World) {
    let refused = json!({"metadata": {"name": "refused", "annotations": {"sidebox.dev/inject": "true"}},
        "spec": {"hostPID": true, "containers": [{"name": "app", "image": "app:1"}]}});
    world.create("shop", &refused).await;
    let said = world
        .is_broken_at(("pod/refused", "shop"), "decision", "refused")
        .await;
    for wanted in [
        "host_pid: ",
        "  STOP  it does not use the node's process namespace",
        "decision: refuse (the Pod asked",
    ] {
        assert!(said.out.contains(wanted), "{wanted}: {said:?}");
    }
    assert_eq!(said.code, 2);

    world
        .create("shop", &pod("out", &json!({"sidebox.dev/inject": "false"})))
        .await;
    let said = world
        .is_broken_at(("pod/out", "shop"), "decision", "skipped")
        .await;
    assert!(said.code == 0 && said.out.contains("opted_out"), "{said:?}");

    let before = world.get(SETTINGS).await["data"].clone();
    let text = before["settings.yaml"].as_str().unwrap();
    let text = format!("{text}\nexcludedNamespaces: [shop]\n");
    world
        .patch(SETTINGS, &json!({"data": {"settings.yaml": text}}))
        .await;
    world.is_broken_at(LATE, "decision", "excluded").await;
    // The settings of a file go before those of the cluster.
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("settings.yaml");
    std::fs::write(&file, "injection: annotated\n").unwrap();
    let said = world
        .sidebox(&[
            "explain",
            "pod/fine",
            "-n",
            "shop",
            "--config",
            file.to_str().unwrap(),
        ])
        .await;
    assert!(
        said.code == 0 && said.out.contains("settings: file "),
        "{said:?}"
    );
    world.patch(SETTINGS, &json!({"data": before})).await;
}

/// Only a cluster knows that a claim is missing: these notes come from no file.
async fn claims(world: &World) {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("settings.yaml");
    let creates = "ownNamespace: sidebox\ndata: {create: true}\n";
    let wants = json!({"sidebox.dev/inject": "true", "sidebox.dev/data": "claim"});
    let taken = world.take(MUTATING).await;
    world.out_of_force().await;
    world.create("shop", &pod("wants", &wants)).await;
    world.give(MUTATING, &taken).await;
    world.in_force().await;
    for (object, settings, code) in [
        ("pod/late", "ownNamespace: sidebox\n", "claim_missing"),
        ("pod/late", creates, "claim_being_made"),
        ("pod/wants", "ownNamespace: sidebox\n", "claim_pending"),
    ] {
        std::fs::write(&file, settings).unwrap();
        let arguments = [
            "explain",
            object,
            "-n",
            "shop",
            "--config",
            file.to_str().unwrap(),
        ];
        let said = world.sidebox(&arguments).await;
        assert!(
            said.out.contains(&format!("  note {code}: ")),
            "{code}: {said:?}"
        );
    }
}

fn deployment(name: &str) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 3, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": {
                    "sidebox.dev/inject": "true", "sidebox.dev/data": "empty-dir"}},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]}}}})
}

async fn pods(world: &mut World) {
    world.is_broken_at(LATE, "toolbox", "missed").await;

    // Refused, and then corrected where no correction reaches it.
    world.namespace("tight", &json!({})).await;
    let small = json!({"metadata": {"name": "small", "annotations": {
            "sidebox.dev/inject": "true", "sidebox.dev/memory-limit": "1Ti"}},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]}});
    world.create("tight", &small).await;
    let said = world
        .is_broken_at(("pod/small", "tight"), "decision", "refused")
        .await;
    assert!(said.out.contains("invalid_annotation"), "{said:?}");
    world
        .patch(
            "/api/v1/namespaces/tight/pods/small",
            &json!({"metadata": {"annotations": {"sidebox.dev/memory-limit": null}}}),
        )
        .await;
    world
        .is_broken_at(("pod/small", "tight"), "toolbox", "refused_then")
        .await;

    let path = "/apis/apps/v1/namespaces/asked/deployments";
    world.api.create(path, &deployment("good")).await;
    alive(world, "good", 3).await;
    let said = world.explain("deploy/good", "asked").await;
    assert!(
        said.code == 0 && said.out.contains("3 of the 3 newest Pods have it"),
        "{said:?}"
    );

    // Created while the API server knew nobody to ask.
    let taken = world.take(MUTATING).await;
    world.out_of_force().await;
    world.api.create(path, &deployment("missed")).await;
    alive(world, "missed", 3).await;
    world.give(MUTATING, &taken).await;
    world.in_force().await;
    let said = world
        .is_broken_at(
            ("deployments.apps/missed", "asked"),
            "toolbox",
            "pods_without",
        )
        .await;
    assert!(
        said.out
            .contains("0 of the 3 newest Pods have the toolbox (0 refused, 3 without an answer)"),
        "{said:?}"
    );
    // The way out, taken.
    let restart =
        json!({"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}});
    world.patch(&format!("{path}/missed"), &restart).await;
    let whole = async || {
        let said = world.explain("deploy/missed", "asked").await;
        said.code == 0 && said.out.contains("3 of the 3 newest Pods have it")
    };
    until("the restarted Deployment is explained as whole", whole).await;
}

async fn alive(world: &World, app: &str, count: usize) {
    let path = format!("/api/v1/namespaces/asked/pods?labelSelector=app={app}");
    until("the Pods are made", async || {
        world.get(&path).await["items"].as_array().unwrap().len() == count
    })
    .await;
}
