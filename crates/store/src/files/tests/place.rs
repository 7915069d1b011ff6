//! The places that the tests run over.

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use syncline_tests::object_store::{KEY_ID, SECRET, Server};
use tempfile::TempDir;

use super::super::folder::{Kind, list};
use super::*;

/// What a location of the test server puts before every file.
const PREFIX: &str = "state/files";

pub struct Place {
    pub files: FileStore,
    /// The folder of the files, or of their copies.
    pub here: TempDir,
    /// The bucket, looked at from outside.
    bucket: Option<Outside>,
    caches: TempDir,
}

struct Outside {
    name: String,
    location: String,
    store: Arc<dyn ObjectStore>,
}

pub fn both() -> [Place; 2] {
    [in_folder(), in_bucket()]
}

pub fn in_folder() -> Place {
    let here = tempfile::tempdir().unwrap();
    let files = FileStore::new(here.path());
    Place { files, here, bucket: None, caches: tempfile::tempdir().unwrap() }
}

pub fn in_bucket() -> Place {
    let server = Server::shared();
    let name = server.bucket();
    let location = server.location(&name);
    let here = tempfile::tempdir().unwrap();
    let files = FileStore::at(&location, here.path(), CACHE_BYTES).unwrap();
    let store = AmazonS3Builder::new()
        .with_endpoint(format!("http://127.0.0.1:{}", server.port()))
        .with_allow_http(true)
        .with_region("eu-central-1")
        .with_access_key_id(KEY_ID)
        .with_secret_access_key(SECRET)
        .with_bucket_name(&name)
        .build()
        .unwrap();
    let bucket = Some(Outside { name, location, store: Arc::new(store) });
    Place { files, here, bucket, caches: tempfile::tempdir().unwrap() }
}

impl Place {
    /// The same files as another process on another machine has them.
    pub fn seen_elsewhere(&self) -> FileStore {
        match &self.bucket {
            None => FileStore::new(self.here.path()),
            Some(bucket) => {
                let cache = tempfile::tempdir_in(&self.caches).unwrap().keep();
                FileStore::at(&bucket.location, &cache, CACHE_BYTES).unwrap()
            }
        }
    }

    /// Names of the files in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        match &self.bucket {
            None => names(&self.here.path().join(folder)),
            Some(bucket) => bucket.names(&format!("{PREFIX}/{folder}")),
        }
    }

    /// Names of the files outside of folders.
    pub fn outside(&self) -> Vec<String> {
        match &self.bucket {
            None => {
                let found = list(self.here.path()).unwrap().into_iter();
                sorted(found.filter(|(_, kind)| *kind == Kind::File).map(|(path, _)| name(&path)))
            }
            Some(bucket) => bucket.names(PREFIX),
        }
    }

    pub fn put_outside(&self, name: &str) {
        match &self.bucket {
            None => fs::write(self.here.path().join(name), b"x").unwrap(),
            Some(bucket) => bucket.put(name, b"x"),
        }
    }

    pub fn name_of(&self, path: &str) -> String {
        match &self.bucket {
            None => self.here.path().join(path).display().to_string(),
            Some(bucket) => format!("s3://{}/{PREFIX}/{path}", bucket.name),
        }
    }

    pub fn overwrite(&self, path: &str, content: &[u8]) {
        match &self.bucket {
            None => fs::write(self.here.path().join(path), content).unwrap(),
            Some(bucket) => bucket.put(path, content),
        }
    }

    pub fn delete(&self, path: &str) {
        match &self.bucket {
            None => fs::remove_file(self.here.path().join(path)).unwrap(),
            Some(bucket) => bucket.wait(async |store| store.delete(&object(path)).await.unwrap()),
        }
    }

    /// Writes a file that is younger than all others, and says when those, but not this one, will be
    /// more than a day old. An object store dates them by the second, so the file is written until it
    /// is one of a later one.
    pub fn let_the_others_age(&self, path: &str) -> SystemTime {
        write(&self.files, path, b"x");
        let Some(bucket) = &self.bucket else {
            age_all_but(self.here.path(), path);
            return SystemTime::now();
        };
        let oldest = bucket.list(PREFIX).iter().map(|found| found.last_modified).min().unwrap();
        loop {
            bucket.put(path, b"x");
            let found = bucket.list(PREFIX);
            let young = found.iter().find(|f| f.location == object(path)).unwrap().last_modified;
            let others = found.iter().filter(|f| f.location != object(path)).map(|f| f.last_modified);
            if others.max().unwrap() < young {
                assert!(oldest < young);
                return SystemTime::from(young) + DAY;
            }
        }
    }
}

impl Outside {
    fn wait<T>(&self, work: impl AsyncFnOnce(Arc<dyn ObjectStore>) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work(self.store.clone()))
    }

    fn put(&self, path: &str, content: &[u8]) {
        let content = content.to_vec();
        self.wait(async |store| store.put(&object(path), content.into()).await.unwrap());
    }

    fn list(&self, below: &str) -> Vec<ObjectMeta> {
        let below = ObjectPath::from(below);
        self.wait(async |store| store.list(Some(&below)).try_collect().await.unwrap())
    }

    /// Names right below a folder.
    fn names(&self, folder: &str) -> Vec<String> {
        let found = self.list(folder);
        let names = found.iter().filter_map(|f| f.location.as_ref().strip_prefix(folder)?.strip_prefix('/'));
        sorted(names.filter(|name| !name.contains('/')).map(str::to_string))
    }
}

fn object(path: &str) -> ObjectPath {
    ObjectPath::from(format!("{PREFIX}/{path}"))
}

pub fn names(folder: &Path) -> Vec<String> {
    sorted(list(folder).unwrap().iter().map(|(path, _)| name(path)))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

pub fn set_age(path: &Path, age: Duration) {
    let file = File::open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

fn age_all_but(root: &Path, young: &str) {
    for (path, kind) in list(root).unwrap() {
        if kind == Kind::Folder {
            let below = path.strip_prefix(root).unwrap().to_str().unwrap();
            let rest = young.strip_prefix(below).map_or("", |rest| rest.trim_start_matches('/'));
            age_all_but(&path, rest);
        } else if Some(young) != path.file_name().and_then(|name| name.to_str()) {
            set_age(&path, 2 * DAY);
        }
    }
}
