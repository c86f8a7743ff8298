//! Do documents survive being read and written, and are bounds kept? Laws over generated trees,
//! manifests of real projects, and text that is no manifest.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod manifests;

use proptest::prelude::*;
use sidebox::cli::documents::document::{Content, Document};
use sidebox::cli::documents::emit::emit;
use sidebox::cli::documents::json::{self, Spacing};
use sidebox::cli::documents::layout::Layout;
use sidebox::cli::documents::parse::{Syntax, parse};
use sidebox::cli::documents::reading::read;
use sidebox::cli::documents::scalar;
use sidebox::cli::documents::source::Source;
use sidebox::cli::documents::template::{objects, pods};
use sidebox::cli::documents::tree::{
    Key, Mapping, Node, Quotes, Scalar, Sequence, Style, Tag, TagKind,
};
use sidebox::cli::documents::write_scalar::quoted;

fn source(text: &str) -> Source {
    Source {
        name: "test.yaml".to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

fn tree(text: &str) -> Node {
    let parsed = parse(text, Syntax::Yaml).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    parsed.root.unwrap_or_else(Node::null)
}

/// The law of writing: what is written reads as the same tree, and its JSON is the same.
fn assert_round_trip(before: &Node) {
    let text = emit(before, Layout::of(before));
    let after = tree(&text);
    assert!(before.same(&after), "\n{text}\n{before:#?}\n{after:#?}");
    let json = |node| json::write(node, &Spacing::Compact);
    assert_eq!(json(before), json(&after), "{text}");
    assert_eq!(emit(&after, Layout::of(&after)), text, "writing is stable");
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z/._$()-]{1,8}",
        2 => "[ -~\n\t]{0,20}",
        2 => "[ab \n#]{0,12}",
        1 => "[0-9.eExXob_:+-]{1,6}",
        1 => "\\PC{0,6}",
        1 => any::<Vec<char>>().prop_map(|chars| chars.into_iter().take(6).collect::<String>()),
        1 => prop_oneof!["---", "\\.\\.\\.", "y", "No", "~", "null", "<<", "=", "", "%A", "2001-01-01", "- a", "a: b", "a #b", "\\?"],
    ]
}

/// A text in a style that can hold it, as a reader would have found it.
fn any_scalar() -> impl Strategy<Value = Scalar> {
    (any_text(), 0..6, any::<bool>()).prop_map(|(text, style, tagged)| {
        let printable =
            |c: char| c == '\n' || c == '\t' || (' '..='~').contains(&c) || c.is_alphanumeric();
        let folds = text.split('\n').all(|line| line.trim() == line);
        let quotes = match style {
            0 if text.chars().all(printable) && folds => Quotes::Single,
            1 => Quotes::Double,
            2 if text.chars().all(printable) => Quotes::Literal,
            3 if text.chars().all(printable) => Quotes::Folded,
            _ => quoted(text.clone(), false).quotes,
        };
        let tag = (tagged && style == 5).then(|| Tag {
            raw: "!!str".to_owned(),
            kind: TagKind::Str,
        });
        Scalar { text, quotes, tag }
    })
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        6 => any_scalar().prop_map(Node::Scalar),
        1 => "(|~|null|true|no|0x1F|\\.5|1e3|0\\.10|-7|08)".prop_map(|text| Node::Scalar(Scalar::plain(text))),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let style = prop_oneof![
            Just(Style::Flow),
            (0u8..5).prop_map(|offset| Style::Block(Some(offset))),
            Just(Style::Block(None))
        ];
        prop_oneof![
            (
                prop::collection::vec((any_text(), inner.clone()), 0..5),
                style.clone()
            )
                .prop_map(|(members, style)| mapping(members, style)),
            (prop::collection::vec(inner, 0..5), style).prop_map(|(items, style)| {
                let node = Node::Sequence(Sequence {
                    style: if items.is_empty() { Style::Flow } else { style },
                    items,
                    tag: None,
                });
                if style == Style::Flow {
                    node.into_flow()
                } else {
                    node
                }
            }),
        ]
    })
}

