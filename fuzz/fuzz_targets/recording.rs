//! An event stream on its way into a file: whatever comes, the file is a beginning of it, and ends where it is whole.
#![no_main]

use std::fs::{File, remove_file};
use std::io::{Read, Seek, copy, sink};

use libfuzzer_sys::fuzz_target;
use sidebox::diagnostics::recording::{End, Recording};

/// An empty file without a name, in memory where the machine has that.
fn empty() -> File {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let path = folder.join(format!("sidebox-fuzz-{}", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
    let file = file.expect("a file");
    remove_file(path).expect("our own file");
    file
}

thread_local! {
    static FILE: File = empty();
}

fuzz_target!(|bytes: &[u8]| {
    FILE.with(|file| {
        let mut file = file.try_clone().expect("a second handle");
        file.set_len(0).expect("our own file");
        file.rewind().expect("our own file");
        let mut recording = Recording::new(bytes, file.try_clone().expect("a second handle"));
        assert_eq!(copy(&mut recording, &mut sink()).expect("memory"), bytes.len() as u64);
        let recorded = recording.finish().expect("a file that takes all");
        let mut written = Vec::new();
        file.rewind().expect("our own file");
        file.read_to_end(&mut written).expect("our own file");
        assert_eq!(recorded.bytes, written.len() as u64);
        let kept = match recorded.end {
            End::Cut => &written[..written.len() - 1],
            End::Whole | End::Unknown | End::Full(_) => &written[..],
        };
        assert!(bytes.starts_with(kept));
    });
});
