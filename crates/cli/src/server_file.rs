//! How commands find the server that runs on the same state: a file in the state folder.
//!
//! It holds the address and a token that ends with the server. Whoever can read it can read the state,
//! too, so it gives nobody anything new; the file is its owner's alone all the same.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use syncline_core::{Error, ErrorKind, Result};

const NAME: &str = "server.json";

/// The file, as long as the server runs.
pub struct ServerFile {
    path: PathBuf,
    text: String,
}

#[derive(Serialize, Deserialize)]
pub struct RunningServer {
    pub url: String,
    pub token: String,
}

impl ServerFile {
    pub fn write(folder: &Path, url: &str, token: &str) -> Result<Self> {
        let path = folder.join(NAME);
        let text = serde_json::to_string(&RunningServer { url: url.into(), token: token.into() })
            .map_err(|e| Error::internal(e.to_string()))?;
        std::fs::create_dir_all(folder).map_err(|e| Error::from(e).context(folder.display()))?;
        let _ = std::fs::remove_file(&path);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|e| Error::from(e).context(path.display()))?;
        Ok(Self { path, text })
    }

    /// The server that said last that it runs on this state. It may be gone without having said so.
    pub fn read(folder: &Path) -> Result<Option<RunningServer>> {
        let path = folder.join(NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|e| {
                Error::new(ErrorKind::Corrupt, format!("{}: {e}", path.display()))
                    .help("remove the file if no server runs")
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::from(e).context(path.display())),
        }
    }
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        // One that stays is noticed when nobody answers there. Another server over a shared state may
        // have put its own in the place of this one.
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
