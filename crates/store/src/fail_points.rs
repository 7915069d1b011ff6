//! Named places where tests stop or break this crate: `store.commit.before`, `store.commit.after`,
//! `store.set_chunk.before`, `store.set_chunk.after`, `store.save_plan.after`,
//! `files.finish.before_rename` and `files.finish.after_rename`. Outside test builds they compile
//! to nothing.

use syncline_core::{Error, ErrorKind};

/// A fail point in a function whose error an [`Error`] can become.
macro_rules! fail_point {
    ($name:literal) => {
        fail::fail_point!($name, |_| Err($crate::fail_points::injected($name).into()))
    };
}

pub(crate) use fail_point;

/// The error that a fail point set to `return` gives.
#[allow(dead_code, reason = "called only where fail points are compiled in")]
pub fn injected(name: &str) -> Error {
    Error::new(ErrorKind::LocalIo, format!("a test broke this at {name}"))
}
