//! What ends a command early, and how people and programs are told.

use serde_json::json;
use syncline_config::{Problems, Severity};
use syncline_core::Error;
use syncline_core::run::StoredError;

use crate::exit::Exit;
use crate::output::{Out, Style};

/// Why a command did not do its work.
pub enum Fault {
    Error(Error),
    /// The project's files are wrong.
    Problems {
        problems: Problems,
        help: String,
    },
}

pub type Outcome<T = Exit> = Result<T, Fault>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Error(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::Error(error.into())
    }
}

impl From<Problems> for Fault {
    fn from(problems: Problems) -> Self {
        Fault::Problems { problems, help: "correct the files; `syncline validate` checks them again".into() }
    }
}

impl Fault {
    pub fn exit(&self) -> Exit {
        match self {
            Fault::Error(error) => Exit::of_error(error),
            Fault::Problems { .. } => Exit::Usage,
        }
    }

    /// Writes the fault to stderr.
    pub fn report(&self, out: &Out) {
        match self {
            Fault::Error(error) => report(out, &StoredError::from(error)),
            Fault::Problems { problems, help } if out.json => {
                let message = format!("the project has {}", counted_errors(problems));
                let error = json!({ "code": "invalid_config", "message": message,
                    "help": help, "problems": problems });
                out.note_json(&json!({ "error": error }));
            }
            Fault::Problems { problems, help } => {
                out.note(problems.render(out.note_width(), out.color_on_stderr).trim_end());
                out.note(&format!(
                    "\n{}: the project has {}",
                    out.paint_note(Style::Bad, "error[invalid_config]"),
                    counted_errors(problems)
                ));
                out.note_prose(&format!("{}: {help}", out.paint_note(Style::Accent, "help")));
            }
        }
    }
}

pub fn counted_errors(problems: &Problems) -> String {
    let errors = problems.0.iter().filter(|p| p.severity == Severity::Error).count();
    crate::output::counted(errors as u64, "error")
}

/// `error[code]: message`, its causes and advice; or the same as JSON.
fn report(out: &Out, error: &StoredError) {
    if out.json {
        let mut object = json!({ "code": error.code, "message": error.message, "help": error.help });
        if !error.causes.is_empty() {
            object["causes"] = json!(error.causes);
        }
        return out.note_json(&json!({ "error": object }));
    }
    let head = out.paint_note(Style::Bad, &format!("error[{}]", error.code));
    out.note_prose(&format!("{head}: {}", error.message));
    for cause in causes(error) {
        out.note_prose(&format!("  caused by: {cause}"));
    }
    if let Some(help) = &error.help {
        out.note_prose(&format!("{}: {help}", out.paint_note(Style::Accent, "help")));
    }
}

/// Causes that say something the message does not.
pub fn causes(error: &StoredError) -> impl Iterator<Item = &String> {
    error.causes.iter().filter(|cause| !error.message.contains(cause.as_str()))
}
