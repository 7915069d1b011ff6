//! The project as it is now: read from its files again when they change, the last good version kept.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_api::ProblemItem;
use syncline_config::{LeftOut, Loaded, LookupDoc, Problem, Project, SecretSource, Severity};
use syncline_connector::{ConnectionConfig, Registry};
use syncline_core::sync::When;
use syncline_core::{Error, ErrorKind, Result, Sync, SyncId};
use syncline_engine::Endpoints;
use syncline_expr::LookupTables;
use syncline_scheduler::Definitions;

use crate::notify::{ChannelSource, Links, Target};
use crate::objects::Made;
use crate::secrets::ServerSecrets;

/// A project that is read again when its files change, or what the API made beside them.
pub struct Live {
    root: PathBuf,
    environment: Option<String>,
    pub registry: Arc<Registry>,
    now: RwLock<Arc<Version>>,
}

/// A project with what is wrong about it.
#[derive(Clone)]
pub struct Version {
    pub project: Project,
    /// Objects made by the API that cannot be used.
    pub left_out: Vec<LeftOut>,
    pub read_at: Timestamp,
    /// Problems of the files as they are now, which is why an earlier version of them is in use.
    pub broken: Vec<ProblemItem>,
    /// What the API made.
    pub made: Arc<Made>,
    pub secrets: Arc<ServerSecrets>,
}

impl Version {
    /// Everything that somebody should look at.
    pub fn problems(&self) -> Vec<ProblemItem> {
        // Of those that a file hides, the warnings tell.
        let left_out = self.left_out.iter().filter(|out| !out.shadowed);
        let left_out = left_out.flat_map(|out| &out.problems).map(item);
        let warnings = self.project.warnings.iter().map(item);
        self.broken.iter().cloned().chain(left_out).chain(warnings).collect()
    }
}

impl Live {
    pub fn new(
        loaded: Loaded,
        made: Made,
        secrets: ServerSecrets,
        registry: Arc<Registry>,
        now: Timestamp,
    ) -> Self {
        let Loaded { project, left_out } = loaded;
        let (root, environment) = (project.root.clone(), project.environment.clone());
        let (made, secrets) = (Arc::new(made), Arc::new(secrets));
        let version = Version { project, left_out, read_at: now, broken: Vec::new(), made, secrets };
        Self { root, environment, registry, now: RwLock::new(Arc::new(version)) }
    }

    /// The last good version.
    pub fn get(&self) -> Arc<Version> {
        Arc::clone(&self.now.read().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Puts a version in the place of the one before.
    pub fn replace(&self, version: Version) {
        *self.now.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(version);
    }

    /// Both ends of a sync.
    pub fn endpoints(&self, sync: &Sync) -> Result<Endpoints> {
        let version = self.get();
        endpoints(&version.project, &self.registry, &*version.secrets, sync)
    }
}

#[async_trait]
impl ChannelSource for Live {
    async fn target(&self, channel: &str) -> Result<Option<Target>> {
        let version = self.get();
        Target::of_project(&version.project, channel, &*version.secrets)
    }

    fn links(&self) -> Links {
        Links { base_url: self.get().project.settings.server.base_url.clone() }
    }
}

impl Definitions for Live {
    fn sync(&self, id: &SyncId) -> Option<Arc<Sync>> {
        self.get().project.sync(id).cloned().map(Arc::new)
    }

    fn downstream(&self, id: &SyncId) -> Vec<Arc<Sync>> {
        let version = self.get();
        let behind = version.project.syncs.iter().filter(|sync| {
            matches!(sync.schedule.as_ref().map(|schedule| &schedule.when), Some(When::After(up)) if up == id)
        });
        behind.cloned().map(Arc::new).collect()
    }
}

/// A problem as the API shows it: of a file with its line, of an object made by the API with the JSON
/// pointer of the value.
pub fn item(problem: &Problem) -> ProblemItem {
    ProblemItem {
        code: problem.code.to_string(),
        message: problem.message.clone(),
        at: Some(match &problem.pointer {
            Some(pointer) => format!("{}#{pointer}", problem.file),
            None => format!("{}:{}:{}", problem.file, problem.line, problem.column),
        }),
        help: problem.help.clone(),
        warning: problem.severity == Severity::Warning,
    }
}

/// Both ends of a sync, ready to use. Connections of a pinned sync may be gone from the project.
pub fn endpoints(
    project: &Project,
    registry: &Registry,
    secrets: &dyn SecretSource,
    sync: &Sync,
) -> Result<Endpoints> {
    let source_config = project.connection(&sync.source, secrets)?;
    let target_config = project.connection(&sync.target, secrets)?;
    let cannot = |name: &str, config: &ConnectionConfig, what: &str| {
        let message = format!("'{name}' ({}) cannot be {what}", config.type_name);
        Error::new(ErrorKind::InvalidConfig, message)
    };
    let source = registry
        .connect(&source_config)?
        .source
        .ok_or_else(|| cannot(&sync.source, &source_config, "read from"))?;
    let spec = registry.spec(&target_config.type_name).and_then(|spec| spec.destination.clone());
    let destination = registry.connect(&target_config)?.destination;
    let (Some(spec), Some(destination)) = (spec, destination) else {
        return Err(cannot(&sync.target, &target_config, "written to"));
    };
    Ok(Endpoints { source, destination, spec, lookups: Arc::new(lookups(project)?) })
}

fn lookups(project: &Project) -> Result<LookupTables> {
    let read = |(name, doc): (&String, &LookupDoc)| {
        let table = lookup_table(&project.root.join(&doc.file), doc)
            .map_err(|e| e.context(format!("lookup '{name}': {}", doc.file.display())))?;
        Ok((name.clone(), table))
    };
    project.lookups.iter().map(read).collect()
}

/// Reads the two columns of a lookup's CSV file.
fn lookup_table(path: &Path, doc: &LookupDoc) -> Result<HashMap<String, String>> {
    let wrong = |what: String| Error::new(ErrorKind::InvalidConfig, what);
    let mut reader = csv::Reader::from_path(path).map_err(|e| wrong(e.to_string()))?;
    let headers = reader.headers().map_err(|e| wrong(e.to_string()))?.clone();
    let column = |name: &str| {
        headers.iter().position(|h| h.trim() == name).ok_or_else(|| {
            let columns = headers.iter().collect::<Vec<_>>().join(", ");
            wrong(format!("there is no column '{name}'")).help(format!("the file has: {columns}"))
        })
    };
    let (key, value) = (column(&doc.key)?, column(&doc.value)?);
    let mut table = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| wrong(e.to_string()))?;
        let (Some(key), Some(value)) = (record.get(key), record.get(value)) else { continue };
        if let Some(earlier) = table.insert(key.to_string(), value.to_string())
            && earlier != value
        {
            let line = record.position().map_or(0, |p| p.line());
            return Err(wrong(format!("line {line}: '{key}' is there twice with different values"))
                .help("keep one of them"));
        }
    }
    Ok(table)
}
