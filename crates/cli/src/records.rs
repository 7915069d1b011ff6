//! What the state has recorded, to look at: also where the project's files are broken or gone.

use std::sync::Arc;

use syncline_config::Project;
use syncline_core::{Error, ErrorKind, Result, SyncId};
use syncline_engine::Engine;
use syncline_store::{Catalog, SyncRecord};

use crate::Context;
use crate::app::{self, App};
use crate::fault::{Fault, Outcome, counted_errors};
use crate::output::Style;
use crate::select;
use crate::state::State;

/// How the state is looked at without the project.
const BY_ITSELF: &str =
    "or look at the state by itself with --state FOLDER (.syncline in the project's folder, by default)";

/// The state, and the project when its files can be read.
pub struct Records {
    state: State,
    project: Option<Project>,
}

impl Records {
    /// The state of the project, or the one that --state names when there is no valid project.
    pub fn open(context: &Context) -> Outcome<Records> {
        let fault = match App::open(context) {
            Ok(app) => return Ok(Records { state: app.state, project: Some(app.project) }),
            Err(fault) => fault,
        };
        let Some(state) = State::named(&context.globals)? else { return Err(with_advice(fault)) };
        if let Fault::Problems { problems, .. } = &fault {
            let head = context.out.paint_note(Style::Warn, "warning");
            context.out.remark(&format!(
                "{head}: the project has {}; `syncline validate` shows them. This is what the state has:\n",
                counted_errors(problems)
            ));
        }
        Ok(Records { state, project: None })
    }

    /// The engine to look with, while others may write; `None` when nothing ran yet.
    pub async fn reader(&self) -> Result<Option<Engine>> {
        match app::reader_over(&self.state).await? {
            None if self.project.is_none() => Err(self.nothing()),
            reader => Ok(reader),
        }
    }

    /// As [`Records::reader`], for questions that need something to have run.
    pub async fn reader_of_runs(&self) -> Result<Engine> {
        app::reader_over(&self.state).await?.ok_or_else(|| self.nothing())
    }

    /// The lists and figures of the state; something must have run.
    pub async fn catalog(&self) -> Result<Arc<dyn Catalog>> {
        self.state.catalog().await?.ok_or_else(|| self.nothing())
    }

    fn nothing(&self) -> Error {
        let message = format!("nothing ran yet: there is no state in {}", self.state);
        let error = Error::new(ErrorKind::NotFound, message);
        match self.project {
            Some(_) => error.help("start with `syncline run`"),
            None => error.help("--state names the folder that holds state.db"),
        }
    }

    /// The record of a sync, also of one that left the project.
    pub async fn known_sync(&self, engine: &Engine, id: &str) -> Result<SyncRecord> {
        if let Ok(parsed) = SyncId::parse(id)
            && let Some(record) = engine.store.sync(&parsed).await?
        {
            return Ok(record);
        }
        let of_project = self.project.iter().flat_map(|project| &project.syncs);
        if of_project.into_iter().any(|sync| sync.id.as_str() == id) {
            return Err(Error::new(ErrorKind::NotFound, format!("{id} never ran"))
                .help(format!("start with `syncline run {id}`")));
        }
        Err(match &self.project {
            Some(project) => select::unknown(project, id),
            None => {
                let ids = engine.store.syncs().await?.into_iter().map(|record| record.id.to_string());
                let ids = ids.collect::<Vec<_>>().join(", ");
                Error::new(ErrorKind::NotFound, format!("the state has no sync '{id}'"))
                    .help(format!("it has: {ids}"))
            }
        })
    }
}

/// Says that what is recorded can be seen without the project.
fn with_advice(fault: Fault) -> Fault {
    match fault {
        Fault::Error(error) => {
            let advice = match &error.help {
                Some(help) => format!("{help}, {BY_ITSELF}"),
                None => BY_ITSELF.to_string(),
            };
            Fault::Error(error.help(advice))
        }
        Fault::Problems { problems, .. } => {
            Fault::Problems { problems, help: format!("correct the files, {BY_ITSELF}") }
        }
    }
}
