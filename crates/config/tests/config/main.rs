//! Whole projects on disk, read as a user's would be.

mod design_example;
mod environments;
mod fixture;
mod kept_secrets;
mod made;
mod ordering;
mod reference;
mod reload;
mod robustness;
mod scaffolds;
mod schemas;
mod secrets;
mod settings;
mod wrong_documents;
