//! From blocking calls to the asynchronous client of the object store.
//!
//! Callers are on threads of every kind, also on those of an asynchronous runtime, where waiting in
//! tokio's own ways would panic. So the client lives on threads of its own, and callers wait for an
//! answer as for a disk.

use std::future::Future;
use std::sync::mpsc;

use syncline_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Runtime};

/// Two: a file being read or written on one does not stop the requests of the others.
const THREADS: usize = 2;

#[derive(Debug)]
pub(super) struct Bridge {
    /// Gone only while it is dropped.
    runtime: Option<Runtime>,
}

impl Bridge {
    pub fn start() -> Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(THREADS).thread_name("files").enable_all().build();
        let runtime = runtime.map_err(|e| {
            Error::new(ErrorKind::LocalIo, "cannot start the threads of the object store").caused_by(e)
        })?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Does `work` on the threads of the client, and waits for it.
    pub fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let gone = || Error::internal("the threads of the object store ended in the middle of its work");
        let runtime = self.runtime.as_ref().ok_or_else(gone)?;
        let (answer, answers) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Nobody takes it only if the caller's thread has ended.
            let _ = answer.send(work.await);
        });
        answers.recv().map_err(|_| gone())
    }

    /// Begins `work` that ends with the bridge, or when it is told to.
    pub fn begin(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<tokio::task::AbortHandle> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(work).abort_handle())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its threads is not allowed on those of another runtime.
            runtime.shutdown_background();
        }
    }
}
