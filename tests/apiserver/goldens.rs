//! Do the golden cases hold before a real API server? Each Pod of `tests/cases` with the facts and settings of its case,
//! and all of them under the default settings. What the files of a case are: `tests/cases.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sidebox::cli::documents::json::{Spacing, write};
use sidebox::cli::documents::reading;
use sidebox::cli::documents::source::Source;

use crate::audit::Audit;
use crate::judged::{both_ways, in_force};
use crate::law::{Tally, is_injected};
use crate::sources::{asking, pod_of};
use crate::webhook::{Registration, Sidebox};
use crate::world::{Arena, World, list};

/// Cases that the name of their namespace decides, which is another one here.
const BY_NAME: [&str; 3] = [
    "skip-excluded",
    "skip-own-namespace",
    "skip-system-namespace",
];

/// Settings that deny what they refuse: the one case that is accepted only without the webhook.
const DENIED: &str = "strict";

/// A LimitRange that no API server takes (its min is above its max), and so a fact alone.
const FACT_ALONE: &str = "refuse-limit-range";

/// A toolbox that lost its `restartPolicy`: the one case that is accepted only with the webhook, which gives it back.
const REPAIRED: &str = "repair";

/// A folder of `tests/cases`.
struct Case {
    name: String,
    pod: Value,
    /// Whether the toolbox stands in the expected Pod.
    injected: bool,
    /// The objects of its namespace, as its file has them.
    known: Vec<Value>,
    settings: Option<PathBuf>,
}

/// Every golden Pod under the default settings, as it is and asking.
pub(crate) async fn under_one_setting(world: &World) {
    let mut all = Vec::new();
    for case in cases().into_iter().filter(|case| case.name != REPAIRED) {
        all.extend(asking(&case.pod).into_iter().take(1));
        all.push(case.pod);
    }
    both_ways(world, "golden", "golden Pods", &all, 80).await;
}

/// Every golden Pod with the facts and settings of its case: the law, and the decision that the case expects.
pub(crate) async fn as_expected(world: &World) {
    let mut groups: BTreeMap<Option<String>, Vec<Case>> = BTreeMap::new();
    for case in cases() {
        let settings = case.settings.as_ref();
        let text = settings.map(|file| fs::read_to_string(file).unwrap());
        groups.entry(text).or_default().push(case);
    }
    let (mut tally, mut surprises) = (Tally::default(), Vec::new());
    let mut audit = world.audit();
    for (index, cases) in groups.values().enumerate() {
        let (places, _sidebox) = open(world, index, cases).await;
        for (case, arena) in &places {
            let (accepted, injected) = (tally.accepted, tally.injected);
            case.judge(world, &mut audit, arena, &mut tally).await;
            let (accepted, injected) = (tally.accepted > accepted, tally.injected > injected);
            if accepted && injected != case.injected {
                surprises.push(case.name.as_str());
            }
        }
    }
    tally.conclude("golden Pods, with their own facts and settings", 80);
    surprises.sort_unstable();
    assert_eq!(surprises, BY_NAME, "cases that are not decided as expected");
}

