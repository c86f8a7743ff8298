//! Does every tool beside the trace work where a toolbox stands? What a person types, and what it leaves on the volume. Must not
//! know how the Pod came to be.

use std::fs::{self, File};
use std::io::{BufReader, Read};

use serde_json::Value;
use sidebox::diagnostics::heap;

use crate::reach::{AWAIT, shown};
use crate::world::World;

/// The least objects that a .NET application has.
const FEW: usize = 1_000;

/// Each ends by itself; the process is named, since a toolbox that shares its processes may see others.
const EACH: &str = "\
sidebox counters collect -p $pid --duration 5s --format json -o /data/counters
sidebox gcdump collect -p $pid -o /data/heap.gcdump
sidebox gcdump report /data/heap.gcdump -t sums | head -n 8
for type in Full Heap Triage Mini; do sidebox dump collect -p $pid --type $type -o /data/$type.dmp; done
sidebox doctor -p $pid
find ${TMPDIR:-/tmp} /run/sidebox /proc/$pid/root/tmp -maxdepth 1 -name 'sidebox-*.dmp' 2>/dev/null | sed 's/^/left: /'";

/// Runs all of them in the Pod `app`, and looks from outside at what they made.
pub(crate) fn work(world: &World, namespace: &str) {
    let script = format!(
        "set -e\nTRIES=600\n{AWAIT}\n{}\nsidebox ps\n{EACH}",
        shown("sidebox ps")
    );
    let said = world.exec(namespace, "app", "toolbox", &script);
    assert!(said.contains("HelloAks"), "{said}");
    assert!(!said.contains("BLOCKED"), "{said}");
    assert!(said.contains("Total Bytes"), "{said}");
    assert!(!said.contains("left: "), "no copy stays: {said}");

    let made = |name| world.result(namespace, "app", name);
    let counters = fs::read(made("counters.json")).unwrap();
    let counters: Value = serde_json::from_slice(&counters).unwrap();
    let events = counters["Events"].as_array().unwrap();
    assert!(events.len() >= 27, "{} values: {said}", events.len());
    let file = BufReader::new(File::open(made("heap.gcdump")).unwrap());
    let graph = heap::read(file).unwrap();
    assert!(graph.len() > FEW, "{} objects: {said}", graph.len());
    assert_eq!(graph.unknown_types(), 0, "{said}");
    for name in ["Full.dmp", "Heap.dmp", "Triage.dmp", "Mini.dmp"] {
        let mut start = [0; 4];
        let mut dump = File::open(made(name)).unwrap();
        dump.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"\x7fELF", "{name}: {said}");
    }
}
