#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_connectors::files::fuzzing::csv_file(bytes));
