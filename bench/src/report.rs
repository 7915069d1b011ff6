//! Figures as a table for people and as JSON for later comparisons.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::measure::{Cost, median};

/// What one round took, beside its baseline in the same round.
#[derive(Clone, Copy)]
pub struct Round {
    pub measured: Cost,
    pub baseline: Option<Cost>,
}

/// What a figure should not exceed.
#[derive(Clone, Copy)]
pub enum Target {
    /// Wall time against the baseline's.
    Ratio(f64),
    Seconds(f64),
    /// Peak memory against the baseline's.
    Memory(f64),
}

pub struct Figure {
    /// The letter it is selected by.
    pub id: char,
    pub name: String,
    pub rounds: Vec<Round>,
    pub target: Option<Target>,
}

impl Figure {
    pub fn new(id: char, name: impl Into<String>, target: Option<Target>) -> Self {
        Self { id, name: name.into(), rounds: Vec::new(), target }
    }

    pub fn push(&mut self, measured: Cost, baseline: Cost) {
        self.rounds.push(Round { measured, baseline: Some(baseline) });
    }

    /// Measures after the baseline was taken.
    pub fn push_after(&mut self, baseline: Cost, measure: impl FnOnce() -> Cost) {
        self.push(measure(), baseline);
    }

    pub fn push_alone(&mut self, measured: Cost) {
        self.rounds.push(Round { measured, baseline: None });
    }

    pub fn median(&self, of: impl Fn(&Cost) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| of(&round.measured)))
    }

    pub fn median_baseline(&self, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        let baselines: Vec<f64> = self.rounds.iter().filter_map(|r| r.baseline.as_ref().map(&of)).collect();
        (!baselines.is_empty()).then(|| median(baselines))
    }

    /// The median of the rounds' ratios, not the ratio of medians: what disturbs a round disturbs both sides.
    pub fn ratio(&self, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        let ratio = |round: &Round| round.baseline.as_ref().map(|b| of(&round.measured) / of(b));
        let ratios: Vec<f64> = self.rounds.iter().filter_map(ratio).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }

    fn verdict(&self) -> String {
        let (limit, value) = match self.target {
            None => return String::new(),
            Some(Target::Ratio(limit)) => (format!("{limit}x"), self.ratio(|c| c.wall).map(|v| (v, limit))),
            Some(Target::Seconds(limit)) => (format!("{limit} s"), Some((self.median(|c| c.wall), limit))),
            Some(Target::Memory(limit)) => {
                let ratio = self.ratio(|c| c.peak as f64);
                (format!("{:.2}x of {limit}x memory", ratio.unwrap_or(f64::NAN)), ratio.map(|v| (v, limit)))
            }
        };
        let reached = value.is_some_and(|(value, limit)| value <= limit);
        format!("{limit} {}", if reached { "reached" } else { "NOT REACHED" })
    }

    fn line(&self) -> String {
        let or_dash = |value: Option<f64>, unit: &str| value.map_or("-".into(), |v| format!("{v:.2}{unit}"));
        let peak = self.median(|c| c.peak as f64) / 1e6;
        format!(
            "{:<3}{:<40}{:>9.2}{:>9}{:>8} |{:>8.2}{:>8}{:>8} |{:>8} | {}",
            self.id,
            self.name,
            self.median(|c| c.wall),
            or_dash(self.median_baseline(|c| c.wall), ""),
            or_dash(self.ratio(|c| c.wall), "x"),
            self.median(Cost::cpu),
            or_dash(self.median_baseline(Cost::cpu), ""),
            or_dash(self.ratio(Cost::cpu), "x"),
            if peak > 0.0 { format!("{peak:.0}") } else { "-".into() },
            self.verdict()
        )
    }

    fn json(&self) -> Json {
        let rounds: Vec<Json> = self
            .rounds
            .iter()
            .map(|round| json!({ "measured": cost(&round.measured), "baseline": round.baseline.as_ref().map(cost) }))
            .collect();
        json!({
            "figure": self.id.to_string(),
            "name": self.name,
            "wall_seconds": self.median(|c| c.wall),
            "wall_ratio": self.ratio(|c| c.wall),
            "cpu_seconds": self.median(Cost::cpu),
            "cpu_ratio": self.ratio(Cost::cpu),
            "target": self.verdict(),
            "rounds": rounds,
        })
    }
}

fn cost(cost: &Cost) -> Json {
    json!({
        "wall_seconds": cost.wall,
        "client_cpu_seconds": cost.client,
        "server_cpu_seconds": cost.server,
        "peak_bytes": cost.peak,
    })
}

/// All figures of a run of the benchmark. Each is printed when it is known; the file is kept up to date,
/// so that an interrupted run leaves what it found.
pub struct Report {
    path: PathBuf,
    about: Json,
    figures: Vec<Figure>,
}

impl Report {
    pub fn new(path: PathBuf, about: Json) -> Self {
        println!(
            "{:<43}{:>9}{:>9}{:>8} |{:>8}{:>8}{:>8} |{:>8} | target",
            "medians", "wall s", "base", "ratio", "CPU s", "base", "ratio", "peak MB"
        );
        Self { path, about, figures: Vec::new() }
    }

    pub fn add(&mut self, figure: Figure) {
        println!("{}", figure.line());
        self.figures.push(figure);
        let figures: Vec<Json> = self.figures.iter().map(Figure::json).collect();
        let text = format!("{:#}\n", json!({ "about": self.about, "figures": figures }));
        std::fs::write(&self.path, text).expect("write the report");
    }
}
