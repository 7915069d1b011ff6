//! Where the values behind placeholders come from on a server: variables and files as for every
//! command, and the secrets that the server keeps, encrypted, for objects made through its API.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use syncline_api::EncryptionKeyView;
use syncline_config::{KeptSecret, ObjectName, ProcessSecrets, SecretSource};
use syncline_core::Result;

use crate::keyring::{self, Keyring, Slot};

/// The only workspace there is so far.
const WORKSPACE: &str = "default";
/// Stands for the key of what was never sealed by us; no key has such an id.
const UNREADABLE: &str = "?";

/// Encrypted secrets, by the owner and the path that placeholders name.
pub type Sealed = BTreeMap<(String, String), String>;

/// The secrets of one version of the project: used with its documents alone, so that a new secret does
/// not reach the system of an old document, nor the other way round [S5]. What is kept stays encrypted
/// in memory until it is used.
pub struct ServerSecrets {
    /// `None`: this server can keep no secrets.
    keyring: Option<Arc<Keyring>>,
    sealed: Sealed,
}

impl ServerSecrets {
    pub fn new(keyring: Option<Arc<Keyring>>, sealed: Sealed) -> Self {
        Self { keyring, sealed }
    }

    /// The same keys over what is kept now.
    pub fn with(&self, sealed: Sealed) -> Self {
        Self { keyring: self.keyring.clone(), sealed }
    }

    fn keyring(&self) -> Result<&Keyring> {
        self.keyring.as_deref().ok_or_else(keyring::missing)
    }

    /// Encrypts a secret of an object, for its place in there alone [S4].
    pub fn seal(&self, object: &ObjectName, secret: &KeptSecret) -> Result<String> {
        let owner = object.secrets_owner();
        self.keyring()?.seal(slot(&owner_in_slot(&owner), &secret.path), &secret.value)
    }

    /// Encrypts a secret of an object again, under the newest key; `None` when it is under that one.
    pub fn reseal(&self, object: &ObjectName, path: &str, sealed: &str) -> Result<Option<String>> {
        let owner = object.secrets_owner();
        self.keyring()?.rotate(slot(&owner_in_slot(&owner), path), sealed)
    }

    /// The id of the key that encrypts.
    pub fn newest_key(&self) -> Result<&str> {
        Ok(self.keyring()?.newest())
    }

    /// How many secrets are under which key: the keys that are here, the newest first, then those that
    /// are missing.
    pub fn key_uses(&self) -> Vec<EncryptionKeyView> {
        let here = self.keyring.iter().flat_map(|keyring| keyring.ids());
        let mut keys: Vec<_> =
            here.map(|id| EncryptionKeyView { id: id.into(), secrets: 0, available: true }).collect();
        for text in self.sealed.values() {
            let id = keyring::key_of(text).unwrap_or(UNREADABLE);
            match keys.iter_mut().find(|key| key.id == id) {
                Some(key) => key.secrets += 1,
                None => keys.push(EncryptionKeyView { id: id.into(), secrets: 1, available: false }),
            }
        }
        keys
    }
}

impl SecretSource for ServerSecrets {
    fn env(&self, name: &str) -> Option<String> {
        ProcessSecrets.env(name)
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        ProcessSecrets.file(path)
    }

    fn state(&self, owner: &str, path: &str) -> Result<String, String> {
        let Some(text) = self.sealed.get(&(owner.to_string(), path.to_string())) else {
            return Err(format!("the secret '{path}' of {owner} is not kept here; give it again"));
        };
        let open = |keyring: &Keyring| keyring.open_sealed(slot(&owner_in_slot(owner), path), text);
        self.keyring().and_then(open).map(|secret| secret.to_string()).map_err(|e| match e.help {
            Some(help) => format!("{} ({help})", e.message),
            None => e.message,
        })
    }
}

fn slot<'a>(owner: &'a str, field: &'a str) -> Slot<'a> {
    Slot { workspace: WORKSPACE, owner, field }
}

/// Connections are named alone in placeholders, other objects with their kind.
fn owner_in_slot(owner: &str) -> String {
    if owner.contains(':') { owner.to_string() } else { format!("connections:{owner}") }
}

/// Secrets of a draft before those of the server: they are used once and kept nowhere.
pub struct WithGiven<'a> {
    pub server: &'a dyn SecretSource,
    pub owner: String,
    pub given: Vec<KeptSecret>,
}

impl SecretSource for WithGiven<'_> {
    fn env(&self, name: &str) -> Option<String> {
        self.server.env(name)
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        self.server.file(path)
    }

    fn state(&self, owner: &str, path: &str) -> Result<String, String> {
        let given = self.given.iter().find(|secret| owner == self.owner && secret.path == path);
        match given {
            Some(secret) => Ok(secret.value.clone()),
            None => self.server.state(owner, path),
        }
    }
}
