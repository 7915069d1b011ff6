//! Values that are text in one of the languages of [`crate::values`].

use std::net::SocketAddr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};
use serde_json::Value;
use syncline_core::{LogicalType, SyncId, sync};

use crate::values;

/// Defines a value that is written as text in one of the languages of [`values`].
macro_rules! text_values {
    ($($(#[$doc:meta])* $name:ident($inner:ty) = $parse:path, $schema:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(try_from = "Value")]
        pub(crate) struct $name(pub $inner);

        impl TryFrom<Value> for $name {
            type Error = String;

            fn try_from(value: Value) -> Result<Self, String> {
                match value {
                    Value::String(text) => $parse(&text).map($name),
                    Value::Number(number) => $parse(&number.to_string()).map($name),
                    _ => Err("expected text or a number".to_string()),
                }
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

const DURATION_PATTERN: &str = "^([0-9]+(w|d|h|m|s|ms))+$";

text_values! {
    /// A duration that may be zero.
    Delay(Duration) = values::duration, { "type": "string", "x-format": "duration", "pattern": DURATION_PATTERN };
    /// A duration of at least a second.
    Period(Duration) = values::period, { "type": "string", "x-format": "period", "pattern": DURATION_PATTERN };
    /// A count or a percentage.
    LimitValue(sync::Limit) = values::limit, {
        "type": ["integer", "string"], "minimum": 0, "x-format": "limit", "pattern": "^[0-9]+(\\.[0-9]+)?%?$"
    };
    /// A percentage from 0 to 100.
    PercentValue(f64) = values::percent, {
        "type": "string", "x-format": "percent", "pattern": "^[0-9]+(\\.[0-9]+)?%$"
    };
    /// A number of at least one.
    Count(u32) = count, { "type": "integer", "minimum": 1, "maximum": u32::MAX };
    /// A number of bytes.
    ByteSize(u64) = values::bytes, { "type": ["integer", "string"], "minimum": 0, "x-format": "bytes" };
    /// `instance.entity`.
    SyncName(SyncId) = values::sync_id, { "type": "string", "x-format": "sync_id" };
    /// An IP address and a port.
    ListenAddress(SocketAddr) = values::listen_address, { "type": "string", "x-format": "listen_address" };
    /// Address of a server, without a slash at its end.
    BaseUrl(String) = values::base_url, { "type": "string", "x-format": "base_url" };
    /// The type of a column.
    ColumnType(LogicalType) = values::column_type, { "type": "string", "x-format": "column_type" };
    /// The separator of a CSV file.
    Delimiter(char) = values::delimiter, { "type": "string", "x-format": "delimiter" };
    /// Letters, digits, `_` and `-`.
    Name(String) = name, { "type": "string", "x-format": "name", "x-text": true };
    /// A column or field.
    ColumnName(String) = text, { "type": "string", "x-format": "not_empty", "x-text": true };
    /// Any text; numbers and booleans are taken as they are written.
    Text(String) = text, { "type": ["string", "number", "boolean"], "x-text": true };
    /// A SQL expression; numbers and booleans are expressions too.
    Expression(String) = text, { "type": ["string", "number", "boolean"], "x-format": "not_empty", "x-text": true };
}

fn text(text: &str) -> Result<String, String> {
    Ok(text.to_string())
}

fn name(text: &str) -> Result<String, String> {
    values::name(text).map(|()| text.to_string())
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("'{text}' is not a number from 1 to {}", u32::MAX))
}

/// A limit that has a default, and can be switched off with `off` or an explicit null.
#[derive(Clone, Debug, Default)]
pub(crate) enum Guard<T> {
    #[default]
    Default,
    Off,
    Value(T),
}

impl<'de, T> Deserialize<'de> for Guard<T>
where
    T: TryFrom<Value, Error = String>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Guard::Off),
            Value::String(text) if text == "off" => Ok(Guard::Off),
            other => T::try_from(other).map(Guard::Value).map_err(serde::de::Error::custom),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Guard<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Guard{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "const": "off" }, { "type": "null" }, value] })
    }
}
