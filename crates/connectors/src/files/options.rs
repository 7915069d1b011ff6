//! The options of a `files` connection.

use schemars::JsonSchema;
use serde::Deserialize;
use syncline_core::sync::FileFormat;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The folder, relative to the project. Models and objects are paths below it.
    #[schemars(extend("x-path" = true))]
    pub path: String,
    /// Whether folders that are missing are made at the first write.
    #[serde(default = "yes")]
    pub create_folders: bool,
    /// Format of the files that are written into a dataset folder (an object that ends in `/`).
    #[serde(default = "parquet")]
    #[schemars(with = "FormatName")]
    pub format: FileFormat,
    /// Whether the last line of a CSV file needs a line break. Without one, a file that was cut in
    /// its last record looks complete.
    #[serde(default)]
    pub final_newline: FinalNewline,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FinalNewline {
    #[default]
    Required,
    Optional,
}

/// The names of [`FileFormat`], for the JSON Schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code, reason = "only its schema is used")]
enum FormatName {
    Csv,
    Jsonl,
    Parquet,
}

fn yes() -> bool {
    true
}

fn parquet() -> FileFormat {
    FileFormat::Parquet
}

pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Options).to_value()
}
