//! What the program itself measures, and what the kernel counts of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Measured values, by the name of the figure.
#[derive(Clone, Default)]
pub struct Figures(Arc<Mutex<HashMap<String, Vec<f64>>>>);

impl Figures {
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// Takes the values of a figure.
    pub fn sorted(&self, name: &str) -> Vec<f64> {
        let mut values = self.0.lock().unwrap().remove(name).unwrap_or_default();
        values.sort_by(f64::total_cmp);
        values
    }
}

/// The value at which this share of `sorted` is reached.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0)
}

struct Figure {
    of: Figures,
    name: String,
}

impl metrics::HistogramFn for Figure {
    fn record(&self, value: f64) {
        self.of.0.lock().unwrap().entry(self.name.clone()).or_default().push(value);
    }
}

impl metrics::Recorder for Figures {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        metrics::Counter::noop()
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        let figure = Figure { of: self.clone(), name: key.name().to_string() };
        metrics::Histogram::from_arc(Arc::new(figure))
    }
}

/// CPU time of this process, user and system, from the kernel's clock ticks (100 a second).
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Most memory that this process held.
pub fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
