//! The JSON of the REST API: what the server answers and takes, what the command line prints and
//! reads. These shapes are a promise to clients; they are made from the stored records here and
//! nowhere else.

mod access;
mod authoring;
mod definitions;
pub mod export;
mod letters;
mod notifications;
mod overview;
mod problem;
mod purge;
mod runs;
mod state;
mod syncs;
pub mod words;

use serde::{Deserialize, Serialize};
use syncline_store::Page;
use utoipa::ToSchema;

pub use access::*;
pub use authoring::*;
pub use definitions::*;
pub use letters::*;
pub use notifications::*;
pub use overview::*;
pub use problem::*;
pub use purge::*;
pub use runs::*;
pub use state::*;
pub use syncs::*;

/// One page of a list, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    pub data: Vec<T>,
    pub pagination: Pagination,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pagination {
    /// From 1.
    pub page: u64,
    pub per_page: u64,
    /// Records on all pages.
    pub total: u64,
}

impl<T> List<T> {
    pub fn new(data: Vec<T>, page: Page, total: u64) -> Self {
        Self { data, pagination: Pagination { page: page.number, per_page: page.size, total } }
    }
}
