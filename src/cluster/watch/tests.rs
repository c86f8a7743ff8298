//! The watch against scripted answers: what is told, and what is asked next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::problem::Problem;
use super::{Change, Lines, Source, follow};
use crate::cluster::metrics::WatchMetrics;

/// What the API server does when it is called.
enum Answer {
    Page(Result<Value, Problem>),
    Events(Result<Vec<Result<Value, Problem>>, Problem>),
}

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
    over: Arc<Notify>,
}

struct Events(VecDeque<Result<Value, Problem>>);

impl Script {
    async fn next(&self, asked: String) -> Answer {
        self.asked.lock().unwrap().push(asked);
        let next = self.answers.lock().unwrap().pop_front();
        if let Some(answer) = next {
            return answer;
        }
        self.over.notify_one();
        std::future::pending().await
    }
}

impl Source for Script {
    type Lines = Events;

    async fn page(&mut self, next: Option<&str>) -> Result<String, Problem> {
        let asked = next.map_or_else(|| "list".into(), |next| format!("list {next}"));
        match self.next(asked).await {
            Answer::Page(page) => page.map(|page| page.to_string()),
            Answer::Events(_) => panic!("a list was not expected"),
        }
    }

    async fn open(&mut self, version: &str) -> Result<Events, Problem> {
        match self.next(format!("watch {version}")).await {
            Answer::Events(events) => events.map(|events| Events(events.into())),
            Answer::Page(_) => panic!("a watch was not expected"),
        }
    }
}

impl Lines for Events {
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        let next = self.0.pop_front().transpose()?;
        Ok(next.map(|event| event.to_string() + "\n"))
    }
}

/// Runs the script to its end: what was told, and what was asked.
async fn played(answers: Vec<Answer>) -> (Vec<String>, Vec<String>) {
    let script = Script::default();
    *script.answers.lock().unwrap() = answers.into();
    let mut told = Vec::new();
    let health = WatchMetrics::default().of("namespaces");
    let tell = |change: Change<Value>| {
        told.push(match change {
            Change::Listing => "listing".to_owned(),
            Change::Present(meta, body) => format!("{} {}", meta.name, body["spec"]),
            Change::Gone(meta) => format!("{} is gone", meta.name),
            Change::Listed => "listed".to_owned(),
        });
    };
    tokio::select! {
        never = follow(script.clone(), health, tell) => match never {},
        () = script.over.notified() => {}
    }
    let asked = script.asked.lock().unwrap().clone();
    (told, asked)
}

fn object(name: &str, version: u32, spec: u32) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": version.to_string()}, "spec": spec})
}

fn page(version: u32, next: &str, items: &[Value]) -> Answer {
    let metadata = json!({"resourceVersion": version.to_string(), "continue": next});
    Answer::Page(Ok(json!({"metadata": metadata, "items": items})))
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn away() -> Problem {
    Problem::Unreachable("connection refused".into())
}

#[tokio::test(start_paused = true)]
async fn everything_is_listed_by_pages_then_watched_from_there() {
    let (told, asked) = played(vec![
        page(7, "more", &[object("a", 1, 10)]),
        page(7, "", &[object("b", 2, 20)]),
        Answer::Events(Ok(vec![
            Ok(event("MODIFIED", &object("a", 8, 11))),
            Ok(event("DELETED", &object("b", 9, 20))),
            Ok(event(
                "BOOKMARK",
                &json!({"metadata": {"resourceVersion": "12"}}),
            )),
        ])),
    ])
    .await;
    let wanted = ["listing", "a 10", "b 20", "listed", "a 11", "b is gone"];
    assert_eq!(told, wanted);
    assert_eq!(asked, ["list", "list more", "watch 7", "watch 12"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_changes_nothing_and_is_asked_where_it_stopped() {
    let (told, asked) = played(vec![
        Answer::Page(Err(away())),
        Answer::Page(Err(Problem::Forbidden("no".into()))),
        page(7, "", &[object("a", 1, 10)]),
        Answer::Events(Ok(vec![
            Ok(event("ADDED", &object("b", 8, 20))),
            Err(away()),
        ])),
        Answer::Events(Err(away())),
        Answer::Events(Err(away())),
        Answer::Events(Ok(vec![])),
    ])
    .await;
    let wanted = ["listing", "listing", "listing", "a 10", "listed", "b 20"];
    assert_eq!(told, wanted);
    let wanted = [
        "list", "list", "list", "watch 7", "watch 8", "watch 8", "watch 8", "watch 8",
    ];
    assert_eq!(asked, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_version_is_listed_anew() {
    let gone = json!({"kind": "Status", "code": 410, "message": "too old resource version"});
    let (told, asked) = played(vec![
        page(7, "", &[object("a", 1, 10)]),
        Answer::Events(Ok(vec![Ok(event("ERROR", &gone))])),
        page(20, "more", &[object("b", 19, 20)]),
        Answer::Page(Err(Problem::Expired)),
        page(30, "", &[object("c", 29, 30)]),
        Answer::Events(Err(Problem::Expired)),
        page(40, "", &[]),
    ])
    .await;
    let wanted = [
        "listing", "a 10", "listed", "listing", "b 20", "listing", "c 30", "listed", "listing",
        "listed",
    ];
    assert_eq!(told, wanted);
    let wanted = [
        "list",
        "watch 7",
        "list",
        "list more",
        "list",
        "watch 30",
        "list",
        "watch 40",
    ];
    assert_eq!(asked, wanted);
}

#[derive(serde::Deserialize)]
struct Numbered {
    spec: u32,
}

#[tokio::test(start_paused = true)]
async fn one_object_that_cannot_be_read_does_not_hide_the_others() {
    let script = Script::default();
    let strange = json!({"metadata": {"name": "strange", "resourceVersion": "8"}, "spec": "text"});
    *script.answers.lock().unwrap() = vec![
        page(7, "", &[strange.clone(), object("a", 1, 10)]),
        Answer::Events(Ok(vec![Ok(event("ADDED", &strange))])),
    ]
    .into();
    let mut told = Vec::new();
    let health = WatchMetrics::default().of("namespaces");
    let tell = |change: Change<Numbered>| {
        if let Change::Present(meta, body) = change {
            told.push((meta.name, body.spec));
        }
    };
    tokio::select! {
        never = follow(script.clone(), health, tell) => match never {},
        () = script.over.notified() => {}
    }
    assert_eq!(told, [("a".to_owned(), 10)]);
    assert_eq!(
        *script.asked.lock().unwrap(),
        ["list", "watch 7", "watch 8"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_list_is_asked_again() {
    let (told, asked) = played(vec![Answer::Page(Ok(json!("no list"))), page(7, "", &[])]).await;
    assert_eq!(told, ["listing", "listing", "listed"]);
    assert_eq!(asked, ["list", "list", "watch 7"]);
}
