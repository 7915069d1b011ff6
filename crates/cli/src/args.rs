//! The command line as people write it.

mod serving;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use syncline_core::run::{ReplayMode, RunOptions};
use syncline_core::{Error, ErrorKind, ReadMode, Result, RunStatus, RunType};
use syncline_store::LetterState;

use crate::session::AT_ONCE_MAX;

pub use serving::*;

const AFTER_HELP: &str = "\
A first project in a minute:
  syncline init shop && cd shop
  syncline check --create        connect to both ends, make the target
  syncline plan crm.contact      what would be written; writes nothing
  syncline run crm.contact       write it
  syncline runs show last        how it went

Exit codes:
  0  done                          4  held by a guard
  1  failed                        5  the source could not be read
  2  wrong usage or configuration  6  the plan is stale
  3  done, some rows failed      130  cancelled
  plan --exit-code: 10 when there are changes
Several syncs: the first of 130, 1, 5, 6, 4, 3 that one of them ended with.";

/// Keeps two systems in agreement and shows every run.
#[derive(Parser, Debug)]
#[command(name = "syncline", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// Project folder [default: the nearest folder upwards with a syncline.yaml]
    #[arg(long, global = true, value_name = "DIR", env = "SYNCLINE_PROJECT", hide_env_values = true)]
    pub project: Option<PathBuf>,
    /// Environment: overlays syncline.NAME.yaml and keeps its own state
    #[arg(long = "env", global = true, value_name = "NAME", env = "SYNCLINE_ENV", hide_env_values = true)]
    pub environment: Option<String>,
    /// State: a folder, or postgres://… [default: settings.state of the project, .syncline]
    #[arg(long, global = true, value_name = "STATE", env = "SYNCLINE_STATE", hide_env_values = true)]
    pub state: Option<String>,
    /// Where the state's files are, if not in its folder: a folder, or s3://BUCKET/PREFIX?…
    #[arg(long, global = true, value_name = "LOCATION", env = "SYNCLINE_FILES", hide_env_values = true)]
    pub files: Option<String>,
    /// Server to work through [default: one that runs on this machine over the same state]
    #[arg(long, global = true, value_name = "URL", env = "SYNCLINE_SERVER", hide_env_values = true)]
    pub server: Option<String>,
    /// Token for that server; better in the variable SYNCLINE_TOKEN
    #[arg(long, global = true, value_name = "TOKEN", env = "SYNCLINE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// What to print: text for people or JSON for programs
    #[arg(long, global = true, value_enum, default_value_t = Output::Human, value_name = "FORMAT")]
    pub output: Output,
    /// No colours, also on a terminal (as does the variable NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// More of what happens inside, on stderr: -v, -vv
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Human,
    Json,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write the files of a new project
    Init(InitArgs),
    /// Check every file of the project and show all problems at once
    Validate,
    /// Print the JSON Schema of the project's files, for your editor, or the API's description
    Schema(SchemaArgs),
    /// Connect to both ends and compare model, mapping and target
    Check(CheckArgs),
    /// Show source rows beside what would be sent
    Preview(PreviewArgs),
    /// Find out what a run would write, and write nothing
    Plan(PlanArgs),
    /// Apply a plan saved with `plan --out`
    Apply(ApplyArgs),
    /// Run syncs
    Run(RunArgs),
    /// Write all data of a sync from its source to its target
    Seed(SeedArgs),
    /// Release a run that a guard holds: its plan is applied
    Approve(RunRef),
    /// End a held run without writing anything
    Reject(RunRef),
    /// Cancel a queued or held run
    Cancel(RunRef),
    /// Start a new run with the type and read mode of an earlier one
    Retry(RunRef),
    /// Let a sync run by itself; also ends a halt
    Activate(SyncRef),
    /// Stop a sync from running by itself
    Deactivate(SyncRef),
    /// Show every sync: state, last run, what waits for somebody
    Status,
    /// List runs, or show one
    Runs(RunsArgs),
    /// List the rows that failed in a run
    Errors(ErrorsArgs),
    /// Show everything that happened to one record
    History(HistoryArgs),
    /// Remove what is kept of a record's values, for good: for requests of erasure
    Purge(PurgeArgs),
    /// Look at dead letters: records that could not be delivered
    Dlq(DlqArgs),
    /// Show or set how far a sync has read
    Cursor(CursorArgs),
    /// Show when syncs run by themselves
    Schedules(SchedulesArgs),
    /// Run by itself: schedules, the REST API, live events, notifications
    Serve(ServeArgs),
    /// Execute runs of a shared state without serving the API
    Worker(WorkerArgs),
    /// Make, list and revoke tokens of the API
    Token(TokenArgs),
    /// Put the whole state into one file, also while a server runs
    Backup(BackupArgs),
    /// Bring a state back from a backup
    Restore(RestoreArgs),
    /// List the functions that mappings can call
    Functions,
    /// Show the product on an example: generated data, no account, no network
    Demo(DemoArgs),
}

