//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use std::fs::File;
use std::io::{Seek, Write};

use crate::outcomes;
use crate::plan_file::PlanReader;

/// A stored plan: every chunk it says it has.
pub fn plan_file(bytes: &[u8]) {
    let Ok(mut reader) = PlanReader::open(file_of(bytes)) else { return };
    for number in 0..reader.chunks() {
        if reader.chunk(number).is_err() {
            return;
        }
    }
}

/// The stored outcomes of a chunk.
pub fn outcome_file(bytes: &[u8]) {
    let _ = outcomes::read(file_of(bytes));
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("there is room for a temporary file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("there is room for a temporary file");
    file
}
