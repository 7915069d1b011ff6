//! The connectors of this binary, one folder per system.

#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use syncline_connector::Registry;

/// Every connector type this binary was built with.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    #[cfg(feature = "files")]
    registry.register(files::spec(), files::connect);
    #[cfg(feature = "postgres")]
    registry.register(postgres::spec(), postgres::connect);
    #[cfg(feature = "sqlite")]
    registry.register(sqlite::spec(), sqlite::connect);
    registry
}
