//! Each link of an installation, broken once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidebox::pki::{Ca, Validity};
use time::{Duration, OffsetDateTime};

use crate::world::{MUTATING, SETTINGS, VALIDATING, World};

/// The caBundle of somebody else.
pub(crate) fn other_authority() -> String {
    let now = OffsetDateTime::now_utc();
    bundle(Validity::days(now, 30).unwrap())
}

fn bundle(validity: Validity) -> String {
    STANDARD.encode(Ca::generate("other", validity).unwrap().cert_pem())
}

/// What `check` says, as a pipeline reads it.
struct Checked {
    code: i32,
    page: Value,
}

impl Checked {
    fn faults(&self) -> Vec<&str> {
        let links = self.page["links"].as_array().unwrap().iter();
        links.filter_map(|link| link["fault"].as_str()).collect()
    }

    fn link(&self, name: &str) -> &Value {
        let mut links = self.page["links"].as_array().unwrap().iter();
        links.find(|link| link["link"] == name).unwrap()
    }
}

impl World {
    async fn check(&self, namespace: &str) -> Checked {
        let said = self
            .sidebox(&["check", "-n", namespace, "-o", "json"])
            .await;
        let page = serde_json::from_str(&said.out);
        Checked {
            code: said.code,
            page: page.unwrap_or_else(|error| panic!("{error}: {said:?}")),
        }
    }

    /// Checks, and expects these faults and no others.
    async fn has(&mut self, codes: &[&str]) -> Checked {
        let checked = self.check("shop").await;
        assert_eq!(checked.faults(), codes, "{:#}", checked.page);
        assert_eq!(checked.code, 2, "{:#}", checked.page);
        self.named
            .extend(codes.iter().map(|code| (*code).to_owned()));
        checked
    }
}

pub(crate) async fn every_link(world: &mut World) {
    a_good_installation(world).await;
    entries(world).await;
    settings(world).await;
    trust(world).await;
    the_dry_run(world).await;
}

async fn a_good_installation(world: &World) {
    let checked = world.check("shop").await;
    assert_eq!(
        (checked.code, &checked.page["verdict"]),
        (0, &json!("ok")),
        "{:#}",
        checked.page
    );
    for link in checked.page["links"].as_array().unwrap() {
        assert_eq!(link["state"], "ok", "{link:#}");
    }
    let fact = |link| checked.link(link)["fact"].as_str().unwrap().to_owned();
    assert!(fact("rights").starts_with("system:serviceaccount:sidebox:sidebox has all "));
    assert!(fact("endpoints").starts_with("2 of 2 ready: sidebox-"));
    assert!(
        fact("certificate").starts_with("that of sidebox-"),
        "through a port-forward"
    );
    assert_eq!(
        fact("dry_run"),
        "in namespace shop, through pods.sidebox.dev"
    );
    let said = world.sidebox(&["check", "-n", "shop"]).await;
    println!("{}", said.out);
    assert!(
        said.code == 0 && said.out.ends_with("every link holds\n"),
        "{said:?}"
    );
}

async fn entries(world: &mut World) {
    let before = world.get(MUTATING).await["webhooks"].clone();
    let two = &before.as_array().unwrap()[..2];
    world.patch(MUTATING, &json!({"webhooks": two})).await;
    world.out_of_force().await;
    let checked = world.has(&["entry_missing", "dry_run_untouched"]).await;
    assert!(
        checked.link("entries")["fact"]
            .as_str()
            .unwrap()
            .contains("pods.sidebox.dev")
    );
    let before = json!({"webhooks": before});
    world.patch(MUTATING, &before).await;
    world.in_force().await;

    let changes: [(&str, Value); 6] = [
        ("failurePolicy", json!("Fail")),
        ("timeoutSeconds", json!(30)),
        ("reinvocationPolicy", json!("Never")),
        ("sideEffects", json!("None")),
        ("matchPolicy", json!("Exact")),
        (
            "objectSelector",
            json!({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}),
        ),
    ];
    for (field, value) in changes {
        world
            .change_entries(MUTATING, |entry| entry[field] = value.clone())
            .await;
        let checked = world.has(&["entry_changed"; 3]).await;
        let fact = checked.link("entries")["fact"].as_str().unwrap();
        assert!(fact.contains(field), "{fact}");
        world.patch(MUTATING, &before).await;
    }
    let fail = |entry: &mut Value| entry["failurePolicy"] = "Fail".into();
    let before = world.change_entries(VALIDATING, fail).await;
    world.has(&["advice_changed"]).await;
    world.patch(VALIDATING, &before).await;

    // Advice that is not installed is no fault.
    let taken = world.take(VALIDATING).await;
    let checked = world.check("shop").await;
    assert_eq!(
        (checked.code, &checked.link("advice")["state"]),
        (0, &json!("idle"))
    );
    world.give(VALIDATING, &taken).await;
}

async fn settings(world: &mut World) {
    let before = world.get(SETTINGS).await["data"].clone();
    let text = before["settings.yaml"].as_str().unwrap();
    let other = format!("{text}\ninjection: all\n");
    world
        .patch(SETTINGS, &json!({"data": {"settings.yaml": other}}))
        .await;
    // The replica still has the old ones, and the API server sends too few Pods for these.
    world.has(&["entry_changed", "settings_not_in_force"]).await;
    world.patch(SETTINGS, &json!({"data": before})).await;

    let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/sidebox";
    let taken = world.take(binding).await;
    let checked = world.check("shop").await;
    assert_eq!(checked.code, 2);
    assert!(
        checked.faults().len() > 10 && checked.faults().iter().all(|code| *code == "right_missing")
    );
    world.named.insert("right_missing".to_owned());
    world.give(binding, &taken).await;
}

async fn trust(world: &mut World) {
    let now = OffsetDateTime::now_utc();
    let ended = bundle(Validity::between(
        now - Duration::days(2),
        now - Duration::DAY,
    ));
    // An authority without a word of PEM is taken by the API server, which then trusts nobody.
    let rows = [
        (ended, "ca_bundle_ended"),
        (STANDARD.encode("no certificate"), "ca_bundle_unreadable"),
    ];
    for (bundle, code) in rows {
        let set = |entry: &mut Value| entry["clientConfig"]["caBundle"] = bundle.clone().into();
        let mutating = world.change_entries(MUTATING, set).await;
        world.out_of_force().await;
        let checked = world.check("shop").await;
        assert_eq!(checked.faults()[0], code, "{:#}", checked.page);
        world.named.insert(code.to_owned());
        world.patch(MUTATING, &mutating).await;
        world.in_force().await;
    }
    world
        .serve(now - Duration::days(9), now + Duration::HOUR)
        .await;
    world.has(&["renewal_late"; 2]).await;
    world
        .serve(now - Duration::HOUR, now + Duration::days(9))
        .await;
}

async fn the_dry_run(world: &mut World) {
    world.namespace("small", &json!({})).await;
    let checked = world.check("small").await;
    assert_eq!(checked.faults(), ["dry_run_refused"], "{:#}", checked.page);
    let fact = checked.link("dry_run")["fact"].as_str().unwrap();
    assert!(fact.ends_with("limit_range"), "{fact}");
    world.named.insert("dry_run_refused".to_owned());

    let checked = world.check("nowhere").await;
    assert_eq!(
        (checked.code, &checked.link("dry_run")["state"]),
        (3, &json!("unknown"))
    );
}
