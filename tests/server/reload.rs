//! Certificates that change while the server runs: in place, by symlink as the kubelet does it,
//! to something broken and back.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sidebox::pki::Leaf;
use tempfile::TempDir;

use crate::harness::{Running, Wanted, authority, limits, localhost, until};
use crate::load::{Endpoint, Load};

const LOADED: &str = "sidebox_reloads_total{file=\"certificate\",result=\"loaded\"}";
const FAILED: &str = "sidebox_reloads_total{file=\"certificate\",result=\"failed\"}";

async fn shown(server: &Running) -> Vec<u8> {
    server.connect().await.server_certificate()
}

/// Puts a pair where the server looks, as an editor or a copy would.
fn put(server: &Running, leaf: &Leaf) {
    fs::write(server.dir.path().join("tls.crt"), &leaf.cert_pem).unwrap();
    fs::write(server.dir.path().join("tls.key"), &leaf.key_pem).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_change_under_load_and_no_call_fails() {
    let server = Running::start(limits()).await;
    let endpoint = Endpoint {
        addr: server.webhook,
        ca_pem: server.ca.cert_pem(),
    };
    let load = Load::start(8, endpoint);
    for _ in 0..10 {
        let before = (shown(&server).await, load.answered());
        put(&server, &localhost(&server.ca));
        let changed = async || shown(&server).await != before.0 && load.answered() > before.1 + 100;
        assert!(
            until(changed).await,
            "the new certificate was never shown under load"
        );
    }
    let (answered, failures) = load.stop().await;
    assert!(
        failures.is_empty(),
        "{} of {answered} failed: {failures:?}",
        failures.len()
    );
    assert!(server.metric(LOADED).await >= 10);
}

/// The layout of a mounted Secret: files are links through `..data` to a folder by time.
struct Secret {
    dir: TempDir,
}

impl Secret {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// As the kubelet's atomic writer: new folder, new link, rename, old folder gone.
    fn swap(&self, generation: &str, leaf: &Leaf) {
        let folder = self.path(generation);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("tls.crt"), &leaf.cert_pem).unwrap();
        fs::write(folder.join("tls.key"), &leaf.key_pem).unwrap();
        let old = fs::read_link(self.path("..data")).ok();
        symlink(generation, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        if let Some(old) = old {
            fs::remove_dir_all(self.path(old.to_str().unwrap())).unwrap();
        }
    }
}

#[tokio::test]
async fn a_secrets_symlink_swap_is_seen_every_time() {
    let (ca, secret) = (authority(), Secret::new());
    secret.swap("..2026_01", &localhost(&ca));
    let files = Some((secret.path("tls.crt"), secret.path("tls.key")));
    let wanted = Wanted {
        limits: limits(),
        files,
        ..Wanted::default()
    };
    let server = Running::start_with(ca, wanted).await;
    for generation in ["..2026_02", "..2026_03", "..2026_04"] {
        let before = shown(&server).await;
        secret.swap(generation, &localhost(&server.ca));
        assert!(
            until(async || shown(&server).await != before).await,
            "{generation} never shown"
        );
    }
    assert_eq!(server.metric(FAILED).await, 0);
}

#[tokio::test]
async fn a_broken_pair_keeps_the_old_one_and_is_counted_once() {
    let server = Running::start(limits()).await;
    let before = shown(&server).await;
    let key = server.dir.path().join("tls.key");
    let good = fs::read(&key).unwrap();
    let breakages = [
        localhost(&server.ca).key_pem.into_bytes(),
        b"no key".to_vec(),
        Vec::new(),
    ];
    for (count, broken) in (1..).zip(breakages) {
        fs::write(&key, broken).unwrap();
        server.metric_becomes(FAILED, count).await;
        assert_eq!(shown(&server).await, before);
    }
    fs::remove_file(&key).unwrap();
    server.metric_becomes(FAILED, 4).await;
    assert_eq!(shown(&server).await, before);
    fs::write(&key, good).unwrap();
    server.metric_becomes(LOADED, 1).await;
    put(&server, &localhost(&server.ca));
    assert!(until(async || shown(&server).await != before).await);
}

#[tokio::test]
async fn a_connection_survives_the_change_of_the_certificate() {
    let server = Running::start(limits()).await;
    let mut kept = server.connect().await;
    assert_eq!(kept.post("/mutate", b"{}").await.unwrap().status, 200);
    let before = shown(&server).await;
    put(&server, &localhost(&server.ca));
    assert!(until(async || shown(&server).await != before).await);
    assert_eq!(kept.post("/mutate", b"{}").await.unwrap().status, 200);
}
