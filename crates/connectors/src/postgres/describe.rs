//! What the catalog says about a table that is written to.

use syncline_connector::{Equality, ObjectDescription, TargetField};
use syncline_core::LogicalType;
use tokio_postgres::types::{Kind, Type};
use tokio_postgres::{Client, Row};

use super::names::ObjectName;
use super::types::PgType;

/// A table as the destination needs to know it.
#[derive(Debug)]
pub struct Table {
    pub oid: u32,
    /// With its schema.
    pub name: ObjectName,
    pub columns: Vec<Column>,
    pub unique_keys: Vec<UniqueKey>,
    pub not_writable: Option<String>,
    /// Row triggers may replace a value before constraints see it.
    pub has_before_triggers: bool,
    pub incarnation: String,
    /// The role we are.
    pub role: String,
}

#[derive(Debug)]
pub struct Column {
    pub field: TargetField,
    /// The type without domains and modifiers, quoted: `"pg_catalog"."bpchar"`.
    pub base_sql: String,
    pub base_oid: u32,
    /// Storing a value can fail for more reasons than its base type has.
    pub is_constrained: bool,
    /// Collation, quoted, when it is not the database's own.
    pub collation: Option<String>,
    /// Labels of an enum.
    pub labels: Option<Vec<String>>,
    /// Expression of the default, if it has one.
    pub default_sql: Option<String>,
    pub may_insert: bool,
    pub may_update: bool,
    pub may_select: bool,
}

/// A unique index that can tell whether a row exists: valid, immediate, over whole columns of all
/// rows.
#[derive(Debug)]
pub struct UniqueKey {
    /// Each column with the operator that the index compares it by, as `OPERATOR(schema.=)`. Plain
    /// `=` could mean another one, depending on the search path (citext).
    pub columns: Vec<(String, String)>,
}

impl UniqueKey {
    /// Whether this key is over exactly these columns, in any order.
    pub fn covers(&self, fields: &[String]) -> bool {
        self.columns.len() == fields.len() && fields.iter().all(|f| self.columns.iter().any(|(c, _)| c == f))
    }
}

const TABLE_SQL: &str = "
SELECT c.oid, n.nspname, c.relname, c.relkind::text, current_user::text,
       pg_catalog.has_any_column_privilege(c.oid, 'INSERT') OR pg_catalog.has_any_column_privilege(c.oid, 'UPDATE'),
       pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only') = 'on',
       EXISTS (SELECT FROM pg_catalog.pg_trigger t
               WHERE NOT t.tgisinternal AND t.tgtype & 3 = 3
                 AND (t.tgrelid = c.oid OR t.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p))),
       (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE WHEN $1::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1 END";

const COLUMNS_SQL: &str = "
WITH RECURSIVE chain AS (
  SELECT a.attnum, a.atttypid AS typid, a.atttypmod AS typmod, 0 AS depth, a.attnotnull AS required
  FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT c.attnum, t.typbasetype, t.typtypmod, c.depth + 1, c.required OR t.typnotnull
  FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.typid AND t.typtype = 'd'
), base AS (SELECT DISTINCT ON (attnum) * FROM chain ORDER BY attnum, depth DESC)
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT b.required,
       a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a',
       b.typid, b.typmod, b.depth > 0 OR b.typmod <> -1,
       t.typname, pg_catalog.format('%I.%I', tn.nspname, t.typname), t.typtype::text,
       e.oid, e.typname, e.typtype::text,
       CASE WHEN co.collname <> 'default' THEN pg_catalog.format('%I.%I', cn.nspname, co.collname) END,
       coalesce(NOT co.collisdeterministic, false),
       CASE WHEN t.typtype = 'e' THEN ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l
                                            WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) END,
       CASE WHEN a.attidentity <> '' THEN 'pg_catalog.nextval(' || pg_catalog.quote_literal(
                 pg_catalog.pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)) || '::regclass)'
            ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT'),
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'UPDATE'),
       pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_catalog.pg_attribute a
