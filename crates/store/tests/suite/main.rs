//! What every [`syncline_store::Store`] must do, written against the trait alone.
//!
//! [`stores`] opens each implementation; [`over_every_store`] runs a test over all of them. The
//! modules [`processes`] and [`upgrade`] are about the embedded store, which is a file.

mod commits;
mod cursors;
mod fixtures;
mod letters;
mod model;
mod plans;
mod processes;
mod races;
mod retention;
mod row_errors;
mod runs;
mod stores;
mod syncs;
mod upgrade;

/// Declares the tests of a module: each is an `async fn(Arc<dyn Store>)`, run with a new store of
/// every implementation.
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
    };
}

pub(crate) use over_every_store;
