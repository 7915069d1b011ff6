//! Encryption of the secrets that are kept in the state [S4].
//!
//! A secret is sealed for one slot (workspace, connection, field): put into another slot it does not
//! open. The sealed form names its key, so that keys can be replaced one by one.
//!
//! `sl1:<key id>:<base64 of nonce and ciphertext>`: AES-256-GCM-SIV (RFC 8452), which forgives a nonce
//! that is used twice, with a random nonce of 96 bits.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aes_gcm_siv::aead::{Aead, Generate, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Key, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use syncline_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

/// The environment variable with the keys: `id:base64,id:base64`.
pub const KEYS_VARIABLE: &str = "SYNCLINE_ENCRYPTION_KEYS";
/// The file in the state's folder that holds them otherwise.
pub const KEY_FILE: &str = "encryption.key";

const FORMAT: &str = "sl1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const KEY_ID_LENGTH_MAX: usize = 32;
const KEYS_MAX: usize = 32;
/// Longest secret that is sealed, in bytes.
pub const SECRET_BYTES_MAX: usize = 1 << 20;

/// Keys by their ids. The first one seals; all of them open.
pub struct Keyring {
    keys: Vec<NamedKey>,
}

struct NamedKey {
    id: String,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

/// What a secret belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    pub workspace: &'a str,
    /// The connection or notification channel, with its kind: `connection:crm`.
    pub owner: &'a str,
    /// Path of the option: `auth.token`.
    pub field: &'a str,
}

/// Never shows a key.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("ids", &self.ids().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl Keyring {
    /// The keys of a server: those of [`KEYS_VARIABLE`] (`variable` is its value) or else those of the
    /// key file in the state's folder, which is made with a new key when there is none.
    ///
    /// `folder` is `None` for a state that several servers share: each of them needs the same keys,
    /// so the variable is then required (`invalid_config`).
    pub fn open(variable: Option<&str>, folder: Option<&Path>) -> Result<Self> {
        match (variable, folder) {
            (Some(text), _) => Self::parse(text).map_err(|e| e.context(KEYS_VARIABLE)),
            (None, Some(folder)) => Self::from_folder(folder),
            (None, None) => Err(missing()),
        }
    }

    /// Reads `id:base64` pairs, separated by commas or line breaks.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys = Vec::new();
        let mut ids = BTreeSet::new();
        for pair in text.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty()) {
            let key = NamedKey::parse(pair)?;
            if !ids.insert(key.id.clone()) {
                return Err(invalid(format!("the key id '{}' is there twice", key.id)));
            }
            keys.push(key);
        }
        match keys.len() {
            0 => Err(invalid("there is no key")),
            1..=KEYS_MAX => Ok(Self { keys }),
            more => Err(invalid(format!("{more} keys are too many, the most is {KEYS_MAX}"))),
        }
    }

    fn from_folder(folder: &Path) -> Result<Self> {
        let path = folder.join(KEY_FILE);
        if !path.try_exists()? {
            create(folder, &path)?;
        }
        let shown = path.display();
        let mode = std::fs::metadata(&path)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Error::new(ErrorKind::InvalidConfig, format!("others can read or change {shown}"))
                .help(format!("run chmod 600 {shown}; if somebody may have read it, replace the key")));
        }
        let text = Zeroizing::new(std::fs::read_to_string(&path)?);
        Self::parse(&text).map_err(|e| e.context(shown))
    }

    /// The ids of the keys, the sealing one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// The id of the key that seals.
    pub fn newest(&self) -> &str {
        // A keyring is never empty.
        &self.keys[0].id
    }

    /// Seals a secret for its slot.
    pub fn seal(&self, slot: Slot<'_>, secret: &str) -> Result<String> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a secret of {} bytes is too long, the most is {SECRET_BYTES_MAX}", secret.len()),
            ));
        }
        // A keyring is never empty.
        let key = &self.keys[0];
        let nonce = Nonce::generate();
        let payload = Payload { msg: secret.as_bytes(), aad: &associated(&key.id, slot) };
        let sealed =
            key.cipher().encrypt(&nonce, payload).map_err(|_| Error::internal("encryption failed"))?;
        let mut envelope = nonce.to_vec();
        envelope.extend(sealed);
        Ok(format!("{FORMAT}:{}:{}", key.id, STANDARD.encode(envelope)))
    }

    /// Opens what was sealed for the same slot.
    ///
    /// Errors: `secret_required` when its key is not here, `corrupt_state` when it was changed, was
    /// sealed for another slot, or the key is another one of the same id.
    pub fn open_sealed(&self, slot: Slot<'_>, sealed: &str) -> Result<Zeroizing<String>> {
        let damaged = || {
            let Slot { owner, field, .. } = slot;
            Error::new(
                ErrorKind::Corrupt,
                format!("the stored secret '{field}' of {owner} cannot be decrypted"),
            )
            .help("it was changed, or moved here from elsewhere, or its key was replaced; give it again")
        };
        let (id, envelope) = envelope(sealed).ok_or_else(damaged)?;
        let Some(key) = self.keys.iter().find(|key| key.id == id) else {
            let Slot { owner, field, .. } = slot;
            return Err(Error::new(
                ErrorKind::SecretRequired,
                format!(
                    "the secret '{field}' of {owner} was encrypted with the key '{id}', which is not here"
                ),
            )
            .help(format!(
                "put that key back into {KEYS_VARIABLE} or {KEY_FILE}, or give the secret again"
            )));
        };
        let (nonce, message) = envelope.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let nonce = Nonce::try_from(nonce).map_err(|_| damaged())?;
        let payload = Payload { msg: message, aad: &associated(id, slot) };
        let opened = Zeroizing::new(key.cipher().decrypt(&nonce, payload).map_err(|_| damaged())?);
        let text = std::str::from_utf8(&opened).map_err(|_| damaged())?;
        Ok(Zeroizing::new(text.to_string()))
    }

    /// Seals again under the first key; `None` when it is sealed with that one already.
    pub fn rotate(&self, slot: Slot<'_>, sealed: &str) -> Result<Option<String>> {
        let secret = self.open_sealed(slot, sealed)?;
        if key_of(sealed) == Some(self.newest()) {
            return Ok(None);
        }
        self.seal(slot, &secret).map(Some)
    }
}

