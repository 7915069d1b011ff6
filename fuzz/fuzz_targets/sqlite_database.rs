#![no_main]

// The library that names columns panics where a name is not UTF-8; the product contains that. Only a
// panic that nobody catches ends the fuzzer.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| syncline_connectors::sqlite::fuzzing::sqlite_database(bytes)
);
