//! How does a changed document look, and each form of the output? Whole texts, compared whole.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use sidebox::cli::documents::document::Changed;
use sidebox::cli::documents::output::{ObjectPatch, Outgoing, difference, json, patch, yaml};
use sidebox::cli::documents::reading::read;
use sidebox::cli::documents::source::Source;
use sidebox::cli::documents::template::{objects, pods};

const ADD: &str = r#"[
  {"op":"add","path":"/spec/containers/-","value":{"name":"toolbox","stdin":true,"limits":{"cpu":"500m","share":"1"}}},
  {"op":"add","path":"/metadata/annotations","value":{"sidebox.dev/status":"{\"v\":1}"}}
]"#;

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

/// The first document after a patch of its root.
fn patched(text: &str, patch: &str) -> Changed {
    let source = source("a.yaml", text);
    read(&source)[0].patch(&[("", patch)]).unwrap()
}

/// Every document of the sources, each Pod patched with [`ADD`].
fn outgoing(sources: &[Source]) -> Vec<Outgoing<'_>> {
    let documents = sources.iter().flat_map(read);
    documents
        .map(|document| {
            let tree = document.tree().cloned();
            let patches: Vec<_> = tree
                .iter()
                .flat_map(|tree| {
                    objects(tree)
                        .into_iter()
                        .flat_map(|o| pods(tree, &o, "shop"))
                })
                .map(|pod| ObjectPatch {
                    object: pod.owner,
                    namespace: pod.namespace,
                    pointer: pod.pointer,
                    patch: ADD.to_owned(),
                })
                .collect();
            let edits: Vec<_> = patches
                .iter()
                .map(|p| (p.pointer.as_str(), p.patch.as_str()))
                .collect();
            let changed = (!edits.is_empty()).then(|| document.patch(&edits).unwrap());
            Outgoing {
                document,
                changed,
                patches,
            }
        })
        .collect()
}

const POD: &str = "# The shop.\n---\napiVersion: v1\nkind: Pod # bare\nmetadata:\n    name: shop\n    \
    annotations: # none yet\nspec:\n    # the application\n    containers:\n      - name: app\n        \
    cpu: .5\n        on: 'yes'\n\n    # the end\n    nodeName: \"7\"\n# below\n...\n";

#[test]
fn additions_follow_the_document_and_comments_stay() {
    let changed = patched(POD, ADD);
    assert_eq!(
        changed.text,
        "# The shop.\n---\napiVersion: v1\nkind: Pod # bare\nmetadata:\n    name: shop\n    \
         annotations: # none yet\n        sidebox.dev/status: '{\"v\":1}'\nspec:\n    # the application\n    \
         containers:\n      - name: app\n        cpu: .5\n        on: 'yes'\n      - name: toolbox\n        \
         stdin: true\n        limits:\n            cpu: 500m\n            share: \"1\"\n\n    # the end\n    \
         nodeName: \"7\"\n# below\n...\n"
    );
    assert!(!changed.comments_lost);
}

#[test]
fn comments_without_a_place_are_told() {
    let changed = patched(
        "a: [1, # one\n  2]\nb: 1 # gone\n",
        r#"[{"op":"remove","path":"/b"}]"#,
    );
    assert_eq!(changed.text, "a: [1, 2]\n");
    assert!(changed.comments_lost);
}

