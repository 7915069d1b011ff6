//! Whatever is wrong is told with a stable code, its place and what to do, by the right exit code;
//! and once it is repaired, nothing is missing.

#[path = "bad_input/configuration.rs"]
mod configuration;
#[path = "bad_input/sources.rs"]
mod sources;
#[path = "bad_input/state.rs"]
mod state;
#[path = "bad_input/targets.rs"]
mod targets;

use serde_json::Value as Json;
use syncline_tests::project::{Output, Project};

/// Runs the sync, which must end with `code` and an error of the given code whose message or advice
/// has every one of the `words`.
#[track_caller]
fn refused(project: &Project, code: i32, error_code: &str, words: &[&str]) -> Output {
    let output = project.expect(code, &["run", "shop.item"]);
    let error = output.error();
    assert_eq!(error["code"], error_code, "{output}");
    let text = format!("{} {}", text(&error["message"]), text(&error["help"]));
    for word in words {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
    output
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}
