//! Which files of the server's machine a connection made through the API may name [S7].
//!
//! Whoever may call the API may not thereby read and write every file that the server's process can.
//! The state's folder is refused in any case: the keys that encrypt secrets are in there.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::node::Node;
use crate::project::Settings;
use crate::source::Findings;

/// Keyword of an option's schema: its value is a path on this machine.
const PATH: &str = "x-path";
/// Keyword of an option's schema: its value is a URL, and these of its parameters are such paths.
const PATH_PARAMETERS: &str = "x-path-parameters";

pub(crate) struct LocalPaths {
    root: PathBuf,
    folders: Vec<PathBuf>,
    state: PathBuf,
}

impl LocalPaths {
    pub fn of(root: &Path, settings: &Settings) -> Self {
        let folders = settings.server.api_paths.iter().map(|folder| root.join(folder)).collect();
        Self { root: root.to_path_buf(), folders, state: root.join(&settings.state) }
    }

    /// Reports options of a connection that name files it may not use. Options that are paths stand at
    /// the top of a connector's schema.
    pub fn check(&self, connection: &Node, schema: &Json, findings: &mut Findings) {
        for (name, option) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            let Some(node) = connection.get(name) else { continue };
            let Some(text) = node.text() else { continue };
            let mut paths = Vec::new();
            if option.get(PATH).and_then(Json::as_bool) == Some(true) {
                paths.push(text.to_string());
            }
            let parameters = option.get(PATH_PARAMETERS).and_then(Json::as_array).into_iter().flatten();
            for parameter in parameters.filter_map(Json::as_str) {
                paths.extend(parameter_values(text, parameter));
            }
            for refused in paths.iter().filter_map(|path| self.refusal(path)) {
                findings.error(node.span, "path_not_allowed", refused.message).help(refused.help);
            }
        }
    }

    fn refusal(&self, path: &str) -> Option<Refusal> {
        let refused = |message: String| {
            let help = "name one below the project's folder, or list its folder in settings.server.api_paths";
            Some(Refusal { message, help })
        };
        if path.contains("${") {
            return refused("what is made through the API writes its paths out".into());
        }
        let Ok(there) = resolved(&self.root.join(path)) else {
            return refused(format!("it cannot be told where '{path}' is"));
        };
        // A folder around the state has the state in it.
        if let Ok(state) = resolved(&self.state)
            && (there.starts_with(&state) || state.starts_with(&there))
        {
            let help = "name a file or folder beside the state's";
            let message = format!("'{path}' would reach the server's own state");
            return Some(Refusal { message, help });
        }
        let is_below = |folder: &PathBuf| resolved(folder).is_ok_and(|folder| there.starts_with(folder));
        if self.folders.iter().any(is_below) {
            return None;
        }
        refused(format!("connections made through the API may not use '{path}'"))
    }
}

struct Refusal {
    message: String,
    help: &'static str,
}

/// Where a path leads, links followed; its last parts need not exist. An error when a part that does
/// not exist is gone back from, or is a link to nothing: it would lead elsewhere once there is something.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut there = std::path::absolute(path)?;
    let mut missing = Vec::new();
    loop {
        match there.canonicalize() {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |path, part| path.join(part))),
            Err(e) if e.kind() == io::ErrorKind::NotFound && there.symlink_metadata().is_err() => {
                let Some(part) = there.file_name() else { return Err(e) };
                missing.push(part.to_os_string());
                there.pop();
            }
            Err(e) => return Err(e),
        }
    }
}

/// The values of a URL's parameter, however its name and value are escaped.
fn parameter_values(url: &str, name: &str) -> Vec<String> {
    let Some((_, query)) = url.split_once('?') else { return Vec::new() };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = pairs.map(|(key, value)| (unescaped(key), unescaped(value)));
    decoded.filter(|(key, _)| key == name).map(|(_, value)| value).collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_escaped() {
        for url in ["postgres://h/d?a=1&sslrootcert=/etc/x", "postgres://h?ssl%72ootcert=%2fetc%2Fx"] {
            assert_eq!(parameter_values(url, "sslrootcert"), ["/etc/x"], "{url}");
        }
        assert!(parameter_values("postgres://h/sslrootcert=/etc/x", "sslrootcert").is_empty());
        assert_eq!(unescaped("a%2"), "a%2");
    }
}
