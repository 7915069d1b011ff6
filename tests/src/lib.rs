//! What black-box and integration tests need around them: real servers, started and removed by the
//! test process itself, and the real program in a project of its own.

pub mod collector;
pub mod databases;
pub mod fail_points;
pub mod object_store;
pub mod postgres;
pub mod project;
pub mod proxy;
pub mod seeded;
pub mod server;
