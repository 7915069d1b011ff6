//! Files as objects in a bucket of an S3-compatible store, with copies here.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    WriteMultipart,
};
use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Result};
use tokio::task::AbortHandle;

use super::bridge::Bridge;
use super::cache::Cache;
use super::faults::{damaged, io_error, store_error};
use super::folder::{self, Folder};
use super::location::Place;
use super::writer::FileWriter;

/// Larger files are sent and fetched in parts of this size. S3 takes no smaller ones than 5 MiB, except
/// the last (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const PART_BYTES: u64 = 8 << 20;
/// S3 takes no more than 10,000 parts of one object; of larger files, parts are larger.
const PARTS_MAX: u64 = 10_000;
/// Parts on their way at once. They are in memory.
const PARTS_AT_ONCE: usize = 3;
/// Objects that are being removed at once.
const REMOVED_AT_ONCE: usize = 8;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A part takes no longer: at 140 kB a second it is through.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const RETRIES_MAX: usize = 10;
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    bridge: Bridge,
    /// `s3://bucket/prefix`, for messages.
    name: String,
    prefix: String,
    copies: Folder,
    cache: Cache,
}

/// An object below the prefix.
pub(super) struct Found {
    object: ObjectPath,
    /// Its path as the state knows it.
    pub path: String,
    pub written: SystemTime,
}

impl Bucket {
    pub fn at(place: &Place, copies: Folder, cache_bytes: u64) -> Result<Self> {
        let prefix = place.prefix.clone();
        let name =
            if prefix.is_empty() { place.bucket.clone() } else { format!("{}/{prefix}", place.bucket) };
        let bucket = Self {
            store: Arc::new(client(place)?),
            bridge: Bridge::start()?,
            name: format!("s3://{name}"),
            prefix,
            cache: Cache::open(copies.root(), cache_bytes)?,
            copies,
        };
        bucket.check()?;
        Ok(bucket)
    }

    /// What a file is called in messages.
    pub fn name_of(&self, path: &str) -> String {
        format!("{}/{path}", self.name)
    }

    /// Stores a finished file. When this returns it is there for everybody.
    pub fn upload(&self, from: &Path, path: &str, bytes: u64) -> Result<()> {
        let (object, name) = (self.object(path)?, self.name_of(path));
        let (store, from) = (self.store.clone(), from.to_path_buf());
        self.bridge.wait(async move {
            // Asked, not made a condition of the request: sent again after a lost reply, the request
            // would fail because of itself. Names are random, so nobody else is writing this one.
            match store.head(&object).await {
                Ok(_) => return Err(folder::exists(&name)),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(store_error("write", &name, e)),
            }
            send(&store, &from, &object, bytes, &name).await
        })?
    }

    /// Counts a copy that was made here.
    pub fn copy_added(&self, bytes: u64) -> Result<()> {
        self.cache.added(bytes)
    }

    /// Opens the copy of a file, which is fetched if there is none.
    pub fn open(&self, file: &FileRef) -> Result<File> {
        match self.copies.find(file)? {
            Some(open) => {
                // The time of the last use decides which copies stay. One that cannot be told is old.
                let _ = open.set_modified(SystemTime::now());
                Ok(open)
            }
            None => self.download(file),
        }
    }

    /// Fetches a file, compares it with its length and checksum, and keeps a copy.
    pub fn download(&self, file: &FileRef) -> Result<File> {
        let (object, name) = (self.object(&file.path)?, self.name_of(&file.path));
        let path = self.copies.path_of(&file.path)?;
        let mut copy = FileWriter::begin(&self.copies, &file.path, path, None)?;
        let (store, told) = (self.store.clone(), name.clone());
        let bytes = file.bytes;
        let copy = self.bridge.wait(async move {
            fetch(&store, &object, bytes, &told, &mut copy).await?;
            Ok::<_, Error>(copy)
        })??;
        let (bytes, _, open) = copy.finish_copy(file)?;
        let open = open.ok_or_else(|| damaged(&name, "does not have the checksum it was written with"))?;
        self.cache.added(bytes)?;
        Ok(open)
    }