JOIN base b ON b.attnum = a.attnum
JOIN pg_catalog.pg_type t ON t.oid = b.typid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1
ORDER BY a.attnum";

const UNIQUE_KEYS_SQL: &str = "
SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place),
       pg_catalog.array_agg(pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, op.oprname) ORDER BY k.place)
FROM pg_catalog.pg_index x
CROSS JOIN LATERAL unnest(x.indkey::int2[], x.indclass::oid[], x.indcollation::oid[])
           WITH ORDINALITY AS k(attnum, opclass, collid, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
JOIN pg_catalog.pg_opclass oc ON oc.oid = k.opclass
JOIN pg_catalog.pg_amop am ON am.amopfamily = oc.opcfamily AND am.amopstrategy = 3
                          AND am.amoplefttype = oc.opcintype AND am.amoprighttype = oc.opcintype
JOIN pg_catalog.pg_operator op ON op.oid = am.amopopr
JOIN pg_catalog.pg_namespace opn ON opn.oid = op.oprnamespace
WHERE x.indrelid = $1 AND x.indisunique AND x.indisvalid AND x.indisready AND x.indimmediate
  AND x.indpred IS NULL AND x.indexprs IS NULL AND k.place <= x.indnkeyatts
GROUP BY x.indexrelid, x.indisprimary, x.indnkeyatts
HAVING pg_catalog.bool_and(k.collid = a.attcollation OR k.collid = 0)
   AND pg_catalog.count(*) = x.indnkeyatts
ORDER BY x.indisprimary DESC, x.indexrelid";

impl Table {
    /// Reads the catalog; `None` when there is no such table or view.
    ///
    /// The incarnation is made of the cluster's system identifier, the database's and the table's
    /// oid. Recreating the table, or the database from a dump, changes it. Our own writes do not,
    /// which is why it leaves out the ledger; and a copy of the whole cluster's files put back as
    /// they were cannot be told from the original by it.
    pub async fn load(client: &Client, object: &ObjectName) -> Result<Option<Table>, tokio_postgres::Error> {
        let Some(row) = client.query_opt(TABLE_SQL, &[&object.schema, &object.name]).await? else {
            return Ok(None);
        };
        let oid: u32 = row.try_get(0)?;
        let name = ObjectName { schema: Some(row.try_get(1)?), name: row.try_get(2)? };
        let database: u32 = row.try_get(9)?;
        let system = match row.try_get(10)? {
            true => {
                let sql = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
                client.query_one(sql, &[]).await?.try_get(0)?
            }
            false => "unknown".to_string(),
        };
        let columns = client.query(COLUMNS_SQL, &[&oid]).await?;
        let unique_keys = client.query(UNIQUE_KEYS_SQL, &[&oid]).await?;
        Ok(Some(Table {
            oid,
            not_writable: not_writable(&row, &name)?,
            name,
            columns: columns.iter().map(column).collect::<Result<_, _>>()?,
            unique_keys: unique_keys.iter().map(unique_key).collect::<Result<_, _>>()?,
            has_before_triggers: row.try_get(8)?,
            incarnation: format!("system {system}, database {database}, table {oid}"),
            role: row.try_get(4)?,
        }))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.field.name == name)
    }

    /// For the engine; `system` names server and database.
    pub fn description(&self, system: &str) -> ObjectDescription {
        let keys = self.unique_keys.iter().map(|k| k.columns.iter().map(|(c, _)| c.clone()).collect());
        ObjectDescription {
            fields: self.columns.iter().map(|c| c.field.clone()).collect(),
            open_schema: false,
            unique_keys: keys.collect(),
            not_writable: self.not_writable.clone(),
            identity: format!("{system}/{}", self.name.plain()),
            incarnation: self.incarnation.clone(),
        }
    }
}

