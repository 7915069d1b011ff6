#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_connectors::postgres::fuzzing::copy_stream(bytes));
