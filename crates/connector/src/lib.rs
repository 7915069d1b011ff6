//! What a connector is: the contract between the engine and the systems at both ends.
//!
//! A connector is a [`Source`], a [`Destination`], or both, for one type of system. The doc comment
//! of each trait is its contract; [`conformance`] tests it. Connectors never retry whole runs,
//! never read the environment and never decide what a change is: the engine does that.

pub mod conformance;
mod connection;
mod destination;
mod raw;
mod source;
mod spec;

pub use connection::{Connection, ConnectionConfig, Registry};
pub use destination::{
    Chunk, Destination, DirectLoad, Equality, FieldRule, ObjectDescription, OpenRequest, Recovery, Session,
    TargetField,
};
pub use raw::{Identities, RawBatch, RestoreRaw};
pub use source::{
    Consistency, Identify, InvalidRow, ReadEnd, ReadFilter, ReadRequest, Source, SourceBatch, SourceItem,
    SourceStream, StreamInfo, UnreadableRow,
};
pub use spec::{ConnectorSpec, DestinationSpec, ModelKind, RemovalKind, SourceSpec};
