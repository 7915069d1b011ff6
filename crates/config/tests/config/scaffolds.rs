//! New projects load.

use syncline_config::{SystemKind, load, scaffold};
use syncline_connector::{ConnectorSpec, Registry};

use crate::fixture::{Folder, registry};

/// The connectors of the tests under the names of the real ones that a scaffold uses.
fn real_names() -> Registry {
    let source = registry();
    let mut registry = Registry::default();
    let add = |registry: &mut Registry, base: &str, name: &'static str, schema: fn() -> serde_json::Value| {
        let spec = source.spec(base).unwrap().clone();
        registry.register(ConnectorSpec { type_name: name, options_schema: schema, ..spec }, |_| {
            Ok(syncline_connector::Connection { source: None, destination: None })
        });
    };
    add(&mut registry, "postgres", "postgres", source.spec("postgres").unwrap().options_schema);
    add(&mut registry, "postgres", "sqlite", || {
        serde_json::json!({
            "type": "object", "required": ["path"], "additionalProperties": false,
            "properties": { "path": { "type": "string" }, "create": { "type": "boolean" } },
        })
    });
    add(&mut registry, "folder", "files", source.spec("folder").unwrap().options_schema);
    registry
}

#[test]
fn every_scaffold_is_a_project_without_problems_and_ignores_its_state() {
    for source in SystemKind::ALL {
        for target in SystemKind::ALL {
            let files = scaffold(source, target);
            // A new project has no such folder: its comments name commands.
            assert!(files.iter().all(|file| !file.contents.contains("docs/")), "{source:?} to {target:?}");
            let folder = files
                .into_iter()
                .fold(Folder::new(), |folder, file| folder.file(file.path.to_str().unwrap(), file.contents));
            let project = load(folder.path(), None, &real_names()).unwrap_or_else(|problems| {
                panic!("{source:?} to {target:?}\n{}", problems.render(100, false))
            });
            assert!(project.warnings.is_empty(), "{:?}", project.warnings);
            assert_eq!(project.syncs[0].id.as_str(), "crm.contact");
            assert_eq!(project.syncs[0].to.match_fields, ["external_id"]);
            let ignored = std::fs::read_to_string(folder.path().join(".gitignore")).unwrap();
            assert!(ignored.lines().any(|line| line == ".syncline/"));
        }
    }
}