    /// Removes an object; a missing one is fine.
    pub fn remove(&self, path: &str) -> Result<()> {
        let (object, name) = (self.object(path)?, self.name_of(path));
        let store = self.store.clone();
        self.bridge.wait(async move {
            match store.delete(&object).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(e) => Err(store_error("remove", &name, e)),
            }
        })?
    }

    /// Removes old objects that `live` does not name. The store's clock says how old they are.
    pub fn remove_unreferenced(&self, live: &[String], old: &dyn Fn(SystemTime) -> bool) -> Result<u64> {
        let live: HashSet<&str> = live.iter().map(String::as_str).collect();
        let mut found = self.list("")?;
        // What lies in the root itself is not ours.
        found.retain(|f| f.path.contains('/') && !live.contains(f.path.as_str()) && old(f.written));
        let removed = found.len() as u64;
        let (store, name) = (self.store.clone(), self.name.clone());
        self.bridge.wait(async move {
            let removals = stream::iter(found).map(|found| {
                let store = store.clone();
                async move { store.delete(&found.object).await }
            });
            removals
                .buffer_unordered(REMOVED_AT_ONCE)
                .try_collect::<()>()
                .await
                .map_err(|e| store_error("remove files below", &name, e))
        })??;
        Ok(removed)
    }

    /// Objects below a folder of the prefix; below the prefix itself if it is empty.
    pub fn list(&self, folder: &str) -> Result<Vec<Found>> {
        let below =
            ObjectPath::parse(format!("{}/{folder}", self.prefix).trim_matches('/')).map_err(bad_path)?;
        let (store, name) = (self.store.clone(), self.name.clone());
        let listed: Vec<_> = self.bridge.wait(async move {
            store.list(Some(&below)).try_collect().await.map_err(|e| store_error("list", &name, e))
        })??;
        let start = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let found = listed.into_iter().filter_map(|meta| {
            let path = meta.location.as_ref().get(start..)?.to_string();
            Some(Found { object: meta.location, path, written: meta.last_modified.into() })
        });
        Ok(found.collect())
    }

    /// Writes an empty object, or writes it anew.
    pub fn write_empty(&self, path: &str) -> Result<()> {
        let (object, name) = (self.object(path)?, self.name_of(path));
        let store = self.store.clone();
        self.bridge.wait(async move {
            let written = store.put(&object, PutPayload::default()).await;
            written.map(drop).map_err(|e| store_error("write", &name, e))
        })?
    }

    /// Writes an empty object anew from time to time, until told to stop.
    pub fn renew_every(&self, period: Duration, path: &str) -> Option<AbortHandle> {
        let object = self.object(path).ok()?;
        let store = self.store.clone();
        self.bridge.begin(async move {
            loop {
                tokio::time::sleep(period).await;
                // A failure is made good by the next one.
                let _ = store.put(&object, PutPayload::default()).await;
            }
        })
    }

    /// A bucket that is missing, closed to us or out of reach is told at once, not in the middle of a run.
    fn check(&self) -> Result<()> {
        let below = ObjectPath::parse(&self.prefix).map_err(bad_path)?;
        let (store, name) = (self.store.clone(), self.name.clone());
        self.bridge.wait(async move {
            match store.list(Some(&below)).try_next().await {
                Ok(_) => Ok(()),
                Err(e) => Err(store_error("use", &name, e)),
            }
        })?
    }

    fn object(&self, path: &str) -> Result<ObjectPath> {
        ObjectPath::parse(format!("{}/{path}", self.prefix).trim_start_matches('/')).map_err(bad_path)
    }
}

impl std::fmt::Debug for Bucket {
    /// The client holds secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

fn client(place: &Place) -> Result<AmazonS3> {
    // Ring is the one library for TLS; it fails if this process chose before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let timeouts = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout(REQUEST_TIMEOUT);
    let retries = RetryConfig {
        backoff: BackoffConfig { init_backoff: RETRY_PAUSE, max_backoff: RETRY_PAUSE_MAX, base: 2.0 },
        max_retries: RETRIES_MAX,
        retry_timeout: place.retried_for,
    };
    let mut builder = AmazonS3Builder::new().with_client_options(timeouts).with_retry(retries);
    for (key, value) in environment().chain(place.settings.iter().cloned()) {
        builder = builder.with_config(key, value);
    }
    refuse_http(&builder)?;
    require_credentials(&builder, place)?;
    builder
        .with_bucket_name(&place.bucket)
        .with_virtual_hosted_style_request(false)
        // Not every store knows how to remove several objects by one request.
        .with_disable_bulk_delete(true)
        .build()
        .map_err(|e| {
            Error::new(ErrorKind::InvalidConfig, "the location of the files cannot be used").caused_by(e)
        })
}

/// The variables of AWS's own programs, as far as they say how to connect and as whom.
fn environment() -> impl Iterator<Item = (AmazonS3ConfigKey, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str().filter(|name| name.starts_with("AWS_"))?;
        Some((name.to_ascii_lowercase().parse().ok()?, value.into_string().ok()?))
    })
}

