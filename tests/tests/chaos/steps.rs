//! What is done to the program: which commands, and what befalls them.

use std::time::Duration;

use syncline_tests::fail_points;
use syncline_tests::proxy::End;
use syncline_tests::seeded::Choices;

use super::shape::{Mode, Shape, Target};

/// One command, and what happens while it runs.
#[derive(Clone, Debug)]
pub struct Step {
    pub command: Command,
    /// What is done about a held run, if there is one, in place of the command.
    pub decision: Decision,
    pub troubles: Vec<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Run,
    Reset,
    Full,
    /// A run that reads so many records at most.
    Limited(u64),
    /// A run of some records by their ids.
    Ids,
    /// A test run, which may not write.
    Plan,
    /// A plan is saved and then applied; the troubles are the application's.
    Apply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Approve,
    Reject,
    /// Another run is started beside it.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
}

/// Times count from the start of the command.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// SIGKILL at an arrival at a fail point.
    KillAt {
        point: String,
        hit: u32,
    },
    Kill {
        after: Duration,
    },
    Signal {
        name: &'static str,
        after: Duration,
    },
    /// SIGSTOP, another process meanwhile, then SIGCONT.
    Stop {
        after: Duration,
        time: Duration,
    },
    /// SIGSTOP, a process that takes over with a copy of the state, then SIGCONT.
    Succeed {
        after: Duration,
    },
    /// So many connections of a side get a fault each.
    Network {
        side: Side,
        seed: u64,
        connections: u64,
    },
    BreakOff {
        side: Side,
        after: Duration,
        end: End,
    },
    Refuse {
        side: Side,
        after: Duration,
        time: Duration,
    },
    /// The server's sessions of the program are ended.
    Terminate {
        side: Side,
        after: Duration,
    },
    /// The server crashes and starts again.
    Restart {
        side: Side,
        after: Duration,
    },
    /// Somebody else holds a lock on the target.
    Lock {
        after: Duration,
        time: Duration,
    },
}

impl Trouble {
    /// When it is done by the test; `None`: it is set before the start.
    pub fn after(&self) -> Option<Duration> {
        use Trouble::*;
        match self {
            KillAt { .. } | Network { .. } => None,
            Kill { after }
            | Signal { after, .. }
            | Stop { after, .. }
            | Succeed { after }
            | BreakOff { after, .. }
            | Refuse { after, .. }
            | Terminate { after, .. }
            | Restart { after, .. }
            | Lock { after, .. } => Some(*after),
        }
    }
}

impl Step {
    pub fn random(choices: &mut Choices, shape: &Shape) -> Step {
        let command = match choices.below(20) {
            0..=10 => Command::Run,
            11 => Command::Limited(1 + choices.below(40)),
            12 => Command::Ids,
            13 | 14 => Command::Reset,
            // An append has no full run: it would append everything again.
            15 | 16 if shape.mode != Mode::Append => Command::Full,
            15..=17 => Command::Plan,
            _ => Command::Apply,
        };
        let decision = match choices.below(10) {
            0..=5 => Decision::Approve,
            6 | 7 => Decision::Reject,
            _ => Decision::None,
        };
        let troubles = match choices.below(8) {
            0 => 0,
            1..=5 => 1,
            _ => 2,
        };
        let troubles = (0..troubles).map(|_| trouble(choices, shape)).collect();
        Step { command, decision, troubles }
    }
}

fn trouble(choices: &mut Choices, shape: &Shape) -> Trouble {
    // A run in a debug build takes some tenths of a second.
    let after = Duration::from_millis(choices.below(900));
    let time = Duration::from_millis(50 + choices.below(1_200));
    let side = match (choices.below(5), shape.target) {
        (0 | 1, _) | (_, Target::Sqlite | Target::Csv | Target::JsonLines | Target::Folder) => Side::Source,
        _ => Side::Target,
    };
    let end = [End::Close, End::Reset][choices.below(2) as usize];
    match choices.below(20) {
        0..=5 => {
            let points = reachable(shape);
            let point = points[choices.below(points.len() as u64) as usize].clone();
            Trouble::KillAt { point, hit: 1 + choices.below(3) as u32 }
        }
        6 | 7 => Trouble::Kill { after },
        8 => Trouble::Stop { after, time },
        // Elsewhere the lock of a suspended process may keep everybody out.
        9 if shape.target == Target::Postgres => Trouble::Succeed { after },
        9 => Trouble::Stop { after, time },
        10 => Trouble::Signal { name: if choices.is_heads() { "TERM" } else { "INT" }, after },
        11..=14 => {
            let connections = [1, 2, 3, 5, u64::MAX][choices.below(5) as usize];
            Trouble::Network { side, seed: choices.number(), connections }
        }
        15 => Trouble::BreakOff { side, after, end },
        16 => Trouble::Refuse { side, after, time },
        17 => Trouble::Terminate { side, after },
        18 => Trouble::Restart { side, after },
        _ => Trouble::Lock { after, time },
    }
}

/// The fail points that runs of this shape may come to.
fn reachable(shape: &Shape) -> Vec<String> {
    let mut points = fail_points::in_the_source();
    points.retain(|point| match point.split_once('.').map(|(place, _)| place) {
        Some("postgres") => shape.target == Target::Postgres,
        Some("sqlite") => shape.target == Target::Sqlite,
        _ => match point.as_str() {
            "files.before_rename" | "files.after_rename" => {
                matches!(shape.target, Target::Csv | Target::JsonLines | Target::Folder)
            }
            _ => true,
        },
    });
    points
}
