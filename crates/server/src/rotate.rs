//! Encrypts what the state keeps under the newest key, so that an older one can be taken away [S4].

use syncline_api::{ProblemItem, RotatedKeysView};
use syncline_config::ObjectName;
use syncline_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::edit;
use crate::objects::{Body, KINDS};
use crate::reload;
use crate::secrets::ServerSecrets;

/// How often an object is read again that another server changed meanwhile.
const ATTEMPTS_MAX: usize = 20;
/// Secrets that cannot be decrypted and are told of one by one.
const PROBLEMS_MAX: usize = 100;

/// Encrypts every secret under the newest key that is not under it yet. Doing it again finds nothing
/// to do; one that was cut short goes on where it was.
///
/// Changes through this server wait until it is done. Other servers go on: an object is written in the
/// revision it was read in, or else read again.
pub async fn all(app: &App) -> Result<RotatedKeysView> {
    let gate = edit::gate(app).await;
    let secrets = app.live.get().secrets.clone();
    let key_id = secrets.newest_key()?.to_string();
    let mut done = RotatedKeysView { key_id, rotated: 0, current: 0, undecryptable: 0, problems: Vec::new() };
    let rotated = each(app, &secrets, &mut done).await;
    // What was written has to be in use even if the rest was not.
    reload::made_at(app, &gate).await?;
    rotated.map(|()| done)
}

async fn each(app: &App, secrets: &ServerSecrets, done: &mut RotatedKeysView) -> Result<()> {
    for kind in KINDS {
        for object in app.store.objects(kind.as_str()).await? {
            one(app, secrets, &ObjectName::new(kind, object.id), done).await?;
        }
    }
    Ok(())
}

async fn one(
    app: &App,
    secrets: &ServerSecrets,
    name: &ObjectName,
    done: &mut RotatedKeysView,
) -> Result<()> {
    for _ in 0..ATTEMPTS_MAX {
        // Removed meanwhile: nothing is left to encrypt.
        let Some(there) = app.store.object(name.kind.as_str(), &name.name).await? else { return Ok(()) };
        let mut body = Body::of(&there)?;
        let found = reseal(secrets, name, &mut body);
        if found.rotated > 0 {
            let now = app.now();
            let object = body.into_object(name, now)?;
            match app.store.put_object(&object, Some(there.revision), now).await {
                Err(e) if e.kind == ErrorKind::Conflict => continue,
                stored => drop(stored?),
            }
        }
        found.add_to(done);
        return Ok(());
    }
    let message = format!("the {} '{}' changes all the time", name.kind.as_str(), name.name);
    Err(Error::new(ErrorKind::Conflict, message).help("rotate the keys again; what was done stays done"))
}

/// What was found of one object's secrets.
#[derive(Default)]
struct Found {
    rotated: u64,
    current: u64,
    wrong: Vec<Error>,
}

/// Encrypts the secrets of an object again. One that cannot be decrypted stays as it is: it may be
/// the key that is missing, and the others must not wait for it.
fn reseal(secrets: &ServerSecrets, name: &ObjectName, body: &mut Body) -> Found {
    let mut found = Found::default();
    for (path, sealed) in &mut body.secrets {
        match secrets.reseal(name, path, sealed) {
            Ok(Some(again)) => {
                *sealed = again;
                found.rotated += 1;
            }
            Ok(None) => found.current += 1,
            Err(e) => found.wrong.push(e),
        }
    }
    found
}

impl Found {
    fn add_to(self, done: &mut RotatedKeysView) {
        done.rotated += self.rotated;
        done.current += self.current;
        done.undecryptable += self.wrong.len() as u64;
        let room = PROBLEMS_MAX.saturating_sub(done.problems.len());
        done.problems.extend(self.wrong.into_iter().take(room).map(|e| ProblemItem {
            code: e.code().into(),
            message: e.message,
            at: None,
            help: e.help,
            warning: false,
        }));
    }
}
