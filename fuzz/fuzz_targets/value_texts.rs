#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_core::fuzzing::value_texts(bytes));
