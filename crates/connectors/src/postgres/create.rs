//! Making a table for a sync.

use arrow::datatypes::SchemaRef;
use syncline_core::{Error, ErrorKind, LogicalType, Result};

use super::names::{ObjectName, quoted};

/// Longest name in bytes (`NAMEDATALEN` less its end). PostgreSQL cuts longer ones without a word.
const NAME_BYTES_MAX: usize = 63;

/// The `CREATE TABLE` for a schema, with a primary key over the match fields.
pub fn statement(object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<String> {
    let name = ObjectName::parse(object)?;
    check_name(&name.name)?;
    if let Some(missing) = match_fields.iter().find(|f| schema.index_of(f).is_err()) {
        return Err(Error::new(
            ErrorKind::InvalidConfig,
            format!("match field '{missing}' is not among the fields written to {}", name.plain()),
        )
        .help("add it to the mapping, or match by another field"));
    }
    let mut lines = Vec::with_capacity(schema.fields().len() + 1);
    for field in schema.fields() {
        check_name(field.name())?;
        lines.push(format!("  {} {}", quoted(field.name()), type_sql(&LogicalType::of(field)?)));
    }
    if !match_fields.is_empty() {
        let key: Vec<String> = match_fields.iter().map(|f| quoted(f)).collect();
        lines.push(format!("  PRIMARY KEY ({})", key.join(", ")));
    }
    Ok(format!("CREATE TABLE {} (\n{}\n)", name.sql(), lines.join(",\n")))
}

fn check_name(name: &str) -> Result<()> {
    if name.len() <= NAME_BYTES_MAX && !name.contains('\0') {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidConfig,
        format!(
            "'{name}' cannot name a table or column: PostgreSQL's names have at most {NAME_BYTES_MAX} bytes"
        ),
    )
    .help("choose a shorter name in the mapping"))
}

fn type_sql(ty: &LogicalType) -> String {
    use LogicalType::*;
    match ty {
        Bool => "boolean".into(),
        Int16 => "smallint".into(),
        Int32 => "integer".into(),
        Int64 => "bigint".into(),
        Float32 => "real".into(),
        Float64 => "double precision".into(),
        // Where a declared precision is beyond PostgreSQL's own, any precision is the one that fits.
        Numeric(Some((p, s))) if (1..=1000).contains(p) && *s >= 0 && *s as u16 <= *p => {
            format!("numeric({p},{s})")
        }
        Numeric(_) => "numeric".into(),
        Text => "text".into(),
        Bytes => "bytea".into(),
        Uuid => "uuid".into(),
        Date => "date".into(),
        Time => "time".into(),
        Timestamp => "timestamp".into(),
        TimestampTz => "timestamptz".into(),
        Interval => "interval".into(),
        Json => "jsonb".into(),
        Array(item) => format!("{}[]", type_sql(item)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;
    use std::sync::Arc;

    #[test]
    fn a_table_has_quoted_names_canonical_types_and_its_key() {
        let schema = Arc::new(Schema::new(vec![
            LogicalType::Int64.field("id", false),
            LogicalType::Numeric(Some((12, 2))).field("odd \"name", true),
            LogicalType::Array(Box::new(LogicalType::Text)).field("tags", true),
        ]));
        let sql = statement("crm.Contact", &schema, &["id".to_string()]).unwrap();
        assert_eq!(
            sql,
            "CREATE TABLE \"crm\".\"Contact\" (\n  \"id\" bigint,\n  \"odd \"\"name\" numeric(12,2),\n  \
             \"tags\" text[],\n  PRIMARY KEY (\"id\")\n)"
        );
        assert!(statement("t", &schema, &["missing".to_string()]).unwrap_err().message.contains("missing"));
        assert!(statement(&"x".repeat(64), &schema, &[]).is_err());
    }
}
