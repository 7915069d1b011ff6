#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_connectors::files::fuzzing::ledger_file(bytes));
