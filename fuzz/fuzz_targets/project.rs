#![no_main]

use std::sync::LazyLock;

static REGISTRY: LazyLock<syncline_connector::Registry> = LazyLock::new(syncline_connectors::registry);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncline_config::fuzzing::project(bytes, &REGISTRY));