#[test]
fn a_comment_that_would_become_text_goes() {
    let text = "a: |\n      x\n  # beside a text that moves left\nb: 1\n";
    let changed = patched(text, r#"[{"op":"add","path":"/c","value":2}]"#);
    assert_eq!(changed.text, "a: |\n  x\nb: 1\nc: 2\n");
    assert!(changed.comments_lost);
}

#[test]
fn small_edits_keep_what_is_around() {
    let add = |path, value| format!(r#"[{{"op":"add","path":"{path}","value":{value}}}]"#);
    for (before, patch, after) in [
        (
            "a: {b: c}\n",
            add("/a/d", r#"["x, y", null]"#),
            "a: {b: c, d: [\"x, y\", null]}\n",
        ),
        (
            "{x: {a: {}}}\n",
            add("/x/a/d", "[{}]"),
            "{x: {a: {d: [{}]}}}\n",
        ),
        ("a: {}\n", add("/a/d", r#"["x"]"#), "a:\n  d:\n  - x\n"),
        ("a: ~\nb: 1\n", add("/a", "[]"), "a: []\nb: 1\n"),
        ("a:\nb: 1\n", add("/a", "{}"), "a: {}\nb: 1\n"),
        ("a: {}\nb: 1\n", add("/a", "null"), "a:\nb: 1\n"),
        (
            "a:\r\n- 1\r\n",
            add("/a/0", "\"0\""),
            "a:\r\n- \"0\"\r\n- 1\r\n",
        ),
        ("a: 1", add("/b", "true"), "a: 1\nb: true\n"),
        ("\u{feff}a: 1\n", add("/b", "1"), "\u{feff}a: 1\nb: 1\n"),
        ("--- {a: 1}\n", add("/b", "2"), "---\n{a: 1, b: 2}\n"),
        (
            "a: &x {k: 1}\nb: *x\n",
            add("/b/l", "2"),
            "a: {k: 1}\nb: {k: 1, l: 2}\n",
        ),
        (
            "a: |2\n    x\n\n  # no comment\n # one\n",
            add("/b", "1"),
            "a: |2\n    x\n\n  # no comment\n # one\nb: 1\n",
        ),
        (
            "a: >\n  x\n\n  y\n",
            add("/b", "\"1:30\""),
            "a: >\n  x\n\n  y\nb: \"1:30\"\n",
        ),
        (
            "{\n\t\"a\": [ ],\n\t\"b\": 1.0\n}",
            add("/a/-", "1e3"),
            "{\n\t\"a\": [\n\t\t1e3\n\t],\n\t\"b\": 1.0\n}",
        ),
        ("{\"a\":1}\n", add("/b~1c", "2"), "{\"a\":1,\"b/c\":2}\n"),
    ] {
        let changed = patched(before, &patch);
        assert_eq!(changed.text, after);
        let again = source("a.yaml", after);
        let documents = read(&again);
        assert!(documents[0].is_json() || changed.tree.same(documents[0].tree().unwrap()));
    }
}

#[test]
fn impossible_edits_are_errors() {
    let source = source("a.yaml", "a: [1]\nb: 2\n");
    let documents = read(&source);
    for (patch, part) in [
        (r#"[{"op":"add","path":"/x/y","value":1}]"#, "no `/x/y`"),
        (r#"[{"op":"add","path":"/a/2","value":1}]"#, "no `/a/2`"),
        (r#"[{"op":"add","path":"/a/01","value":1}]"#, "no `/a/01`"),
        (r#"[{"op":"remove","path":"/a/-"}]"#, "no `/a/-`"),
        (r#"[{"op":"replace","path":"/c","value":1}]"#, "no `/c`"),
        (r#"[{"op":"remove","path":"/b/c"}]"#, "no `/b/c`"),
        (r#"[{"op":"remove","path":""}]"#, "no ``"),
        (r#"[{"op":"move","path":"/a"}]"#, "`move` is none of"),
        (r#"[{"op":"add","path":"/c"}]"#, "no `value`"),
        (r#"{"op":"add"}"#, "not a list"),
        ("[", "cannot be used"),
        (r#"[{"op":"remove","op":"add"}]"#, "`op` stands twice"),
    ] {
        let error = documents[0].patch(&[("", patch)]).unwrap_err().to_string();
        assert!(error.contains(part), "{patch}: {error}");
    }
}

#[test]
fn unchanged_documents_and_files_are_joined_exactly() {
    let plain = "a: 1 # x \r\n---\n{{ helm }}\n\n---\n# nothing";
    let sources = [
        source("a.yaml", plain),
        source("b.yaml", "\u{feff}b: 1\n"),
        source("c.yaml", "%YAML 1.2\n---\nc: 1\n"),
        source("d.yaml", "--- # d\n"),
        source("e.json", "{}[1]"),
        source("f.json", "{}\n"),
        source("g.yaml", ""),
    ];
    let stream = String::from_utf8(yaml(&outgoing(&sources))).unwrap();
    assert_eq!(
        stream,
        format!("{plain}\n---\nb: 1\n...\n%YAML 1.2\n---\nc: 1\n--- # d\n---\n{{}}[1]\n{{}}\n")
    );
    let again = source("-", &stream);
    assert_eq!(
        read(&again).iter().filter(|d| d.tree().is_some()).count(),
        6
    );
}

const SMALL: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: app, cpu: 0.10}]}\n";

#[test]
fn json_is_one_object_or_a_list() {
    let one = [source("a.yaml", "kind: X\ncpu: 0.10\n")];
    assert_eq!(
        json(&outgoing(&one)),
        "{\n  \"kind\": \"X\",\n  \"cpu\": 0.10\n}\n"
    );
    let two = [source(
        "a.yaml",
        "kind: List\nitems: [1, yes]\n---\n{{\n---\nb: 0x10\n---\n",
    )];
    let text: String = json(&outgoing(&two)).split_whitespace().collect();
    assert_eq!(
        text,
        r#"{"apiVersion":"v1","kind":"List","items":[1,true,{"b":16}]}"#
    );
    assert_eq!(
        json(&outgoing(&[])).split_whitespace().collect::<String>(),
        r#"{"apiVersion":"v1","kind":"List","items":[]}"#
    );
}

#[test]
fn patches_are_rooted_at_their_object() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {{name: d}}\n  \
        spec: {{template: {{metadata: {{}}, spec: {{containers: []}}}}}}\n---\n{SMALL}"
    );
    let sources = [source("a.yaml", &list)];
    let documents = outgoing(&sources);
    let text: String = patch(&documents).unwrap().split_whitespace().collect();
    assert!(text.starts_with(r#"[{"file":"a.yaml","kind":"Deployment","namespace":"shop","name":"d","patch":[{"op":"add","path":"/spec/template/spec/containers/-","#), "{text}");
    assert!(text.contains(r#"{"file":"a.yaml","kind":"Pod","namespace":"shop","name":"a","patch":[{"op":"add","path":"/spec/containers/-","#), "{text}");
    let alone: String = patch(&documents[1..]).unwrap().split_whitespace().collect();
    assert_eq!(alone, ADD.split_whitespace().collect::<String>());
    assert_eq!(patch(&[]).unwrap(), "[]\n");
}

#[test]
fn a_difference_names_file_and_object_and_counts_lines_of_the_file() {
    let sources = [source("a.yaml", &format!("x: 1\n---\n{SMALL}"))];
    let text = difference(&outgoing(&sources), false);
    assert_eq!(
        text,
        "--- a.yaml\tPod/a\n+++ a.yaml\tPod/a\n@@ -2,5 +2,7 @@\n ---\n apiVersion: v1\n kind: Pod\n\
         -metadata: {name: a}\n-spec: {containers: [{name: app, cpu: 0.10}]}\n\
         +metadata: {name: a, annotations: {sidebox.dev/status: '{\"v\":1}'}}\n\
         +spec: {\n\
         +    containers: [{name: app, cpu: 0.10}, {name: toolbox, stdin: true, limits: {cpu: 500m, share: \"1\"}}]\n+  }\n"
    );
    assert!(
        difference(&outgoing(&sources), true).contains("\u{1b}[31m-metadata: {name: a}\u{1b}[0m\n")
    );
    assert_eq!(
        difference(&outgoing(&[source("b.yaml", "a: 1")]), false),
        ""
    );
}