fn not_writable(row: &Row, name: &ObjectName) -> Result<Option<String>, tokio_postgres::Error> {
    let kind: String = row.try_get(3)?;
    let (may_write, in_recovery, read_only): (bool, bool, bool) =
        (row.try_get(5)?, row.try_get(6)?, row.try_get(7)?);
    let table = name.plain();
    Ok(match kind.as_str() {
        "v" => Some(format!("{table} is a view; only tables are written")),
        "m" => Some(format!("{table} is a materialized view; only tables are written")),
        "f" => Some(format!("{table} is a foreign table; connect to its own server instead")),
        _ if in_recovery => Some("the server is a read-only replica; connect to the primary".to_string()),
        _ if read_only => Some(
            "transactions of this role are read-only (default_transaction_read_only); turn that off for it"
                .to_string(),
        ),
        _ if !may_write => {
            let role: String = row.try_get(4)?;
            Some(format!("role '{role}' may neither insert into nor update {table}"))
        }
        _ => None,
    })
}

fn column(row: &Row) -> Result<Column, tokio_postgres::Error> {
    let (base_oid, typmod): (u32, i32) = (row.try_get(5)?, row.try_get(6)?);
    let base_name: String = row.try_get(8)?;
    let base_kind: String = row.try_get(10)?;
    let element: Option<(u32, String, String)> = match row.try_get::<_, Option<u32>>(11)? {
        Some(oid) => Some((oid, row.try_get(12)?, row.try_get(13)?)),
        None => None,
    };
    let is_padded = base_oid == Type::BPCHAR.oid();
    let has_length = is_padded || base_oid == Type::VARCHAR.oid();
    let equality = match row.try_get(15)? {
        true => Equality::CaseInsensitive,
        false if base_name == "citext" => Equality::CaseInsensitive,
        false if is_padded => Equality::Padded,
        false => Equality::Exact,
    };
    Ok(Column {
        field: TargetField {
            name: row.try_get(0)?,
            ty: logical_type(base_oid, &base_name, &base_kind, element, typmod),
            native_type: row.try_get(1)?,
            nullable: row.try_get(2)?,
            has_default: row.try_get(3)?,
            read_only: row.try_get(4)?,
            max_chars: if has_length { u32::try_from(typmod - 4).ok() } else { None },
            equality,
        },
        base_sql: row.try_get(9)?,
        base_oid,
        is_constrained: row.try_get(7)?,
        collation: row.try_get(14)?,
        labels: row.try_get(16)?,
        default_sql: row.try_get(17)?,
        may_insert: row.try_get(18)?,
        may_update: row.try_get(19)?,
        may_select: row.try_get(20)?,
    })
}

/// The canonical type of a column's base type. A type without canonical form takes text, which the
/// server reads as it reads a literal of that type.
fn logical_type(
    oid: u32,
    name: &str,
    kind: &str,
    element: Option<(u32, String, String)>,
    typmod: i32,
) -> LogicalType {
    let simple = |oid: u32, name: &str, kind: &str| {
        Type::from_oid(oid).unwrap_or_else(|| {
            let kind = if kind == "e" { Kind::Enum(Vec::new()) } else { Kind::Simple };
            Type::new(name.to_string(), oid, kind, String::new())
        })
    };
    let is_array = element.is_some();
    let ty = match element {
        Some((element_oid, element_name, element_kind)) => Type::from_oid(oid).unwrap_or_else(|| {
            let element = simple(element_oid, &element_name, &element_kind);
            Type::new(name.to_string(), oid, Kind::Array(element), String::new())
        }),
        None => simple(oid, name, kind),
    };
    match PgType::of(&ty, typmod) {
        Some(known) => known.logical,
        None if is_array => LogicalType::Array(Box::new(LogicalType::Text)),
        None => LogicalType::Text,
    }
}

fn unique_key(row: &Row) -> Result<UniqueKey, tokio_postgres::Error> {
    let (columns, operators): (Vec<String>, Vec<String>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(UniqueKey { columns: columns.into_iter().zip(operators).collect() })
}
