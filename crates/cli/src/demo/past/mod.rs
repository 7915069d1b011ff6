//! The last four weeks of the example's company, played by the real product before anybody looks.
//!
//! | Module | Subject |
//! |---|---|
//! | [`plot`] | what happened, day by day |
//! | [`player`] | a server at a played time, and the people who use it |
//! | [`clock`] | that time |
//! | [`company`] | the data of the company, and how work changes it |
//! | [`receiver`] | where notifications arrive |
//! | [`progress`] | how far it has got |

mod clock;
pub mod company;
mod player;
mod plot;
mod progress;
pub mod receiver;

use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use syncline_server::Listen;

use super::folder::Folder;
use crate::Context;
use crate::app::App;
use crate::commands::serve;
use crate::fault::Outcome;
use crate::output::{self, Style};
use company::{Company, Place};
use player::{Player, Stage};
use plot::Days;
use progress::Progress;
use receiver::Receiver;

const PROJECT: &str = include_str!("../workspace/syncline.yaml");
const CRM_FILE: &str = "syncs/crm.yaml";
const CRM: &str = include_str!("../workspace/syncs/crm.yaml");
/// How often companies and orders are sent now, and how often they were until this morning.
const SCHEDULES: [(&str, &str); 2] = [
    ("{ every: 2m }", "{ every: 12h }"),
    ("{ every: 1m }", "{ cron: \"30 6,18 * * *\", timezone: Europe/Berlin }"),
];
/// Stands for the port of the demo's receiver in [`PROJECT`].
const PORT: &str = "WEBHOOK_PORT";
/// Signs what it receives.
const SECRET: &str = "whsec_VGlkZXdhdGVyIENvZmZlZSBzdXBwbGllcyBvZmZpY2Vz\n";
const SCHEMAS: [(Place, &str); 4] = [
    (Place::Warehouse, include_str!("../workspace/setup/warehouse.sql")),
    (Place::Crm, include_str!("../workspace/setup/crm.sql")),
    (Place::Finance, include_str!("../workspace/setup/finance.sql")),
    (Place::Stores, include_str!("../workspace/setup/stores.sql")),
];
/// What arrived of notifications, in the demo's folder.
pub const NOTIFICATIONS: &str = "shared/notifications.jsonl";

/// Replaces the demo's folder `path` by a workspace with a past. Who receives its notifications goes on.
pub async fn play(context: &Context, path: &Path) -> Outcome<Receiver> {
    let out = &context.out;
    let began = Instant::now();
    out.line(format!("\n{}", out.paint(Style::Strong, "Four weeks later")));
    out.prose(
        "Tidewater has worked with Syncline for a while. Those weeks are played now: the server runs on a \
         clock that jumps, over data that changes, with the people and mishaps that there are. All that you \
         will see was really run.",
    );
    let days = Days::until(Timestamp::now())?;
    let receiver = Receiver::start(None, path.join(NOTIFICATIONS)).await?;
    let folder = Folder::workspace(path, &PROJECT.replace(PORT, &receiver.port.to_string()))?;
    folder.write("setup/webhook-secret", SECRET)?;
    let before = SCHEDULES.iter().fold(CRM.to_string(), |text, (now, before)| text.replace(now, before));
    folder.write(CRM_FILE, &before)?;
    let company = Company::found(&folder.path, &SCHEMAS, days.first())?;
    let app = App::open(&super::of_folder(context, &folder.path))?;
    let listen = Listen { address: ([127, 0, 0, 1], 0).into(), tls: None, accept_plain: false, web: None };
    let options = serve::options(&app, None, None, Some(listen)).await?;
    let stage = Stage::new(options, days.first());
    let mut player = Player::start(stage, company, Progress::new(out, days.first())).await?;
    plot::play(&mut player, &days).await?;
    let runs = player.runs().await?;
    player.end().await?;
    // Since this morning they are sent more often.
    folder.write(CRM_FILE, CRM)?;
    let (runs, took) = (output::counted(runs, "run"), output::duration(began.elapsed().as_secs_f64()));
    out.line(out.paint(Style::Good, &format!("✓ Four weeks with {runs} were played, in {took}.")));
    Ok(receiver)
}