#[derive(Args, Debug)]
pub struct SchedulesArgs {
    /// Only this sync, with its next ten fires
    pub sync: Option<String>,
}

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Folder of the example; an earlier demo there is replaced, anything else left alone
    #[arg(default_value = "syncline-demo")]
    pub dir: PathBuf,
    /// Wait for Enter before each chapter
    #[arg(long)]
    pub step: bool,
    /// Leave out the tour of the commands in the terminal
    #[arg(long, conflicts_with_all = ["step", "remove"])]
    pub no_tour: bool,
    /// Remove the folder at the end; without this it is kept to play with
    #[arg(long)]
    pub remove: bool,
    /// End when the example is made; without this a server goes on with it, on a terminal
    #[arg(long)]
    pub no_serve: bool,
    /// Go on with a server also where there is no terminal
    #[arg(long, conflicts_with_all = ["no_serve", "remove"])]
    pub serve: bool,
    /// Serve the example of an earlier demo again, as it is
    #[arg(long, conflicts_with_all = ["no_serve", "remove", "step", "no_tour"])]
    pub again: bool,
    #[command(flatten)]
    pub web: WebArgs,
}

#[derive(Args, Debug)]
pub struct InitArgs {
    /// Folder of the new project
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// What is read [default: asked for on a terminal, else files]
    #[arg(long, value_enum)]
    pub source: Option<System>,
    /// What is written [default: asked for on a terminal, else sqlite]
    #[arg(long, value_enum)]
    pub target: Option<System>,
    /// Overwrite files that are there
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    Sqlite,
    Postgres,
    Files,
}

#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// Which file: `project` is syncline.yaml, `instance` a file of syncs/; `api` is the OpenAPI document
    #[arg(value_enum, default_value_t = Document::Project)]
    pub document: Document,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    Project,
    Instance,
    Api,
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Syncs (crm.contact) or instances (crm); none: all
    #[arg(value_name = "SYNC")]
    pub selectors: Vec<String>,
    /// Make targets that are missing
    #[arg(long)]
    pub create: bool,
}

#[derive(Args, Debug)]
pub struct PreviewArgs {
    /// Sync, for example crm.contact
    pub sync: String,
    /// Rows to show
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = at_least_one)]
    pub limit: usize,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  syncline plan crm.contact
  syncline plan crm.contact --out contact.plan && syncline apply contact.plan
  syncline plan crm.contact --exit-code    10 when there is something to do")]
pub struct PlanArgs {
    /// Sync, for example crm.contact
    pub sync: String,
    /// Save the plan to a file, for `syncline apply`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Changes to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
    /// Exit with 10 when there are changes
    #[arg(long)]
    pub exit_code: bool,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// How a run reads its source.
#[derive(Args, Clone, Debug, Default)]
pub struct ReadArgs {
    /// Which records are read: those past the cursor, all, or all and sent even when unchanged
    #[arg(long, value_enum, value_name = "MODE")]
    pub cursor: Option<CursorMode>,
    /// Only these records: a,b with CSV quoting, or @FILE; of composite keys a JSON array each
    #[arg(long, value_name = "IDS")]
    pub source_ids: Option<String>,
    /// Read at most this many records; of source ids, the first so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_entities: Option<u64>,
    /// Records sent at once [default: the target's own best size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CursorMode {
    /// Records past the cursor, and those waiting for another try
    Incremental,
    /// Everything; what is unchanged is not sent
    Reset,
    /// Everything, and everything is sent
    Full,
}

impl ReadArgs {
    /// The options of a run. Source ids are read from their file here.
    pub fn options(&self) -> Result<RunOptions> {
        Ok(RunOptions {
            read_mode: match self.cursor {
                None | Some(CursorMode::Incremental) => ReadMode::Incremental,
                Some(CursorMode::Reset) => ReadMode::Reset,
                Some(CursorMode::Full) => ReadMode::Full,
            },
            source_ids: self.source_ids.as_deref().map(source_ids).transpose()?.unwrap_or_default(),
            max_entities: self.max_entities,
            batch_size: self.batch_size,
            reseed: false,
            plan_of: None,
            replay: None,
        })
    }
}

/// The ids in `text` (or, as `@FILE`, in a file), separated by commas or line ends, with CSV quoting.
fn source_ids(text: &str) -> Result<Vec<String>> {
    let wrong = |what: String| {
        Error::new(ErrorKind::BadUsage, format!("--source-ids: {what}"))
            .help("write --source-ids \"a,b\" or --source-ids @ids.csv; quote an id that has a comma")
    };
    let text = match text.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).map_err(|e| wrong(format!("{path}: {e}")))?,
        None => text.to_string(),
    };
    let mut ids = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (id, after) = next_id(rest).ok_or_else(|| wrong("a quote is not closed".into()))?;
        if !id.is_empty() {
            ids.push(id);
        }
        rest = after.trim_start();
    }
    if ids.is_empty() {
        return Err(wrong("there is no id".into()));
    }
    Ok(ids)
}

