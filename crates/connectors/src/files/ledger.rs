//! The hidden file beside an object that says who published what.
//!
//! Publishing is one rename, but the run must learn afterwards, even after a crash, whether that
//! rename happened. So before it an *intent* is made durable here: which chunks the new file
//! contains, and the digests of the file before and after. Whoever opens the object next settles
//! the intent by looking at the file. The same file holds the fence of each sync and the token by
//! which a deleted file is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use syncline_connector::{OpenRequest, Recovery};
use syncline_core::{Error, ErrorKind, Result};
use xxhash_rust::xxh3::Xxh3Default;

use super::folder::sync_folder;

const FORMAT: u32 = 1;
/// The token of a file that was there before we first wrote to it.
const ORIGINAL: &str = "original";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    format: u32,
    /// Names the run that made the file; `None` while we have published nothing.
    incarnation: Option<String>,
    /// By sync uid.
    #[serde(default)]
    syncs: BTreeMap<String, SyncEntry>,
    intent: Option<Intent>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SyncEntry {
    /// Sessions with a smaller epoch may no longer publish.
    epoch: u64,
    /// The last run that published.
    run: Option<RunEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RunEntry {
    run_id: String,
    plan_digest: String,
    published: BTreeSet<u32>,
    /// Chunks of an intent that could not be settled: the file was replaced by somebody else.
    unknown: BTreeSet<u32>,
}

/// What is about to be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    sync_uid: String,
    run_id: String,
    plan_digest: String,
    chunks: BTreeSet<u32>,
    incarnation: String,
    before: Option<Digest>,
    after: Digest,
}

/// Identifies a file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub bytes: u64,
    pub xxh3: String,
}

impl Digest {
    /// The digest of the rest of `input`.
    pub fn of(input: &mut impl Read) -> std::io::Result<Self> {
        let mut sink = DigestWriter::new(std::io::sink());
        std::io::copy(input, &mut sink)?;
        Ok(sink.digest())
    }

