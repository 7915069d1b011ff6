#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_core::fuzzing::json_parts(bytes));