/// The id that `text` begins with and what follows its separator; `None` when its quote is not closed.
///
/// Unlike CSV it lets spaces stand before a quote, as people write lists.
fn next_id(text: &str) -> Option<(String, &str)> {
    let Some(mut quoted) = text.strip_prefix('"') else {
        let (id, after) = text.split_once([',', '\n']).unwrap_or((text, ""));
        return Some((id.trim().to_string(), after));
    };
    let mut id = String::new();
    loop {
        let (part, after) = quoted.split_once('"')?;
        id.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                id.push('"');
                quoted = more;
            }
            None => return Some((id, after.split_once([',', '\n']).map_or("", |(_, rest)| rest))),
        }
    }
}

#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// File written by `syncline plan … --out`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  syncline run crm.contact               one sync
  syncline run crm                       every sync of an instance
  syncline run --all                     everything, in its order
  syncline run --all -j 4                as well, four syncs at a time
  syncline run crm.contact --cursor reset
  syncline run crm.contact --source-ids \"42,43\"
  syncline run crm.contact --server http://127.0.0.1:8400
  syncline run --follow last             a run that goes on at the server")]
pub struct RunArgs {
    /// Syncs (crm.contact) or instances (crm)
    #[arg(value_name = "SELECTOR", required_unless_present_any = ["all", "tag", "follow"])]
    pub selectors: Vec<String>,
    /// Every sync of the project
    #[arg(long, conflicts_with_all = ["selectors", "tag"])]
    pub all: bool,
    /// Every sync with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Syncs that run at the same time; they share settings.memory_budget
    #[arg(long, short = 'j', value_name = "N", default_value_t = 1, value_parser = at_once)]
    pub parallel: usize,
    /// What kind of run
    #[arg(long = "type", value_enum, default_value_t = RunKind::Sync, value_name = "TYPE")]
    pub kind: RunKind,
    #[command(flatten)]
    pub read: ReadArgs,
    /// With a server: show a run that goes on there, to its end
    #[arg(long, value_name = "RUN", conflicts_with_all = ["selectors", "all", "tag", "no_follow"])]
    pub follow: Option<String>,
    /// With a server: only start the runs, and print their ids
    #[arg(long)]
    pub no_follow: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..) => Ok(n),
        _ => Err("a number from 1".into()),
    }
}