    /// The digest of the file at `path`; `None` when there is none or it is empty.
    pub fn at(path: &Path) -> std::io::Result<Option<Self>> {
        match File::open(path) {
            Ok(mut file) => Ok(Some(Self::of(&mut file)?).filter(|digest| digest.bytes > 0)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Passes bytes on and digests them.
pub struct DigestWriter<W> {
    out: W,
    hash: Box<Xxh3Default>,
    bytes: u64,
}

impl<W: Write> DigestWriter<W> {
    pub fn new(out: W) -> Self {
        Self { out, hash: Box::new(Xxh3Default::new()), bytes: 0 }
    }

    pub fn digest(&self) -> Digest {
        Digest { bytes: self.bytes, xxh3: format!("{:032x}", self.hash.digest128()) }
    }

    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self { format: FORMAT, incarnation: None, syncs: BTreeMap::new(), intent: None }
    }
}

impl Ledger {
    /// Decides what became of the intent, given the file's content now.
    fn settle(&mut self, current: Option<&Digest>) {
        let Some(intent) = self.intent.take() else { return };
        if current == Some(&intent.after) {
            self.published(intent);
        } else if current != intent.before.as_ref() {
            self.run_entry(&intent).unknown.extend(intent.chunks);
        }
    }

    fn published(&mut self, intent: Intent) {
        self.incarnation = Some(intent.incarnation.clone());
        self.run_entry(&intent).published.extend(intent.chunks);
    }

    fn run_entry(&mut self, intent: &Intent) -> &mut RunEntry {
        self.run_of(&intent.sync_uid, &intent.run_id, &intent.plan_digest)
    }

    /// The entry of a run, which replaces that of an earlier run of the same sync.
    fn run_of(&mut self, sync_uid: &str, run_id: &str, plan_digest: &str) -> &mut RunEntry {
        let sync = self.syncs.entry(sync_uid.to_string()).or_default();
        if sync.run.as_ref().is_some_and(|run| run.run_id != run_id) {
            sync.run = None;
        }
        sync.run.get_or_insert_with(|| RunEntry {
            run_id: run_id.to_string(),
            plan_digest: plan_digest.to_string(),
            published: BTreeSet::new(),
            unknown: BTreeSet::new(),
        })
    }

    /// Records chunks that changed nothing, or whose files were published by themselves.
    pub fn record(&mut self, request: &OpenRequest, chunks: impl IntoIterator<Item = u32>) {
        let (uid, run) = (request.sync_uid.as_str(), request.run_id.as_str());
        self.run_of(uid, run, &request.plan_digest).published.extend(chunks);
    }

    /// Announces the rename that will follow.
    pub fn announce(
        &mut self,
        request: &OpenRequest,
        chunks: impl IntoIterator<Item = u32>,
        before: Option<Digest>,
        after: Digest,
    ) {
        let incarnation = match (&before, &self.incarnation) {
            (None, _) => request.run_id.to_string(),
            (Some(_), Some(known)) => known.clone(),
            (Some(_), None) => ORIGINAL.to_string(),
        };
        self.intent = Some(Intent {
            sync_uid: request.sync_uid.to_string(),
            run_id: request.run_id.to_string(),
            plan_digest: request.plan_digest.clone(),
            chunks: chunks.into_iter().collect(),
            incarnation,
            before,
            after,
        });
    }

    /// The announced rename was made.
    pub fn renamed(&mut self) {
        if let Some(intent) = self.intent.take() {
            self.published(intent);
        }
    }

    pub fn recovery(&self, request: &OpenRequest, chunk: u32) -> Recovery {
        let run = self.syncs.get(request.sync_uid.as_str()).and_then(|sync| sync.run.as_ref());
        match run.filter(|run| run.run_id == request.run_id.as_str()) {
            Some(run) if run.published.contains(&chunk) => Recovery::Committed,
            Some(run) if run.unknown.contains(&chunk) => Recovery::Unknown,
            _ => Recovery::NotApplied,
        }
    }

    /// Refuses a session that another one of the same sync took over from.
    pub fn check_fence(&self, request: &OpenRequest, object: &str) -> Result<()> {
        let held = self.syncs.get(request.sync_uid.as_str()).map_or(0, |sync| sync.epoch);
        if held <= request.epoch {
            return Ok(());
        }
        let message = format!(
            "'{object}' was taken over by epoch {held} of this sync; this is epoch {}",
            request.epoch
        );
        Err(Error::new(ErrorKind::Fenced, message))
    }

    pub fn take_fence(&mut self, request: &OpenRequest) {
        self.syncs.entry(request.sync_uid.to_string()).or_default().epoch = request.epoch;
    }

    /// The token of the file, which is there or not.
    pub fn incarnation(&self, exists: bool) -> String {
        match (&self.incarnation, exists) {
            (Some(token), true) => token.clone(),
            (None, true) => ORIGINAL.to_string(),
            (Some(token), false) => format!("gone after {token}"),
            (None, false) => "none".to_string(),
        }
    }
}

/// Where an object's ledger is.
#[derive(Clone, Debug)]
pub struct LedgerFile {
    folder: PathBuf,
    path: PathBuf,
    /// The file that the ledger is about; its content settles intents.
    object: PathBuf,
}

/// Keeps other processes from publishing into a folder while it lives.
pub struct FolderLock(#[allow(dead_code, reason = "closing it unlocks")] Option<File>);

impl LedgerFile {
    /// The ledger of the file `object`: `.<name>.syncline` beside it.
    pub fn beside(object: &Path) -> Self {
        let folder = object.parent().unwrap_or(Path::new(".")).to_path_buf();
        let name = object.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Self { path: folder.join(format!(".{name}.syncline")), folder, object: object.to_path_buf() }
    }

    /// The ledger of a whole folder, inside it.
    pub fn inside(folder: &Path) -> Self {
        Self {
            path: folder.join(".syncline"),
            folder: folder.to_path_buf(),
            object: folder.join(".syncline"),
        }
    }

    /// Waits for the folder's lock. Where the file system has no locks, only the fence protects.
    pub fn lock(&self) -> Result<FolderLock> {
        if !cfg!(unix) {
            return Ok(FolderLock(None));
        }
        let folder = File::open(&self.folder).map_err(|e| unwritable(&self.folder, e))?;
        match folder.lock() {
            Ok(()) => Ok(FolderLock(Some(folder))),
            Err(e) if e.kind() == std::io::ErrorKind::Unsupported => Ok(FolderLock(None)),
            Err(e) => Err(unwritable(&self.folder, e)),
        }
    }

    /// The ledger with its intent settled; empty when there is none. Writes nothing.
    pub fn load(&self) -> Result<Ledger> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Ledger::default()),
            Err(e) => return Err(unwritable(&self.path, e)),
        };
        let mut ledger: Ledger = serde_json::from_str(&text).map_err(|e| {
            let message = format!("{} is damaged: {e}", self.path.display());
            Error::new(ErrorKind::DestinationUnsuitable, message)
                .help(
                    "restore it together with the file it belongs to, or delete it and start a new baseline",
                )
                .caused_by(e)
        })?;
        if ledger.format > FORMAT {
            let message = format!("{} was written by a newer version of Syncline", self.path.display());
            return Err(Error::new(ErrorKind::DestinationUnsuitable, message).help("upgrade this one"));
        }
        if ledger.intent.is_some() {
            let current = Digest::at(&self.object).map_err(|e| unwritable(&self.object, e))?;
            ledger.settle(current.as_ref());
        }
        Ok(ledger)
    }

    /// Replaces the ledger durably. The caller holds the lock.
    pub fn save(&self, ledger: &Ledger) -> Result<()> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".tmp");
        let text = serde_json::to_string_pretty(ledger)
            .map_err(|e| Error::internal("a ledger cannot be written as JSON").caused_by(e))?;
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)?;
            sync_folder(&self.folder)
        };
        write().map_err(|e| unwritable(&self.path, e))
    }
}

/// An operating system error on a file of the destination.
pub fn unwritable(path: &Path, e: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let message = format!("{}: {e}", path.display());
    match e.kind() {
        Io::PermissionDenied | Io::ReadOnlyFilesystem | Io::NotADirectory | Io::IsADirectory => {
            Error::new(ErrorKind::DestinationUnsuitable, message)
                .help("let Syncline's user read and write this folder")
                .caused_by(e)
        }
        Io::StorageFull | Io::QuotaExceeded => Error::from(e).context(path.display()),
        _ => Error::new(ErrorKind::DestinationUnreachable, message).caused_by(e),
    }
}

/// An error of reading a file, where the file is the destination's.
pub fn as_destination(mut e: Error) -> Error {
    e.kind = match e.kind {
        ErrorKind::SourceUnreachable => ErrorKind::DestinationUnreachable,
        ErrorKind::ModelQueryFailed | ErrorKind::UnsupportedType => ErrorKind::DestinationUnsuitable,
        other => other,
    };
    e
}
