//! The rules of the workspace's layout, checked against what cargo knows.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Which workspace crates each crate may depend on. A crate that is not here is not a crate yet.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("config", &["core", "connector"]),
    ("connector", &["core"]),
    ("connectors", &["core", "connector"]),
    ("expr", &["core"]),
    ("snapshot", &["core"]),
    ("store", &["core"]),
    ("engine", &["core", "connector", "expr", "snapshot", "store"]),
    ("scheduler", &["core", "store"]),
    ("http", &["core", "connector"]),
    ("api", &["core", "store"]),
    (
        "server",
        &["core", "api", "config", "connector", "connectors", "engine", "expr", "http", "scheduler", "store"],
    ),
    (
        "cli",
        &[
            "core",
            "api",
            "config",
            "connector",
            "connectors",
            "engine",
            "expr",
            "http",
            "scheduler",
            "server",
            "store",
        ],
    ),
    ("tests", &[]),
    ("bench", &["tests"]),
];

fn metadata() -> serde_json::Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// Workspace dependencies of each crate, development ones left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let short = |name: &str| name.strip_prefix("syncline-").map(str::to_string);
    let of = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        let normal = dependencies.iter().filter(|d| d["kind"].as_str() != Some("dev"));
        normal.filter_map(|d| short(d["name"].as_str().unwrap())).collect::<BTreeSet<_>>()
    };
    packages.iter().filter_map(|p| Some((short(p["name"].as_str().unwrap())?, of(p)))).collect()
}

#[test]
fn crates_depend_only_on_the_crates_they_may() {
    for (name, found) in dependencies() {
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(crate_name, _)| *crate_name == name)
            .unwrap_or_else(|| panic!("say in this test what the new crate '{name}' may depend on"));
        let excess: Vec<_> = found.iter().filter(|d| !allowed.contains(&d.as_str())).collect();
        assert!(excess.is_empty(), "{name} must not depend on {excess:?}");
    }
}

/// Third-party libraries that exactly one crate may name.
#[test]
fn a_library_with_one_job_is_named_by_one_crate() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let library = dependency["name"].as_str().unwrap();
            if library.starts_with("datafusion") {
                assert_eq!(name, "syncline-expr", "only expr names DataFusion");
            }
            if library.starts_with("opentelemetry") {
                let of_traces = ["syncline-server", "syncline-tests"];
                assert!(of_traces.contains(&name), "{name}: only the server names {library}");
            }
            if library == "clap" || library == "indicatif" {
                let programs = ["syncline-cli", "syncline-bench"];
                assert!(programs.contains(&name), "{name}: only a command line names {library}");
            }
        }
    }
}

/// Files about one subject stay short enough to read in one go.
#[test]
fn no_source_file_has_grown_past_its_subject() {
    const LINES_MAX: usize = 800;
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut folders = vec![root.join("crates"), root.join("tests"), root.join("bench")];
    let mut long = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && path.components().any(|c| c.as_os_str() == "src")
            {
                let lines = std::fs::read_to_string(&path).unwrap().lines().count();
                if lines > LINES_MAX {
                    long.push(format!("{} has {lines} lines", path.display()));
                }
            }
        }
    }
    assert!(long.is_empty(), "split by subject: {long:?}");
}
