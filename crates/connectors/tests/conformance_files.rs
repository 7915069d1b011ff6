//! The suite for every connector, over files of each format.
#![cfg(feature = "files")]

#[path = "systems/files.rs"]
mod system;

mod csv {
    mod source {
        syncline_connector::source_conformance!(crate::system::Files::new("csv"));
    }
    mod destination {
        syncline_connector::destination_conformance!(crate::system::Files::new("csv"));
    }
}

mod jsonl {
    mod source {
        syncline_connector::source_conformance!(crate::system::Files::new("jsonl"));
    }
    mod destination {
        syncline_connector::destination_conformance!(crate::system::Files::new("jsonl"));
    }
}

mod parquet {
    mod source {
        syncline_connector::source_conformance!(crate::system::Files::new("parquet"));
    }
    mod destination {
        syncline_connector::destination_conformance!(crate::system::Files::new("parquet"));
    }
}