fn at_once(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=AT_ONCE_MAX) => Ok(n),
        _ => Err(format!("a number from 1 to {AT_ONCE_MAX}")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum RunKind {
    /// The standard run
    Sync,
    /// Once; does not depend on the sync being active
    OneTime,
    /// Plans and writes nothing
    Test,
    /// Writes all data
    Seed,
}

impl From<RunKind> for RunType {
    fn from(kind: RunKind) -> RunType {
        match kind {
            RunKind::Sync => RunType::Sync,
            RunKind::OneTime => RunType::OneTime,
            RunKind::Test => RunType::Test,
            RunKind::Seed => RunType::Seed,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  syncline seed crm.contact
  syncline seed crm.contact --reseed     asks before it removes anything
  syncline seed crm.contact --reseed --confirm crm.contact")]
pub struct SeedArgs {
    /// Sync, for example crm.contact
    pub sync: String,
    /// First remove this sync's records from the target (they are exported before)
    #[arg(long)]
    pub reseed: bool,
    /// The sync's id again: confirms a reseed without asking
    #[arg(long, value_name = "SYNC", requires = "reseed")]
    pub confirm: Option<String>,
    /// Records sent at once [default: the target's own best size]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: Option<u32>,
}

#[derive(Args, Debug)]
pub struct RunRef {
    /// Run id, a unique beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
}

#[derive(Args, Debug)]
pub struct SyncRef {
    /// Sync, for example crm.contact
    pub sync: String,
}

#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  syncline runs
  syncline runs crm.contact --status failed
  syncline runs show last"
)]
pub struct RunsArgs {
    #[command(subcommand)]
    pub show: Option<RunsCommand>,
    #[command(flatten)]
    pub list: RunsList,
}

#[derive(Subcommand, Debug)]
pub enum RunsCommand {
    /// Show one run: verdict, counts, durations, guards, errors
    Show(RunRef),
}

#[derive(Args, Debug)]
pub struct RunsList {
    /// Only runs of this sync
    pub sync: Option<String>,
    /// Only runs of these statuses; `failed` includes source_failure
    #[arg(long, value_name = "STATUS", value_parser = parse_status, value_delimiter = ',')]
    pub status: Vec<RunStatus>,
    /// Only runs of this type
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub kind: Option<RunKind>,
    /// Runs on a page
    #[arg(long, alias = "per-page", default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=200))]
    pub limit: u64,
    /// Which page, from 1
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub page: u64,
}

fn parse_status(text: &str) -> Result<RunStatus, String> {
    RunStatus::parse(text).ok_or_else(|| {
        let known: Vec<_> = RunStatus::ALL.iter().map(|s| s.as_str()).collect();
        format!("a status is one of: {}", known.join(", "))
    })
}

#[derive(Args, Debug)]
pub struct ErrorsArgs {
    /// Run id, a unique beginning of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Which page, from 1
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub page: u64,
    /// Errors on a page
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub per_page: u64,
}

#[derive(Args, Debug)]
pub struct HistoryArgs {
    /// Sync, for example crm.contact
    pub sync: String,
    /// Key of the record; of a composite key a JSON array, for example '["a","1"]'
    pub row_id: String,
    /// Events to show
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = at_least_one)]
    pub limit: usize,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Source and target are left alone: delete the record there first, and run the sync.

Examples:
  syncline purge crm.contact --key 42              tells what would go, and asks
  syncline purge crm.contact --key 42 --key 43 --yes")]
pub struct PurgeArgs {
    /// Sync, for example crm.contact
    pub sync: String,
    /// Key of the record, as `syncline history` takes it; may be given several times
    #[arg(long = "key", value_name = "KEY", required = true, allow_hyphen_values = true)]
    pub keys: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Args, Debug)]
pub struct DlqArgs {
    #[command(subcommand)]
    pub command: DlqCommand,
}

