//! The table that is measured: twelve columns of the kinds that customer tables have.

/// Columns for PostgreSQL; the key is the primary key.
pub const COLUMNS: &str = "
    id bigint primary key, email text, first_name text, last_name text, company text,
    country char(2), mrr numeric(10,2), seats int, active boolean, signed_up date,
    updated_at timestamptz, notes text";

/// The names, in order.
pub const NAMES: &str =
    "id, email, first_name, last_name, company, country, mrr, seats, active, signed_up, updated_at, notes";

/// Types of the columns that a CSV file does not tell, as a mapping of the model.
pub const CSV_TYPES: &str = "{ id: int64, mrr: 'numeric(10,2)', seats: int32, active: bool, signed_up: date, \
                             updated_at: timestamptz }";

/// Columns for SQLite, whose types the source declares.
pub const SQLITE_COLUMNS: &str = "
    id integer primary key, email text, first_name text, last_name text, company text,
    country text, mrr real, seats integer, active boolean, signed_up date,
    updated_at timestamp, notes text";

/// SQL that inserts the rows with the numbers from `first` to `last` for which `condition` on `i` holds.
/// The same numbers give the same rows. Their `updated_at` grows by a second each and ends long ago.
pub fn insert(first: u64, last: u64, condition: &str) -> String {
    format!(
        "insert into customers
         select i, 'user' || i || '@example.com', 'First' || (i % 977), 'Last' || (i % 1009),
                'Company ' || (i % 5003), (array['DE','FR','US','JP'])[1 + i % 4], (i % 100000) / 100.0,
                (i % 500)::int, i % 3 = 0, date '2020-01-01' + (i % 2000)::int,
                timestamptz '2024-01-01' + i * interval '1 second',
                case when i % 5 = 0 then null else repeat('note ', (i % 8)::int) end
         from generate_series({first}, {last}) as i where {condition}"
    )
}

/// SQL that changes the rows for which `condition` holds, and says so in the cursor column.
pub fn change(condition: &str) -> String {
    format!("update customers set mrr = mrr + 1, updated_at = clock_timestamp() where {condition}")
}

/// SQL that makes the table in SQLite, filled with `rows` rows.
pub fn sqlite(rows: u64) -> String {
    format!(
        "create table customers ({SQLITE_COLUMNS});
         with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < {rows})
         insert into customers
         select i, 'user' || i || '@example.com', 'First' || (i % 977), 'Last' || (i % 1009),
                'Company ' || (i % 5003), substr('DEFRUSJP', 1 + 2 * (i % 4), 2), (i % 100000) / 100.0,
                i % 500, i % 3 = 0, date('2020-01-01', '+' || (i % 2000) || ' days'),
                datetime('2024-01-01', '+' || i || ' seconds'),
                case when i % 5 = 0 then null else substr('note note note note note note note ', 1, 5 * (i % 8)) end
         from numbers;"
    )
}
