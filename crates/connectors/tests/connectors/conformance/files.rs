//! The suite for every connector, over files of each format.

mod csv {
    mod source {
        syncline_connector::source_conformance!(crate::systems::files::Files::new("csv"));
    }
    mod destination {
        syncline_connector::destination_conformance!(crate::systems::files::Files::new("csv"));
    }
}

mod jsonl {
    mod source {
        syncline_connector::source_conformance!(crate::systems::files::Files::new("jsonl"));
    }
    mod destination {
        syncline_connector::destination_conformance!(crate::systems::files::Files::new("jsonl"));
    }
}

mod parquet {
    mod source {
        syncline_connector::source_conformance!(crate::systems::files::Files::new("parquet"));
    }
    mod destination {
        syncline_connector::destination_conformance!(crate::systems::files::Files::new("parquet"));
    }
}
