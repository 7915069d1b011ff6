//! `backup` and `restore`: the whole state in one file, and back.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;
use syncline_core::Result;
use syncline_store::backup::{self, Archived, Destination, Manifest};
use syncline_store::{FileStore, PostgresStore, SqliteStore, StateLocation};

use crate::Context;
use crate::app::App;
use crate::args::{BackupArgs, RestoreArgs};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{counted, grouped, local};
use crate::state::State;

/// What a backup never holds, told with each.
const WITHOUT_KEY: &str = "Credentials in it stay encrypted. The key is not part of it: keep encryption.key, \
                           or the value of SYNCLINE_ENCRYPTION_KEYS, elsewhere.";

/// Works beside a server: it reads one moment of the state.
pub async fn backup(context: &Context, args: &BackupArgs) -> Outcome {
    let app = App::open(context)?;
    let (store, files) = open(context, &app.state, Use::Read).await?;
    let to = Destination { path: args.file.clone(), program_version: env!("CARGO_PKG_VERSION").into() };
    let manifest = backup::backup(store.as_ref(), &files, &to, Timestamp::now()).await?;
    let out = &context.out;
    if out.json {
        out.json(&view(&manifest, &args.file));
        return Ok(Exit::Done);
    }
    out.line(format!("Backed up to {}", args.file.display()));
    out.line(contents(&manifest));
    out.prose(WITHOUT_KEY);
    Ok(Exit::Done)
}

/// Into the state of the project, or the one that `--into` names.
pub async fn restore(context: &Context, args: &RestoreArgs) -> Outcome {
    let app = App::open(context)?;
    let state = match &args.into {
        Some(text) => State::at(text, &context.globals, app.state.folder)?,
        None => app.state,
    };
    let (store, files) = open(context, &state, Use::Write).await?;
    let restored =
        backup::restore(&args.file, store.as_ref(), &files, args.replace, &state.scratch(), Timestamp::now())
            .await?;
    let (out, manifest) = (&context.out, &restored.manifest);
    if out.json {
        let mut view = view(manifest, &args.file);
        view["incarnation"] = json!(restored.incarnation.id);
        out.json(&view);
        return Ok(Exit::Done);
    }
    let made = local(manifest.created_at);
    out.line(format!(
        "Restored {}, made {made} by syncline {}",
        args.file.display(),
        manifest.program_version
    ));
    out.line(contents(manifest));
    out.prose(
        "What was written to targets after that is not known here. Syncs that append wait for an approval \
         before they write; runs that were active are settled first.",
    );
    out.prose(
        "The key of encrypted credentials was not in the backup: put encryption.key back if there was one.",
    );
    Ok(Exit::Done)
}

#[derive(Clone, Copy)]
enum Use {
    Read,
    Write,
}

async fn open(context: &Context, state: &State, to: Use) -> Result<(Box<dyn Archived>, FileStore)> {
    let files = state.files()?;
    let store: Box<dyn Archived> = match (&state.location, to) {
        (StateLocation::Folder(folder), Use::Read) => Box::new(SqliteStore::open_read_only(folder)?),
        (StateLocation::Folder(folder), Use::Write) => Box::new(SqliteStore::open(folder)?),
        (StateLocation::Server(server), Use::Read) => Box::new(PostgresStore::open_read_only(server).await?),
        (StateLocation::Server(server), Use::Write) => Box::new(PostgresStore::open(server).await?),
    };
    context.out.remark(&format!("state: {state}"));
    Ok((store, files))
}

fn contents(manifest: &Manifest) -> String {
    format!(
        "  {}, {}, {}, {} ({} bytes)",
        counted(manifest.rows("syncs"), "sync"),
        counted(manifest.rows("runs"), "run"),
        counted(manifest.rows("letters"), "dead letter"),
        counted(manifest.files.len() as u64, "file"),
        grouped(manifest.file_bytes())
    )
}

fn view(manifest: &Manifest, path: &Path) -> serde_json::Value {
    let rows: BTreeMap<_, _> = manifest.tables.iter().map(|table| (&table.name, table.rows)).collect();
    json!({
        "backup": path,
        "created_at": manifest.created_at,
        "program_version": manifest.program_version,
        "schema_version": manifest.schema_version,
        "rows": rows,
        "files": manifest.files.len(),
        "file_bytes": manifest.file_bytes(),
    })
}
