//! What becomes of certificates on a node whose clock jumps? The clock that the process sees really does, both ways, by a
//! library between it and the kernel; the API server keeps its time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::apiserver::World;
use crate::house::House;
use crate::webhook::{Sidebox, until};

/// In place of the C library's: the time of day, and the seconds that stand in a file.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (failed || clock != CLOCK_REALTIME) return failed;
    char text[32] = {0};
    int file = open(getenv("SIDEBOX_TEST_CLOCK"), O_RDONLY);
    if (file < 0) return failed;
    if (read(file, text, sizeof text - 1) > 0) time->tv_sec += atol(text);
    close(file);
    return failed;
}
"#;

/// In seconds: an authority for 20, which then stays trusted for 11.
const SHORT: [&str; 6] = [
    "--ca-lifetime",
    "30",
    "--cert-lifetime",
    "6",
    "--ca-margin",
    "5",
];

/// Far beyond the end of every certificate here but the API server's own, without which nobody is heard at all.
const MONTH: i64 = 30 * 86_400;

/// A clock that can be set.
struct Clock {
    folder: TempDir,
}

impl Clock {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let source = folder.path().join("clock.c");
        fs::write(&source, SHIM).unwrap();
        let clock = Self { folder };
        // Rust itself links with it.
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&clock.library(), &source])
            .status();
        assert!(built.unwrap().success(), "cc builds a library");
        clock.set(0);
        clock
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("clock.so")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// Whole or not at all: it is read while it is written.
    fn set(&self, seconds: i64) {
        let unready = self.folder.path().join("offset.new");
        fs::write(&unready, seconds.to_string()).unwrap();
        fs::rename(unready, self.file()).unwrap();
    }
}

/// When it last heard of the API server, by its own clock.
async fn own_time(sidebox: &Sidebox) -> u64 {
    let (_, text) = sidebox.get("/metrics").await;
    let seconds = text.lines().filter_map(|line| {
        line.strip_prefix("sidebox_watch_last_event_timestamp_seconds{")?
            .rsplit_once(' ')?
            .1
            .parse()
            .ok()
    });
    seconds.max().unwrap_or_default()
}

/// The clocks of both replicas go a month forward and back, across changes of the authority: no Pod is missed.
pub(crate) async fn jumps_and_nobody_notices(world: &World) {
    let clock = Clock::new();
    let (library, file) = (clock.library(), clock.file());
    let environment: [(&str, &Path); 2] = [("LD_PRELOAD", &library), ("SIDEBOX_TEST_CLOCK", &file)];
    let house = House::start_in(world, "clock", &SHORT, &environment).await;
    let load = house.load(world);
    let right = own_time(&house.replicas[0]).await;
    for (seconds, what) in [(MONTH, "forward"), (0, "back")] {
        let (authorities, leaves) = (house.done("promote").await, house.done("show").await);
        clock.set(seconds);
        until("another authority signs", async || {
            house.done("promote").await > authorities
        })
        .await;
        let own = own_time(&house.replicas[0]).await.abs_diff(right);
        assert_eq!(
            own > 86_400,
            seconds > 0,
            "the premise: {what}, {own} s off"
        );
        until("both show a certificate of it", async || {
            house.done("show").await >= leaves + 4
        })
        .await;
        println!(
            "a month {what}: {} authorities and {} server certificates since",
            house.done("promote").await - authorities,
            house.done("show").await - leaves
        );
    }
    let (created, missed) = load.stop().await;
    println!(
        "{created} Pods while clocks jumped: {} missed",
        missed.len()
    );
    assert!(missed.is_empty(), "{:?}", missed.first());
}
