//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use std::io;
use std::path::{Path, PathBuf};

use syncline_connector::Registry;
use syncline_core::cron::Cron;

use crate::SecretSource;

/// What stands between the two documents of [`project`].
pub const SEPARATOR: &[u8] = b"\n=====\n";

/// Loads a project of two documents, `syncline.yaml` and one instance, and makes its connections.
pub fn project(bytes: &[u8], registry: &Registry) {
    let cut = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    let (project, instance) = match cut {
        Some(at) => (&bytes[..at], &bytes[at + SEPARATOR.len()..]),
        None => (bytes, &b""[..]),
    };
    let root = folder();
    std::fs::write(root.join("syncline.yaml"), project).expect("the folder can be written");
    std::fs::write(root.join("syncs/crm.yaml"), instance).expect("the folder can be written");
    match crate::load(&root, None, registry) {
        Err(problems) => {
            assert!(!problems.0.is_empty());
            let _ = problems.render(80, false);
        }
        Ok(project) => {
            for name in project.connections.keys() {
                let _ = project.connection(name, &OneSecret).and_then(|config| registry.connect(&config));
            }
            let _ = project.unresolved_placeholders(&OneSecret);
            for problem in &project.warnings {
                let _ = problem.render(80, false);
            }
        }
    }
}

/// A cron expression.
pub fn cron(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let fires = |cron: Cron| cron.next_after(jiff::civil::date(2026, 1, 31).at(0, 0, 0, 0));
        let _ = Cron::parse(text).map(fires);
    }
}

/// A folder of this process that every call writes anew.
fn folder() -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let number: String = thread.chars().filter(char::is_ascii_digit).collect();
    let root = std::env::temp_dir().join(format!("syncline-fuzz-{}-{number}", std::process::id()));
    std::fs::create_dir_all(root.join("syncs")).expect("the folder can be made");
    root
}

/// Every placeholder has the same value, so that nothing outside is read.
struct OneSecret;

impl SecretSource for OneSecret {
    fn env(&self, _name: &str) -> Option<String> {
        Some("secret".to_string())
    }

    fn file(&self, _path: &Path) -> io::Result<String> {
        Ok("secret".to_string())
    }
}
