//! The suite that every connector passes.
//!
//! Each function of [`source`] and [`destination`] tests one rule of the contract in the traits' doc
//! comments; it panics with the rule and what was seen instead. A connector's tests implement
//! [`SourceFixture`] or [`DestinationFixture`] and run every rule as a test of its own name with
//! [`source_conformance!`](crate::source_conformance) and
//! [`destination_conformance!`](crate::destination_conformance).
//!
//! What a system cannot hold is said by its fixture, value by value, and tested as well: a value
//! that is refused must be named as such, and one that need not be refused must arrive.

pub mod destination;
pub mod source;
pub mod table;
pub mod values;

use std::sync::Arc;

use async_trait::async_trait;
use syncline_core::LogicalType;
use syncline_core::sync::Model;

use crate::{Destination, DestinationSpec, Source};
use table::{Column, Row};

/// One system that models are read from.
#[async_trait]
pub trait SourceFixture: Send + Sync {
    fn source(&self) -> Arc<dyn Source>;

    /// The types that a column can have here.
    fn types(&self) -> Vec<LogicalType>;

    /// Whether a column of this type can hold this value (canonical text) here.
    fn holds(&self, ty: &LogicalType, text: &str) -> bool {
        let _ = (ty, text);
        true
    }

    /// Makes a place of its own with these columns and rows, not by way of the connector, and
    /// answers a model that reads all of it. The model's key is the first column.
    async fn load(&self, columns: &[Column], rows: &[Row]) -> Model;

    /// A model of something that does not exist.
    fn missing(&self) -> Model;

    /// Texts that may appear in no message and no name.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// One system that changes are written to, and read back from by its own source, which has passed
/// the suite for sources.
#[async_trait]
pub trait DestinationFixture: Send + Sync {
    fn spec(&self) -> DestinationSpec;

    fn destination(&self) -> Arc<dyn Destination>;

    fn source(&self) -> Arc<dyn Source>;

    /// The name of an object that does not exist; another one at each call.
    fn new_object(&self) -> String;

    /// A model that reads the whole object. The columns are those that were written.
    fn model(&self, object: &str, columns: &[Column]) -> Model;

    /// Removes the object, not by way of the connector.
    async fn remove(&self, object: &str);

    /// The type that an object made for a field of type `ty` describes.
    fn stored_type(&self, ty: &LogicalType) -> LogicalType {
        ty.clone()
    }

    /// Whether a field made for this type refuses this value (canonical text).
    fn refuses(&self, ty: &LogicalType, text: &str) -> bool {
        let _ = (ty, text);
        false
    }

    /// Texts that may appear in no message and no name.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Runs every rule for sources over a fixture, each as a test of its own.
///
/// The expression is evaluated in each test, inside of its runtime.
#[macro_export]
macro_rules! source_conformance {
    ($fixture:expr) => {
        $crate::conformance_tests! { source, $fixture,
            a_read_has_the_schema_that_describe_tells
            a_projection_has_its_columns_in_its_order
            batches_are_bounded_and_no_row_is_lost
            values_at_every_edge_are_read_exactly
            an_empty_model_is_a_complete_read
            rows_since_a_cursor_include_ties_nulls_and_keys
            rows_by_keys_are_exactly_those
            keys_of_every_type_find_their_row
            ten_thousand_keys_are_one_filter
            order_is_ascending_with_nulls_last
            a_dropped_stream_is_harmless
            reads_run_concurrently
            what_exists_is_discovered
            a_missing_object_is_a_failed_query
            names_and_messages_hold_no_secrets
        }
    };
}

/// Runs every rule for destinations over a fixture, each as a test of its own.
///
/// The expression is evaluated in each test, inside of its runtime.
#[macro_export]
macro_rules! destination_conformance {
    ($fixture:expr) => {
        $crate::conformance_tests! { destination, $fixture,
            the_spec_is_consistent
            what_is_not_in_the_spec_is_refused
            a_missing_object_is_told
            a_created_object_has_the_wanted_fields_and_key
            every_write_mode_answers_what_it_did
            append_adds_every_row
            every_kind_of_removal_does_what_it_says
            removing_again_changes_nothing
            field_rules_are_kept
            a_record_follows_its_match_value
            records_can_trade_their_match_values
            a_null_match_value_is_refused_alone
            results_are_one_per_row_in_order
            several_match_fields_find_a_record_together
            nothing_is_visible_before_the_commit
            every_way_of_publishing_publishes
            a_rollback_leaves_nothing
            a_session_dropped_without_commit_leaves_nothing
            a_new_session_tells_what_became_of_a_chunk
            a_chunk_written_again_changes_nothing
            a_newer_session_fences_an_older_one
            a_newer_session_fences_one_that_has_written
            a_fence_is_its_syncs_own
            the_incarnation_survives_our_writes_and_not_a_new_object
            values_at_every_edge_arrive_or_are_refused_by_name
            names_and_messages_of_a_destination_hold_no_secrets
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($suite:ident, $fixture:expr, $($rule:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let fixture = $fixture;
                $crate::conformance::$suite::$rule(&fixture).await;
            }
        )*
    };
}