/// The namespaces of cases of the same settings, and their server.
async fn open<'c>(
    world: &World,
    index: usize,
    cases: &'c [Case],
) -> (Vec<(&'c Case, Arena)>, Sidebox) {
    let (mut places, mut known, mut routes) = (Vec::new(), Vec::new(), BTreeMap::new());
    for case in cases {
        let path = case.path();
        let webhooks = format!("golden-{index}{}", path.replace('/', "-"));
        let (arena, facts) = case.place(world, webhooks).await;
        known.extend(facts);
        routes.insert(path, places.len());
        places.push((case, arena));
    }
    let facts = world.cluster.folder().join(format!("golden-{index}.json"));
    fs::write(&facts, list(&known).to_string()).unwrap();
    let mut arguments = vec!["--facts", facts.to_str().unwrap()];
    if let Some(settings) = cases.first().and_then(|case| case.settings.as_ref()) {
        arguments.extend(["--config", settings.to_str().unwrap()]);
    }
    let sidebox = Sidebox::start(&arguments).await;
    for (path, place) in routes {
        let arena = &places[place].1;
        let registration = Registration {
            path,
            ..Registration::of(&sidebox, &arena.name)
        };
        registration.register(&world.api).await;
        in_force(world, arena, &sidebox).await;
    }
    (places, sidebox)
}

impl Case {
    fn read(folder: &Path) -> Self {
        let file = |name: &str| folder.join(name);
        let values = |name: &str| fs::read(file(name)).map(objects).unwrap_or_default();
        let pod = |name: &str| values(name).iter().find_map(pod_of);
        let before = pod("pod.yaml").unwrap();
        let after = pod("patched.yaml").unwrap_or_else(|| before.clone());
        Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            injected: is_injected(&after),
            pod: before,
            known: values("namespace.yaml"),
            settings: Some(file("settings.yaml")).filter(|file| file.is_file()),
        }
    }

    fn namespace(&self) -> Value {
        let mut all = self.known.iter();
        let found = all.find(|object| object["kind"] == "Namespace").cloned();
        found.unwrap_or_default()
    }

    /// The path at which its namespace's label sends Pods.
    fn path(&self) -> &'static str {
        match self.namespace()["metadata"]["labels"]["sidebox.dev/inject"].as_str() {
            Some("true") => "/mutate/labelled",
            Some("false") => "/mutate/opted-out",
            _ => "/mutate",
        }
    }

    /// Two namespaces with the rules of the case, and its facts under the name of the second. Claims are facts alone:
    /// no part of the API server looks at them.
    async fn place(&self, world: &World, webhooks: String) -> (Arena, Vec<Value>) {
        let with = format!("golden-{}", self.name);
        let without = format!("{with}-without");
        let mut metadata = self.namespace()["metadata"].clone();
        let is_rule = |kind: &Value| kind == "LimitRange" || kind == "ResourceQuota";
        let makeable = |object: &&Value| is_rule(&object["kind"]) && self.name != FACT_ALONE;
        let rules = self.known.iter().filter(makeable);
        let rules: Vec<_> = rules.map(|rule| ("/api/v1", unplaced(rule))).collect();
        for (name, seen) in [(&without, "none"), (&with, webhooks.as_str())] {
            metadata["name"] = name.as_str().into();
            world.furnish(metadata.clone(), seen, &rules).await;
        }
        let mut facts = self.known.clone();
        for fact in &mut facts {
            let key = if fact["kind"] == "Namespace" {
                "name"
            } else {
                "namespace"
            };
            fact["metadata"][key] = with.as_str().into();
        }
        let arena = Arena {
            without,
            with,
            name: webhooks,
            facts: Value::Null,
        };
        world
            .accounts(&arena, std::slice::from_ref(&self.pod))
            .await;
        (arena, facts)
    }

    async fn judge(&self, world: &World, audit: &mut Audit, arena: &Arena, tally: &mut Tally) {
        let denied = self.name == DENIED;
        if !denied && self.name != REPAIRED {
            let pods = std::slice::from_ref(&self.pod);
            tally.judge(&world.api, audit, &[arena], pods).await;
            return;
        }
        let without = world.api.try_pod(&arena.without, &self.pod).await;
        let with = world.api.try_pod(&arena.with, &self.pod).await;
        assert_eq!(
            without.accepted(),
            denied,
            "{}: {}",
            self.name,
            without.message()
        );
        assert_eq!(
            with.accepted(),
            !denied,
            "{}: {}",
            self.name,
            with.message()
        );
        tally.injected += usize::from(is_injected(&with.body));
    }
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders.iter().map(|folder| Case::read(folder)).collect()
}

/// The objects of a YAML file.
fn objects(bytes: Vec<u8>) -> Vec<Value> {
    let source = Source {
        name: "case".to_owned(),
        bytes,
    };
    let documents = reading::read(&source);
    let trees = documents.iter().filter_map(|document| document.tree());
    let texts = trees.map(|tree| write(tree, &Spacing::Compact));
    texts
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect()
}

/// An object without its namespace, to be created in another.
fn unplaced(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("namespace");
    object
}
