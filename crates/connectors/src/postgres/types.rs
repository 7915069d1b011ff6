//! Which PostgreSQL types have a canonical form, and how their values travel in binary.
//!
//! | PostgreSQL | canonical |
//! |---|---|
//! | bool, int2, int4, int8, float4, float8, uuid, bytea, date, time, timestamp, timestamptz, interval | its namesake |
//! | oid | int64 |
//! | numeric(p,s) | numeric(p,s); a bare numeric has any precision |
//! | text, varchar, name, xml, citext, enums | text |
//! | char(n) | text, with its padding: what a reader of the column sees |
//! | inet, cidr, macaddr, macaddr8, "char" | text, converted by the server (inet not in arrays) |
//! | json, jsonb | json |
//! | a domain | as its base type |
//! | an array | an array, if its elements have a canonical form; one dimension only, and the lower bound is not kept |
//!
//! Every other type (timetz, money, ranges, geometry, composites …) is refused, naming the column.

use syncline_core::{Error, ErrorKind, LogicalType};
use tokio_postgres::types::{Kind, Type};

/// A type of PostgreSQL with its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgType {
    pub logical: LogicalType,
    pub wire: Wire,
    /// The server converts values to text (or text[]) before they are sent.
    pub as_text: bool,
}

/// The binary format of a type, as its send function writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    /// Four bytes, unsigned.
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    /// A version byte, then text.
    Jsonb,
    Bytes,
    Uuid,
    Date,
    Time,
    Timestamp,
    Interval,
    Array {
        element: Box<Wire>,
        element_oid: u32,
    },
}

impl PgType {
    /// The canonical form of a type; `None` when it has none. `typmod` as the catalog has it, -1
    /// for none.
    pub fn of(ty: &Type, typmod: i32) -> Option<Self> {
        let plain = |logical, wire| Some(PgType { logical, wire, as_text: false });
        match ty.kind() {
            Kind::Domain(base) => return Self::of(base, typmod),
            Kind::Enum(_) => return plain(LogicalType::Text, Wire::Text),
            Kind::Array(element) => return Self::array(element, typmod),
            Kind::Simple => {}
            _ => return None,
        }
        match *ty {
            Type::BOOL => plain(LogicalType::Bool, Wire::Bool),
            Type::INT2 => plain(LogicalType::Int16, Wire::Int2),
            Type::INT4 => plain(LogicalType::Int32, Wire::Int4),
            Type::INT8 => plain(LogicalType::Int64, Wire::Int8),
            Type::OID => plain(LogicalType::Int64, Wire::Oid),
            Type::FLOAT4 => plain(LogicalType::Float32, Wire::Float4),
            Type::FLOAT8 => plain(LogicalType::Float64, Wire::Float8),
            Type::NUMERIC => plain(LogicalType::Numeric(precision_and_scale(typmod)), Wire::Numeric),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::XML => {
                plain(LogicalType::Text, Wire::Text)
            }
            Type::BYTEA => plain(LogicalType::Bytes, Wire::Bytes),
            Type::UUID => plain(LogicalType::Uuid, Wire::Uuid),
            Type::DATE => plain(LogicalType::Date, Wire::Date),
            Type::TIME => plain(LogicalType::Time, Wire::Time),
            Type::TIMESTAMP => plain(LogicalType::Timestamp, Wire::Timestamp),
            Type::TIMESTAMPTZ => plain(LogicalType::TimestampTz, Wire::Timestamp),
            Type::INTERVAL => plain(LogicalType::Interval, Wire::Interval),
            Type::JSON => plain(LogicalType::Json, Wire::Text),
            Type::JSONB => plain(LogicalType::Json, Wire::Jsonb),
            Type::INET | Type::CIDR | Type::MACADDR | Type::MACADDR8 | Type::CHAR => {
                Some(PgType { logical: LogicalType::Text, wire: Wire::Text, as_text: true })
            }
            // An extension's type, so its oid differs from database to database.
            _ if ty.name() == "citext" => plain(LogicalType::Text, Wire::Text),
            _ => None,
        }
    }

    fn array(element: &Type, typmod: i32) -> Option<Self> {
        let element_oid = element.oid();
        // The cast of inet[] to text[] adds a mask to every address that has none.
        if *base_type(element) == Type::INET {
            return None;
        }
        let element = Self::of(element, typmod)?;
        if matches!(element.logical, LogicalType::Array(_)) {
            return None;
        }
        Some(PgType {
            logical: LogicalType::Array(Box::new(element.logical)),
            wire: Wire::Array {
                element: Box::new(element.wire),
                element_oid: if element.as_text { Type::TEXT.oid() } else { element_oid },
            },
            as_text: element.as_text,
        })
    }
}

