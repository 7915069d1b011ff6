#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_connectors::sqlite::fuzzing::sqlite_values(bytes));