#[derive(Subcommand, Debug)]
pub enum DlqCommand {
    /// List dead letters
    List {
        #[command(flatten)]
        filter: DlqFilter,
        /// Letters on a page
        #[arg(long, alias = "per-page", default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=200))]
        limit: u64,
        /// Which page, from 1
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        page: u64,
    },
    /// Show one letter: error, source row, payload
    Show {
        /// Letter id, or a unique beginning of it
        #[arg(value_name = "LETTER")]
        id: String,
    },
    /// Count open letters by their error
    Groups {
        #[command(flatten)]
        filter: DlqFilter,
    },
    /// Correct the payload of a letter, to be sent with `dlq replay --mode edited`
    Edit {
        /// Letter id, or a unique beginning of it
        #[arg(value_name = "LETTER")]
        id: String,
        /// New text of a target field; `null` empties it. Can be given more than once
        #[arg(long = "set", value_name = "FIELD=VALUE", required_unless_present_any = ["payload", "undo"])]
        fields: Vec<String>,
        /// JSON file with the new values of target fields
        #[arg(long, value_name = "FILE", conflicts_with = "undo")]
        payload: Option<PathBuf>,
        /// Take the correction back
        #[arg(long, conflicts_with = "fields")]
        undo: bool,
    },
    /// Send letters again; first tells what that would do
    Replay(ReplayArgs),
    /// Leave records alone until their source row changes
    Ignore {
        #[command(flatten)]
        choice: LetterChoice,
        /// Why, for whoever looks at them later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Try ignored records again
    Reopen(LetterChoice),
    /// Mark letters as settled by hand
    Resolve(LetterChoice),
    /// Write letters to stdout or a file
    Export {
        #[command(flatten)]
        filter: DlqFilter,
        /// One JSON object a line, or CSV that is safe to open in a spreadsheet
        #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
        format: ExportFormat,
        /// File to write [default: stdout]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Which letters are meant.
#[derive(Args, Debug)]
pub struct LetterChoice {
    /// Letter ids, or unique beginnings of them
    #[arg(value_name = "LETTER", required_unless_present_any = ["group", "all"])]
    pub letters: Vec<String>,
    /// All letters with this error; `dlq groups` lists them
    #[arg(long, value_name = "GROUP", conflicts_with = "letters")]
    pub group: Option<String>,
    /// All letters of --sync
    #[arg(long, requires = "sync", conflicts_with_all = ["letters", "group"])]
    pub all: bool,
    /// Only letters of this sync
    #[arg(long)]
    pub sync: Option<String>,
}

#[derive(Args, Debug)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub choice: LetterChoice,
    /// What is sent
    #[arg(long, value_enum, default_value_t = ReplaySends::Reread)]
    pub mode: ReplaySends,
    /// Most records in a second [default: as fast as the target takes them]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Plan it and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplaySends {
    /// The records as the source has them now
    Reread,
    /// The payloads as they failed, unless something newer was delivered
    AsCaptured,
    /// The payloads as they were edited
    Edited,
}

impl From<ReplaySends> for ReplayMode {
    fn from(sends: ReplaySends) -> Self {
        match sends {
            ReplaySends::Reread => ReplayMode::Reread,
            ReplaySends::AsCaptured => ReplayMode::AsCaptured,
            ReplaySends::Edited => ReplayMode::Edited,
        }
    }
}

#[derive(Args, Debug)]
pub struct DlqFilter {
    /// Only letters of this sync
    #[arg(long)]
    pub sync: Option<String>,
    /// Only letters with this error code
    #[arg(long)]
    pub code: Option<String>,
    /// Only letters with this error; `dlq groups` lists them
    #[arg(long)]
    pub group: Option<String>,
    /// Only letters in these states, for example ignored [default: open]
    #[arg(long = "is", value_name = "STATE", value_parser = letter_state, conflicts_with = "all")]
    pub states: Vec<LetterState>,
    /// Also letters that are resolved, ignored or expired
    #[arg(long)]
    pub all: bool,
}

fn letter_state(text: &str) -> Result<LetterState, String> {
    let found = LetterState::ALL.into_iter().find(|state| state.as_str() == text.replace([' ', '-'], "_"));
    found.ok_or_else(|| {
        let names: Vec<&str> = LetterState::ALL.iter().map(|state| state.as_str()).collect();
        format!("the states are {}", names.join(", "))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Jsonl,
    Csv,
}

#[derive(Args, Debug)]
pub struct CursorArgs {
    #[command(subcommand)]
    pub command: CursorCommand,
}

#[derive(Subcommand, Debug)]
pub enum CursorCommand {
    /// Show the cursor of a sync
    Show(SyncRef),
    /// Move the cursor; first tells how many records would be read again
    Set {
        /// Sync, for example crm.contact
        sync: String,
        /// A value of the cursor column, for example 2025-01-15T09:00:00Z; `none` clears the cursor
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Show how the cursor moved
    History(SyncRef),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn source_ids_follow_csv_quoting() {
        assert_eq!(source_ids("a, b,,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(source_ids("\"x,y\",z").unwrap(), ["x,y", "z"]);
        assert_eq!(source_ids("\"[\"\"a\"\",1]\"\n7").unwrap(), ["[\"a\",1]", "7"]);
        assert_eq!(source_ids("2, \"4\" ,\r\n7\r\n").unwrap(), ["2", "4", "7"]);
        assert!(source_ids("a,\"b").unwrap_err().message.contains("a quote is not closed"));
        assert_eq!(source_ids(" , ").unwrap_err().kind, ErrorKind::BadUsage);
        let missing = source_ids("@/no/such/file").unwrap_err();
        assert!(missing.message.contains("/no/such/file"), "{missing}");
    }
}