impl NamedKey {
    fn parse(pair: &str) -> Result<Self> {
        let Some((id, encoded)) = pair.split_once(':') else {
            return Err(invalid("a key is written as id:base64"));
        };
        let is_id = !id.is_empty()
            && id.len() <= KEY_ID_LENGTH_MAX
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !is_id {
            // What stands before the colon may be a piece of a key.
            return Err(invalid("an id of a key has letters, digits, '_' and '-', at most 32"));
        }
        let wrong = || invalid(format!("the key '{id}' is not {KEY_BYTES} bytes in base64"));
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| wrong())?);
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| wrong())?;
        Ok(Self { id: id.into(), key: Zeroizing::new(key) })
    }

    fn generate() -> Self {
        let key = Zeroizing::new(<[u8; KEY_BYTES]>::from(Key::<Aes256GcmSiv>::generate()));
        // Random as well: a key that was made after a loss must not pass for the lost one.
        let id = format!("k{:08x}", rand::random::<u32>());
        Self { id, key }
    }

    /// Made anew each time: no schedule of a key stays in memory.
    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&*self.key).into())
    }
}

/// Makes the key file as a whole or not at all; one that another process made meanwhile stays.
fn create(folder: &Path, path: &Path) -> Result<()> {
    let key = NamedKey::generate();
    let line = Zeroizing::new(format!("{}:{}\n", key.id, STANDARD.encode(*key.key)));
    // Readable by its owner only from the start.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(line.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        other => other.map_err(|e| e.error)?,
    };
    std::fs::File::open(folder)?.sync_all()?;
    tracing::info!(file = %path.display(), "made a key that encrypts secrets in the state; keep a copy of it");
    Ok(())
}

/// The id of the key that something was sealed with; `None` when it is not in the sealed form.
pub fn key_of(sealed: &str) -> Option<&str> {
    split(sealed).map(|(id, _)| id)
}