fn refuse_http(builder: &AmazonS3Builder) -> Result<()> {
    let setting = |key| builder.get_config_value(&key);
    let endpoint = setting(AmazonS3ConfigKey::S3Endpoint).or_else(|| setting(AmazonS3ConfigKey::Endpoint));
    let allowed = setting(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    if !plain || allowed.as_deref() == Some("true") {
        return Ok(());
    }
    let message =
        "the endpoint of the object store is not encrypted: everybody on the way could read the data";
    Err(Error::new(ErrorKind::InvalidConfig, message)
        .help("use https://, or add allow_http=true to the location"))
}

/// Without any, the client would ask the network for some, and say something else when it gets none.
fn require_credentials(builder: &AmazonS3Builder, place: &Place) -> Result<()> {
    let there = |key| builder.get_config_value(&key).is_some();
    let found = there(AmazonS3ConfigKey::AccessKeyId)
        || there(AmazonS3ConfigKey::SecretAccessKey)
        || there(AmazonS3ConfigKey::WebIdentityTokenFile)
        || there(AmazonS3ConfigKey::ContainerCredentialsRelativeUri)
        || there(AmazonS3ConfigKey::ContainerCredentialsFullUri);
    if found || place.instance_role {
        return Ok(());
    }
    let message = format!("there are no credentials for the bucket '{}'", place.bucket);
    Err(Error::new(ErrorKind::InvalidConfig, message).help(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; on a machine of AWS that has a role, add \
         instance_role=true to the location",
    ))
}

async fn send(store: &AmazonS3, from: &Path, to: &ObjectPath, bytes: u64, name: &str) -> Result<()> {
    let failed = |e| store_error("write", name, e);
    let mut file = Parts::open(from, bytes)?;
    if bytes <= PART_BYTES {
        let content = file.next(bytes)?;
        return store.put(to, content.into()).await.map(drop).map_err(failed);
    }
    let part = part_bytes(bytes);
    let upload = store.put_multipart(to).await.map_err(failed)?;
    let mut parts = WriteMultipart::new_with_chunk_size(upload, part as usize);
    let mut sent = Ok(());
    while file.left > 0 && sent.is_ok() {
        sent = match parts.wait_for_capacity(PARTS_AT_ONCE).await {
            Ok(()) => file.next(part).map(|content| parts.put(content.into())),
            Err(e) => Err(failed(e)),
        };
    }
    match sent {
        Ok(()) => parts.finish().await.map(drop).map_err(failed),
        Err(e) => {
            // Parts that stay behind are invisible; the store's own rules remove them.
            let _ = parts.abort().await;
            Err(e)
        }
    }
}

fn part_bytes(bytes: u64) -> u64 {
    PART_BYTES.max(bytes.div_ceil(PARTS_MAX))
}

/// A file that is read part by part.
struct Parts {
    file: File,
    path: PathBuf,
    left: u64,
}

impl Parts {
    fn open(path: &Path, bytes: u64) -> Result<Self> {
        let file = File::open(path).map_err(|e| io_error("open", path, e))?;
        Ok(Self { file, path: path.to_path_buf(), left: bytes })
    }

    fn next(&mut self, most: u64) -> Result<Vec<u8>> {
        let mut content = vec![0; self.left.min(most) as usize];
        self.file.read_exact(&mut content).map_err(|e| io_error("read", &self.path, e))?;
        self.left -= content.len() as u64;
        Ok(content)
    }
}

async fn fetch(
    store: &AmazonS3,
    from: &ObjectPath,
    bytes: u64,
    name: &str,
    copy: &mut FileWriter,
) -> Result<()> {
    let failed = |e| match e {
        object_store::Error::NotFound { .. } => damaged(name, "is missing"),
        e => store_error("read", name, e),
    };
    let stored = store.head(from).await.map_err(failed)?.size;
    if stored != bytes {
        return Err(damaged(name, &format!("has {stored} bytes instead of {bytes}")));
    }
    let ranges = (0..bytes.div_ceil(PART_BYTES)).map(|n| n * PART_BYTES..bytes.min((n + 1) * PART_BYTES));
    let mut parts = stream::iter(ranges).map(|range| store.get_range(from, range)).buffered(PARTS_AT_ONCE);
    while let Some(content) = parts.try_next().await.map_err(failed)? {
        copy.write_all(&content).map_err(|e| io_error("write a copy of", Path::new(name), e))?;
    }
    Ok(())
}

fn bad_path(e: object_store::path::Error) -> Error {
    Error::internal("a file of the state has a name that an object cannot have").caused_by(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_have_larger_parts_not_more() {
        assert_eq!(part_bytes(PART_BYTES + 1), PART_BYTES);
        assert_eq!(part_bytes(PART_BYTES * PARTS_MAX), PART_BYTES);
        let huge = 5_u64 << 40;
        assert!(huge.div_ceil(part_bytes(huge)) <= PARTS_MAX);
    }
}
