//! How are a list's pages and a watch's lines had from the API server? Requests, deadlines, bounds on
//! bytes. Must not know what stands in them.

use std::time::Duration;

use futures::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use kube::Client;
use kube::api::{ListParams, Request, WatchParams};
use tokio::time::timeout;

use super::problem::Problem;
use crate::cluster::deadline::within;

/// Objects on a page of a list: a few megabytes at the most.
const PAGE: u32 = 250;

/// A page or the head of a watch that takes longer does not come.
const ANSWER: Duration = Duration::from_secs(30);

/// The API server ends a watch after so many seconds.
const WATCH_SECONDS: u32 = 290;

/// It sends a bookmark about every minute: silence means that the connection is dead.
const SILENCE: Duration = Duration::from_secs(150);

/// No object is bigger: etcd takes 1.5 MiB, and old versions are sent alone.
const LINE_BYTES: u64 = 8 << 20;

/// Where a watch gets its texts from.
pub(crate) trait Source {
    /// Lines of a watch.
    type Lines: Lines;

    /// One page of the list, the first or the one that a page before named.
    async fn page(&mut self, next: Option<&str>) -> Result<String, Problem>;

    /// The changes since a version.
    async fn open(&mut self, version: &str) -> Result<Self::Lines, Problem>;
}

/// Lines, one for each event.
pub(crate) trait Lines {
    /// The next one; none when the API server has ended the watch in good order.
    async fn next(&mut self) -> Result<Option<String>, Problem>;
}

/// A kind of object at the API server.
#[derive(Clone)]
pub struct Resource {
    client: Client,
    request: Request,
    list: ListParams,
    metadata_only: bool,
}

impl Resource {
    /// All objects below a path such as `/api/v1/namespaces`.
    pub fn all(client: Client, path: &str) -> Self {
        Self {
            client,
            request: Request::new(path),
            list: ListParams::default().limit(PAGE),
            metadata_only: false,
        }
    }

    /// Only the one of this name, in every namespace that has it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.list = self.list.fields(&format!("metadata.name={name}"));
        self
    }

    /// Only those with these labels.
    #[must_use]
    pub fn labelled(mut self, selector: &str) -> Self {
        self.list = self.list.labels(selector);
        self
    }

    /// Of each object no more than its metadata is sent.
    #[must_use]
    pub fn metadata_only(mut self) -> Self {
        self.metadata_only = true;
        self
    }

    fn watch_params(&self) -> WatchParams {
        WatchParams {
            label_selector: self.list.label_selector.clone(),
            field_selector: self.list.field_selector.clone(),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            send_initial_events: false,
        }
    }
}

impl Source for Resource {
    type Lines = Stream;

    async fn page(&mut self, next: Option<&str>) -> Result<String, Problem> {
        let mut params = self.list.clone();
        params.continue_token = next.map(str::to_owned);
        let request = if self.metadata_only {
            self.request.list_metadata(&params)
        } else {
            self.request.list(&params)
        };
        let request = request.map_err(kube::Error::BuildRequest)?;
        within(ANSWER, self.client.request_text(request)).await
    }

    async fn open(&mut self, version: &str) -> Result<Stream, Problem> {
        let params = self.watch_params();
        let request = if self.metadata_only {
            self.request.watch_metadata(&params, version)
        } else {
            self.request.watch(&params, version)
        };
        let request = request.map_err(kube::Error::BuildRequest)?;
        let lines = within(ANSWER, self.client.request_stream(request)).await?;
        Ok(Stream(Box::pin(lines)))
    }
}

/// The body of a watch.
pub(crate) struct Stream(std::pin::Pin<Box<dyn AsyncBufRead + Send>>);

impl Lines for Stream {
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        let mut line = String::new();
        let mut bounded = (&mut self.0).take(LINE_BYTES);
        let read = timeout(SILENCE, bounded.read_line(&mut line)).await;
        match read {
            Err(_) => Err(Problem::Unreachable("the watch fell silent".into())),
            Ok(Err(error)) => Err(Problem::Unreachable(format!(
                "the watch broke off: {error}"
            ))),
            Ok(Ok(0)) => Ok(None),
            Ok(Ok(_)) if line.ends_with('\n') => Ok(Some(line)),
            Ok(Ok(_)) => Err(Problem::Garbled("an event was cut off".into())),
        }
    }
}
