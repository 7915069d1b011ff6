//! What every [`syncline_store::Store`] must do, as a queue and a catalog too, written against the
//! traits alone.
//!
//! [`stores`] opens each implementation; [`over_every_store`] runs a test over all of them. The
//! modules [`processes`] and [`upgrade`] are about the embedded store, which is a file; [`servers`] is
//! about several processes that share one state, [`upgrade_postgres`] about one that earlier versions made.

mod activation;
mod backups;
mod catalog_audit;
mod catalog_events;
mod catalog_figures;
mod catalog_notices;
mod catalog_objects;
mod catalog_requests;
mod commits;
mod cursors;
mod fixtures;
mod follow_up;
mod leases;
mod letters;
mod model;
mod plans;
mod processes;
mod purges;
mod queue;
mod queue_model;
mod queue_races;
mod races;
mod retention;
mod row_errors;
mod runs;
mod servers;
mod stores;
mod syncs;
mod upgrade;
mod upgrade_postgres;

/// Declares the tests of a module: each is an `async fn` of an `Arc<dyn Store>`, `Arc<dyn Queue>` or
/// `Arc<dyn Catalog>`, run with a new store of every implementation.
macro_rules! over_every_store {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let opened = crate::stores::sqlite();
                    super::$test(opened.store.clone()).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let opened = crate::stores::postgres().await;
                    super::$test(opened.store.clone()).await;
                }
            )+
        }
    };
}

pub(crate) use over_every_store;