/// Unwraps domains down to the type that values really have.
pub fn base_type(ty: &Type) -> &Type {
    match ty.kind() {
        Kind::Domain(base) => base_type(base),
        _ => ty,
    }
}

/// The name of a type for people: `int4[]` rather than the catalog's `_int4`.
pub fn native_name(ty: &Type) -> String {
    match ty.kind() {
        Kind::Array(element) => format!("{}[]", native_name(element)),
        _ => ty.name().to_string(),
    }
}

/// The error for a column whose type has no canonical form.
pub fn unsupported(column: &str, ty: &Type) -> Error {
    let message = format!("column '{column}' has type {}, which has no canonical form", native_name(ty));
    Error::new(ErrorKind::UnsupportedType, message).help(format!(
        "read it with `sql` and convert it there, for example {0}::text as {0}",
        super::names::quoted(column)
    ))
}

/// Precision and scale from the modifier of a numeric (`numerictypmodin` in PostgreSQL's
/// numeric.c): the scale is a signed number of eleven bits, negative ones since version 15.
fn precision_and_scale(typmod: i32) -> Option<(u16, i16)> {
    let packed = typmod.checked_sub(4).filter(|packed| *packed >= 0)?;
    let precision = u16::try_from(packed >> 16).ok()?;
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    Some((precision, scale as i16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(name: &str, kind: Kind) -> Type {
        Type::new(name.into(), 100_000, kind, "public".into())
    }

    fn logical(ty: &Type, typmod: i32) -> Option<String> {
        PgType::of(ty, typmod).map(|t| t.logical.to_string())
    }

    #[test]
    fn numeric_modifiers_are_unpacked() {
        for (typmod, expected) in [
            (-1, "numeric"),
            (((10 << 16) | 2) + 4, "numeric(10,2)"),
            (((1000 << 16) | 1000) + 4, "numeric(1000,1000)"),
            (((5 << 16) | (-3i32 & 0x7ff)) + 4, "numeric(5,-3)"),
        ] {
            assert_eq!(logical(&Type::NUMERIC, typmod).as_deref(), Some(expected));
        }
    }

    #[test]
    fn domains_enums_and_arrays_are_followed_to_their_base() {
        let mood = custom("mood", Kind::Enum(vec!["sad".into()]));
        let email = custom("email", Kind::Domain(Type::TEXT));
        let emails = custom("_email", Kind::Array(email.clone()));
        let list = custom("list", Kind::Domain(Type::INT4_ARRAY));
        assert_eq!(logical(&mood, -1).as_deref(), Some("text"));
        assert_eq!(logical(&emails, -1).as_deref(), Some("text[]"));
        assert_eq!(logical(&list, -1).as_deref(), Some("int32[]"));
        assert_eq!(logical(&custom("_list", Kind::Array(list.clone())), -1), None);
        assert_eq!(logical(&custom("citext", Kind::Simple), -1).as_deref(), Some("text"));
        assert_eq!(native_name(&emails), "email[]");
        assert_eq!(*base_type(&custom("d", Kind::Domain(email))), Type::TEXT);
        match PgType::of(&emails, -1).unwrap().wire {
            Wire::Array { element_oid, .. } => assert_eq!(element_oid, 100_000),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_converted_to_text_says_so() {
        assert!(PgType::of(&Type::INET, -1).unwrap().as_text);
        let networks = PgType::of(&Type::CIDR_ARRAY, -1).unwrap();
        assert!(networks.as_text);
        let wire = Wire::Array { element: Box::new(Wire::Text), element_oid: Type::TEXT.oid() };
        assert_eq!(networks.wire, wire);
    }

    #[test]
    fn other_types_are_refused_by_column() {
        for ty in [
            Type::TIMETZ,
            Type::MONEY,
            Type::INT4_RANGE,
            Type::POINT,
            Type::TS_VECTOR,
            Type::RECORD,
            Type::INET_ARRAY,
        ] {
            assert_eq!(PgType::of(&ty, -1), None, "{ty}");
        }
        let error = unsupported("price", &Type::MONEY_ARRAY);
        assert_eq!(error.kind, ErrorKind::UnsupportedType);
        assert_eq!(error.message, "column 'price' has type money[], which has no canonical form");
        assert!(error.help.unwrap().contains(r#""price"::text as "price""#));
    }
}
