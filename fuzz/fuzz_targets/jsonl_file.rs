#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_connectors::files::fuzzing::jsonl_file(bytes));
