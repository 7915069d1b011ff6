//! What black-box and integration tests need around them: real servers, started and removed by the
//! test process itself.

pub mod postgres;