/// Key id and bytes of a sealed secret.
fn envelope(sealed: &str) -> Option<(&str, Vec<u8>)> {
    let (id, encoded) = split(sealed)?;
    Some((id, STANDARD.decode(encoded).ok()?))
}

/// Key id and encoded bytes.
fn split(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(FORMAT)?.strip_prefix(':')?.split_once(':')
}

/// What has to be the same when a secret is opened, each part with its length before it.
fn associated(key_id: &str, slot: Slot<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [FORMAT, key_id, slot.workspace, slot.owner, slot.field] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

/// The error where several servers share a state and have no keys.
pub fn missing() -> Error {
    let message =
        format!("the environment variable {KEYS_VARIABLE} is required to keep secrets in PostgreSQL");
    Error::new(ErrorKind::InvalidConfig, message).help(format!(
        "set it to the same value for every server, for example {KEYS_VARIABLE}=k1:$(openssl rand -base64 32)"
    ))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message).help(
        "write keys as id:base64 of 32 random bytes (openssl rand -base64 32), the one that encrypts first",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot<'static> = Slot { workspace: "default", owner: "connection:crm", field: "password" };
    const CANARY: &str = "c4n4ry-s3cret";

    fn key(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; KEY_BYTES]))
    }

    fn ring(pairs: &[String]) -> Keyring {
        Keyring::parse(&pairs.join(",")).unwrap()
    }

    fn kind<T>(result: Result<T>) -> ErrorKind {
        result.err().expect("an error").kind
    }

    #[test]
    fn a_secret_opens_in_its_slot_and_in_no_other() {
        let ring = ring(&[key("a", 1)]);
        let sealed = ring.seal(SLOT, CANARY).unwrap();
        assert!(sealed.starts_with("sl1:a:") && !sealed.contains(CANARY), "{sealed}");
        assert_eq!(*ring.open_sealed(SLOT, &sealed).unwrap(), CANARY);
        let others = [
            Slot { workspace: "other", ..SLOT },
            Slot { owner: "connection:erp", ..SLOT },
            Slot { field: "token", ..SLOT },
            // The same letters, divided otherwise.
            Slot { workspace: "defaultc", owner: "onnection:crm", ..SLOT },
        ];
        for slot in others {
            assert_eq!(kind(ring.open_sealed(slot, &sealed)), ErrorKind::Corrupt, "{slot:?}");
        }
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time() {
        let ring = ring(&[key("a", 1)]);
        let sealed: BTreeSet<_> = (0..100).map(|_| ring.seal(SLOT, CANARY).unwrap()).collect();
        assert_eq!(sealed.len(), 100);
        assert_eq!(*ring.open_sealed(SLOT, &ring.seal(SLOT, "").unwrap()).unwrap(), "");
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let ring = ring(&[key("a", 1), key("b", 1)]);
        let sealed = ring.seal(SLOT, CANARY).unwrap();
        let (_, bytes) = envelope(&sealed).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = format!("sl1:a:{}", STANDARD.encode(changed));
            assert_eq!(kind(ring.open_sealed(SLOT, &changed)), ErrorKind::Corrupt, "bit {bit}");
        }
        // The id of another key with the same bytes is a change too.
        let renamed = sealed.replacen("sl1:a:", "sl1:b:", 1);
        let shorter = format!("sl1:a:{}", STANDARD.encode(&bytes[..NONCE_BYTES - 1]));
        let later_format = sealed.replacen("sl1", "sl2", 1);
        for wrong in [&renamed, &shorter, &later_format, "", "sl1:a:", "sl1:a", "sl1:a:?", CANARY] {
            assert_eq!(kind(ring.open_sealed(SLOT, wrong)), ErrorKind::Corrupt, "{wrong}");
        }
    }

    #[test]
    fn a_wrong_or_missing_key_opens_nothing() {
        let sealed = ring(&[key("a", 1)]).seal(SLOT, CANARY).unwrap();
        assert_eq!(kind(ring(&[key("a", 2)]).open_sealed(SLOT, &sealed)), ErrorKind::Corrupt);
        let error = ring(&[key("b", 1)]).open_sealed(SLOT, &sealed).err().unwrap();
        assert_eq!(error.kind, ErrorKind::SecretRequired);
        assert!(error.message.contains("'a'") && error.message.contains("connection:crm"), "{error}");
    }

    #[test]
    fn rotation_moves_secrets_to_the_first_key_and_old_ones_open_meanwhile() {
        let sealed = ring(&[key("old", 1)]).seal(SLOT, CANARY).unwrap();
        let both = ring(&[key("new", 2), key("old", 1)]);
        assert_eq!(*both.open_sealed(SLOT, &sealed).unwrap(), CANARY);
        let rotated = both.rotate(SLOT, &sealed).unwrap().expect("it has the old key");
        assert!(rotated.starts_with("sl1:new:"), "{rotated}");
        assert_eq!(both.rotate(SLOT, &rotated).unwrap(), None);
        let new = ring(&[key("new", 2)]);
        assert_eq!(*new.open_sealed(SLOT, &rotated).unwrap(), CANARY);
        assert!(new.open_sealed(SLOT, &sealed).is_err());
        assert!(
            both.rotate(Slot { field: "token", ..SLOT }, &sealed).is_err(),
            "a swapped one does not rotate"
        );
    }

    #[test]
    fn wrong_keys_are_told_without_showing_them() {
        let short = STANDARD.encode([7; 16]);
        let twice = format!("{},{}", key("a", 1), key("a", 2));
        let many = (0..=KEYS_MAX).map(|n| key(&format!("k{n}"), 1)).collect::<Vec<_>>().join(",");
        for wrong in ["", ",", CANARY, &format!("a:{CANARY}"), &format!("a:{short}"), &twice, &many, "é:x"] {
            let error = Keyring::open(Some(wrong), None).err().unwrap_or_else(|| panic!("{wrong}"));
            assert_eq!(error.kind, ErrorKind::InvalidConfig, "{wrong}");
            let told = format!("{error:?}");
            assert!(told.contains(KEYS_VARIABLE), "{told}");
            assert!(!told.contains(CANARY) && !told.contains(&short), "{told}");
        }
    }

    #[test]
    fn a_shared_state_needs_the_variable() {
        let error = Keyring::open(None, None).err().unwrap();
        assert!(error.message.contains(KEYS_VARIABLE) && error.message.contains("PostgreSQL"), "{error}");
        assert!(Keyring::open(Some(&key("a", 1)), None).is_ok());
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keyring::open(None, Some(folder.path())).unwrap();
        let sealed = first.seal(SLOT, CANARY).unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = Keyring::open(None, Some(folder.path())).unwrap();
        assert_eq!(*second.open_sealed(SLOT, &sealed).unwrap(), CANARY);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let other = tempfile::tempdir().unwrap();
        let other = Keyring::open(None, Some(other.path())).unwrap();
        assert!(other.open_sealed(SLOT, &sealed).is_err(), "every folder has its own key");
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Keyring::open(None, Some(folder.path())).unwrap();
        let path = folder.path().join(KEY_FILE);
        for mode in [0o644, 0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = Keyring::open(None, Some(folder.path())).err().unwrap();
            assert_eq!(error.kind, ErrorKind::InvalidConfig, "{mode:o}");
            assert!(error.help.as_deref().unwrap().contains("chmod 600"), "{error:?}");
        }
    }

    #[test]
    fn nothing_shows_a_key_or_a_secret() {
        let ring = ring(&[key("a", 42)]);
        let encoded = STANDARD.encode([42; KEY_BYTES]);
        let sealed = ring.seal(SLOT, CANARY).unwrap();
        let error = ring.open_sealed(Slot { field: "token", ..SLOT }, &sealed).err().unwrap();
        let shown = format!("{ring:?} {ring:#?} {error:?} {error}");
        assert!(shown.contains("\"a\""), "{shown}");
        for hidden in [CANARY, &encoded, "42, 42", &sealed] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }
}
