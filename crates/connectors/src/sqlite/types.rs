//! Declared column types: what SQLite makes of them, and what we do.
//!
//! | declared | canonical |
//! |---|---|
//! | a name with `INT` in it | int64 |
//! | `BOOL`, `BOOLEAN` | bool |
//! | `REAL`, `DOUBLE`, `FLOAT` … | float64 |
//! | `NUMERIC`, `DECIMAL`, `DEC`, `NUMBER`, `MONEY` | numeric |
//! | `TEXT`, `VARCHAR(n)`, `CHAR`, `CLOB` …, `STRING`, `ANY` | text |
//! | `BLOB` | bytes |
//! | `UUID`, `GUID` | uuid |
//! | `DATE`, `TIME` | date, time |
//! | `DATETIME`, `TIMESTAMP` | timestamp |
//! | `TIMESTAMPTZ`, `TIMESTAMP WITH TIME ZONE` | timestamptz |
//! | `INTERVAL` | interval |
//! | `JSON`, `JSONB` | json |
//! | any of the last five rows or `NUMERIC`, followed by `TEXT` | the same, kept as text |
//!
//! Lengths, precision and scale are not enforced by SQLite and therefore not part of the type. An
//! expression of a query and a column with no or an unknown declared type take their type from what
//! they hold (see [`super::rows`]); such a column at a destination takes text.
//!
//! The form with `TEXT` is for values that SQLite would turn into numbers: a column declared
//! `NUMERIC` keeps 15 digits, one declared `NUMERIC TEXT` keeps all.

use syncline_core::LogicalType;

/// How SQLite converts what is stored in a column (<https://sqlite.org/datatype3.html>, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    Integer,
    Text,
    /// Nothing is converted.
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    /// The affinity of a declared type, by SQLite's own rules in their order.
    pub fn of(declared: &str) -> Self {
        let name = declared.to_ascii_uppercase();
        let has = |part: &str| name.contains(part);
        if has("INT") {
            Affinity::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if has("BLOB") || name.trim().is_empty() {
            Affinity::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }
}

/// The canonical type of a declared type; `None` when it says nothing.
pub fn canonical(declared: &str) -> Option<LogicalType> {
    let name = bare_name(declared);
    let (named, as_text) = match name.strip_suffix(" TEXT") {
        Some(first) => (first, true),
        None => (name.as_str(), false),
    };
    use LogicalType::*;
    let ty = match named {
        "INTERVAL" if !as_text => Interval,
        "NUMERIC" | "DECIMAL" | "DEC" | "NUMBER" | "MONEY" => Numeric(None),
        "UUID" | "GUID" => Uuid,
        "DATE" => Date,
        "TIME" | "TIME WITHOUT TIME ZONE" => Time,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => Timestamp,
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => TimestampTz,
        "JSON" | "JSONB" => Json,
        "BOOL" | "BOOLEAN" if !as_text => Bool,
        "STRING" | "ANY" if !as_text => Text,
        _ => return by_affinity(&name),
    };
    Some(ty)
}

fn by_affinity(name: &str) -> Option<LogicalType> {
    match Affinity::of(name) {
        Affinity::Integer => Some(LogicalType::Int64),
        Affinity::Text => Some(LogicalType::Text),
        Affinity::Blob if name.is_empty() => None,
        Affinity::Blob => Some(LogicalType::Bytes),
        Affinity::Real => Some(LogicalType::Float64),
        Affinity::Numeric => None,
    }
}

/// Upper case, without arguments, words one space apart.
fn bare_name(declared: &str) -> String {
    let mut name = String::new();
    let mut depth = 0usize;
    for c in declared.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => name.push(c.to_ascii_uppercase()),
            _ => {}
        }
    }
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The type to declare for a canonical type, such that every value of it survives.
pub fn declare(ty: &LogicalType) -> &'static str {
    use LogicalType::*;
    match ty {
        Bool => "BOOLEAN",
        Int16 | Int32 | Int64 => "INTEGER",
        Float32 | Float64 => "REAL",
        Numeric(Some((precision, _))) if *precision <= 15 => "NUMERIC",
        Numeric(_) => "NUMERIC TEXT",
        Text => "TEXT",
        Bytes => "BLOB",
        Uuid => "UUID TEXT",
        Date => "DATE TEXT",
        Time => "TIME TEXT",
        Timestamp => "TIMESTAMP TEXT",
        TimestampTz => "TIMESTAMPTZ TEXT",
        Interval => "INTERVAL",
        Json | Array(_) => "JSON TEXT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_names_mean_what_the_table_says() {
        use LogicalType::*;
        for (declared, ty) in [
            ("integer", Some(Int64)),
            ("UNSIGNED BIG INT", Some(Int64)),
            ("Boolean", Some(Bool)),
            ("double precision", Some(Float64)),
            ("DECIMAL(10, 2)", Some(Numeric(None))),
            ("NUMERIC TEXT", Some(Numeric(None))),
            ("VARCHAR(20)", Some(Text)),
            ("native character(70)", Some(Text)),
            ("STRING", Some(Text)),
            ("blob", Some(Bytes)),
            ("UUID", Some(Uuid)),
            ("TIMESTAMP(6) WITH TIME ZONE", Some(TimestampTz)),
            ("datetime", Some(Timestamp)),
            ("JSON TEXT", Some(Json)),
            ("INTERVAL", Some(Interval)),
            ("REAL TEXT", Some(Text)),
            ("", None),
            ("GEOMETRY", None),
        ] {
            assert_eq!(canonical(declared), ty, "{declared}");
        }
    }

    #[test]
    fn what_we_declare_is_read_back_as_the_same_type_or_a_wider_one() {
        use LogicalType::*;
        for ty in [
            Bool,
            Int64,
            Float64,
            Numeric(None),
            Text,
            Bytes,
            Uuid,
            Date,
            Time,
            Timestamp,
            TimestampTz,
            Interval,
            Json,
        ] {
            assert_eq!(canonical(declare(&ty)), Some(ty));
        }
        assert_eq!(canonical(declare(&Int16)), Some(Int64));
        assert_eq!(canonical(declare(&Array(Box::new(Text)))), Some(Json));
    }
}
