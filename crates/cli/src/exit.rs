//! Exit codes: what a script learns without reading.

use std::process::ExitCode;

use syncline_core::{Error, ErrorKind, Run, RunStatus};

/// How a command ended, in the order of [`Exit::worst`]: the last is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Done,
    /// `plan --exit-code`: there are changes.
    Changes,
    RowErrors,
    Held,
    StalePlan,
    SourceFailure,
    Failed,
    Usage,
    /// Worse than all, because it says that what follows was not even tried.
    Cancelled,
}

impl Exit {
    pub fn number(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::RowErrors => 3,
            Exit::Held => 4,
            Exit::SourceFailure => 5,
            Exit::StalePlan => 6,
            Exit::Changes => 10,
            Exit::Cancelled => 130,
        }
    }

    pub fn worst(self, other: Exit) -> Exit {
        self.max(other)
    }

    pub fn of_run(run: &Run) -> Exit {
        let failed_rows = run.counters.rows_failed + run.counters.rows_delete_failed;
        match run.status {
            RunStatus::Completed if failed_rows > 0 => Exit::RowErrors,
            RunStatus::Held => Exit::Held,
            RunStatus::SourceFailure => Exit::SourceFailure,
            RunStatus::Cancelled => Exit::Cancelled,
            RunStatus::Failed => match &run.error {
                Some(error) if error.code == ErrorKind::StalePlan.code() => Exit::StalePlan,
                _ => Exit::Failed,
            },
            RunStatus::Completed
            | RunStatus::Scheduled
            | RunStatus::Queued
            | RunStatus::Starting
            | RunStatus::Running
            | RunStatus::NotRun => Exit::Done,
        }
    }

    pub fn of_error(error: &Error) -> Exit {
        use ErrorKind::*;
        match error.kind {
            InvalidConfig | BadUsage | NotFound | InvalidExpression => Exit::Usage,
            SourceUnreachable => Exit::SourceFailure,
            StalePlan => Exit::StalePlan,
            Cancelled => Exit::Cancelled,
            _ => Exit::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_ends_the_worst_counts() {
        let worst = |ends: &[Exit]| ends.iter().fold(Exit::Done, |a, b| a.worst(*b)).number();
        assert_eq!(worst(&[Exit::Done, Exit::RowErrors, Exit::Held]), 4);
        assert_eq!(worst(&[Exit::Failed, Exit::SourceFailure]), 1);
        assert_eq!(worst(&[Exit::SourceFailure, Exit::StalePlan, Exit::Held]), 5);
        assert_eq!(worst(&[Exit::Failed, Exit::Cancelled]), 130);
        assert_eq!(worst(&[]), 0);
    }
}
