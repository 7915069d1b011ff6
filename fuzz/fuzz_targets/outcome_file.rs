#![no_main]

// The library that decodes these files panics on some; the product contains that. Only a panic that
// nobody catches ends the fuzzer.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| syncline_engine::fuzzing::outcome_file(bytes)
);