fn mapping(members: Vec<(String, Node)>, style: Style) -> Node {
    let mut entries: Vec<(Key, Node)> = Vec::new();
    for (name, value) in members {
        let key = scalar::key(quoted(name, true)).unwrap();
        if entries.iter().all(|(other, _)| other.name != key.name) {
            entries.push((key, value));
        }
    }
    let node = Node::Mapping(Mapping {
        style: if entries.is_empty() {
            Style::Flow
        } else {
            style
        },
        entries,
        tag: None,
    });
    if style == Style::Flow {
        node.into_flow()
    } else {
        node
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_written_reads_the_same(node in any_node()) {
        assert_round_trip(&node);
    }

    #[test]
    fn a_new_text_stays_a_text(text in any_text(), in_flow: bool) {
        let scalar = quoted(text.clone(), in_flow);
        prop_assert_eq!(scalar::resolve(&scalar), Ok(scalar::Value::Text(text.into())));
    }

    #[test]
    fn any_bytes_come_out_as_they_went_in(lines in prop::collection::vec(prop_oneof![
        Just(b"---".to_vec()), Just(b"...".to_vec()), Just(b"a: 1".to_vec()), Just(b"- {{ x }}".to_vec()),
        Just(b"{\"a\": 1}{}".to_vec()), Just(b"# c".to_vec()), Just(b"\tx: 'y".to_vec()), Just(b"{\n\"b\":\n[1]} [2".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ], 0..10)) {
        let source = Source { name: "-".to_owned(), bytes: lines.join(&b'\n') };
        let documents = read(&source);
        let raw: Vec<u8> = documents.iter().flat_map(|document| document.raw().to_vec()).collect();
        prop_assert_eq!(&raw, &source.bytes);
        for document in &documents {
            if let Some(tree) = document.tree() {
                let changed = document.patch(&[]);
                if let Ok(changed) = changed {
                    let again = Source { name: "-".to_owned(), bytes: changed.text.into_bytes() };
                    let after: Vec<_> = read(&again).iter().filter_map(|d| d.tree().cloned()).collect();
                    prop_assert!(after.len() == 1 && (document.is_json() || tree.same(&after[0])), "{:?}\n{:?}", tree, String::from_utf8_lossy(&again.bytes));
                }
            }
        }
    }
}

#[test]
fn real_manifests_read_and_write_the_same() {
    let (mut documents, mut found) = (0, 0);
    for source in manifests::all() {
        for document in read(&source) {
            let Content::Value(readable) = &document.content else {
                assert!(
                    matches!(document.content, Content::Empty),
                    "{}: {:?}",
                    source.name,
                    document.content
                );
                continue;
            };
            documents += 1;
            assert_round_trip(&readable.tree);
            let places: Vec<_> = objects(&readable.tree)
                .iter()
                .flat_map(|object| pods(&readable.tree, object, "default"))
                .collect();
            found += places.len();
            for pod in &places {
                assert_additions_go_away(&document, &pod.pointer);
            }
        }
    }
    if !manifests::missing() {
        assert_eq!(
            (documents, found),
            (153, 88),
            "documents and Pods as the corpus' README counts"
        );
    }
}

/// Adding what an injection adds and removing it gives the old tree.
fn assert_additions_go_away(document: &Document<'_>, pod: &str) {
    let Content::Value(readable) = &document.content else {
        return;
    };
    if !readable.duplicates.is_empty() {
        assert!(
            document
                .patch(&[])
                .unwrap_err()
                .to_string()
                .contains("`selector` stands twice")
        );
        return;
    }
    let place = |pointer: &str| readable.tree.at(&format!("{pod}{pointer}"));
    let containers = match place("/spec/containers") {
        Some(Node::Sequence(sequence)) => sequence.items.len(),
        other => panic!("{other:?}"),
    };
    let add = r#"[{"op":"add","path":"/spec/made-up","value":{"a":["5m","yes",{"b":null}],"$(X)":"{\"c\":1}"}},
        {"op":"add","path":"/spec/containers/-","value":{"name":"toolbox","stdin":true,"args":["-c","sleep 1\ntrue"]}}]"#;
    let changed = document.patch(&[(pod, add)]).unwrap();
    let source = source(&changed.text);
    let after = read(&source);
    assert_eq!(after.len(), 1);
    if !document.is_json() {
        assert!(
            changed.tree.same(after[0].tree().unwrap()),
            "{}",
            changed.text
        );
    }
    let remove = format!(
        r#"[{{"op":"remove","path":"/spec/containers/{containers}"}},{{"op":"remove","path":"/spec/made-up"}}]"#
    );
    let back = after[0].patch(&[(pod, &remove)]).unwrap();
    assert!(
        document.is_json() || back.tree.same(&readable.tree),
        "{}",
        back.text
    );
    assert_eq!(
        json::write(&back.tree, &Spacing::Compact),
        json::write(&readable.tree, &Spacing::Compact)
    );
}

#[test]
fn depth_and_aliases_are_bounded() {
    const DEEP: usize = 1_000_000;
    for (open, line) in [
        ("[", 1),
        ("{a: ", 1),
        ("- ", 1),
        ("? ", 1),
        ("{\"a\":", 1),
        ("[{\"a\":", 1),
    ] {
        let error = unreadable(&open.repeat(DEEP));
        assert_eq!(error.0, line, "{open}: {}", error.1);
    }
    let closed = "[".repeat(DEEP) + &"]".repeat(DEEP);
    assert!(
        unreadable(&closed).1.contains("limit"),
        "{:?}",
        unreadable(&closed)
    );
    let mixed = "- ".repeat(200) + &"[".repeat(100) + &"]".repeat(100);
    assert!(unreadable(&mixed).1.contains("256 levels"));

    let laugh = |level: usize| {
        let before = format!("*a{}", level - 1);
        format!(
            "a{level}: &a{level} [{}]\n",
            [before.as_str(); 9].join(", ")
        )
    };
    let laughs = "a0: &a0 [lol]\n".to_owned() + &(1..12).map(laugh).collect::<String>();
    assert!(
        unreadable(&laughs).1.contains("64 MiB"),
        "{:?}",
        unreadable(&laughs)
    );
    assert!(unreadable("a: &a [*a]\n").1.contains("no end"));
    let nest = |level: usize| format!("a{level}: &a{level} [[[[[[[[[*a{}]]]]]]]]]\n", level - 1);
    let nested = "a0: &a0 [1]\n".to_owned() + &(1..40).map(nest).collect::<String>();
    assert!(unreadable(&nested).1.contains("256 levels"));
}

fn unreadable(text: &str) -> (usize, String) {
    let source = source(text);
    let documents = read(&source);
    match &documents[0].content {
        Content::Unreadable(error) => (error.line, error.reason.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broken_document_leaves_its_neighbours() {
    let text = "a: 1\n---\nb: {{ .Values.x }}\nc: [\n---\nd: !!int x\n---\n{\"e\": 1} {\"f\":\n  2}\n---\ng: 1\ng: 2\n";
    let source = source(text);
    let seen: Vec<_> = read(&source)
        .iter()
        .map(|document| match &document.content {
            Content::Value(readable) => {
                format!(
                    "{} {}",
                    document.line,
                    json::write(&readable.tree, &Spacing::Compact)
                )
            }
            Content::Unreadable(error) => format!("{} unreadable", error.line),
            Content::Empty => "empty".to_owned(),
        })
        .collect();
    assert_eq!(
        seen,
        [
            "1 {\"a\":1}",
            "3 unreadable",
            "6 unreadable",
            "8 {\"e\":1}",
            "8 {\"f\":2}",
            "11 {\"g\":2}"
        ]
    );
}

#[test]
fn aliases_merges_and_tags_follow_kubernetes_reader() {
    for (yaml, expected) in [
        (
            "base: &b {x: 1, z: 2}\nc: {x: 9, <<: *b}\nd: {<<: *b, x: 9}\ne: {<<: [*b, {x: 7, q: 1}]}",
            r#"{"base":{"x":1,"z":2},"c":{"x":1,"z":2},"d":{"x":9,"z":2},"e":{"x":1,"q":1,"z":2}}"#,
        ),
        (
            "a: !!binary aGVsbG8=\nb: !foo 3\nc: !!int \"3\"\nd: !!float 3\ne: !!str 3\nf: ! 3\ng: !!bool yes\nh: !!null \"\"",
            r#"{"a":"hello","b":"3","c":3,"d":3,"e":"3","f":"3","g":true,"h":null}"#,
        ),
        ("\"<<\": {a: 1}\na: <<", r#"{"<<":{"a":1},"a":"<<"}"#),
        (
            "a: !!set {b, c}\nd: &d yes\n*d : e\n",
            r#"{"a":{"b":null,"c":null},"d":true,"true":"e"}"#,
        ),
    ] {
        let node = tree(yaml);
        assert_eq!(json::write(&node, &Spacing::Compact), expected);
        assert_round_trip(&node);
    }
}

#[test]
fn long_keys_and_deep_blocks_are_written_so_that_they_can_be_read() {
    let key = "k".repeat(1500);
    assert_round_trip(&tree(&format!("? {key}\n: a: 1\nb: {{? {key} : 2}}\n")));
    let deep: String = (0..200).map(|level| " ".repeat(level) + "a:\n").collect();
    assert_round_trip(&tree(&deep));
}
