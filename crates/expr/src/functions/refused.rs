//! Functions that SQL has and expressions do not, with the reason.

const CLOCK: &str = "depends on when it runs; expressions are deterministic";
const CLOCK_HELP: &str = "the same row must always give the same value: select the time in the model's SQL, \
                          or let the destination set it";
const RANDOM: &str = "gives another value each time; expressions are deterministic";
const RANDOM_HELP: &str = "derive a stable value from the row, for example md5(cast(id as text))";
const SESSION: &str = "depends on a database session; expressions are deterministic";
const SESSION_HELP: &str = "select it in the model's SQL";
const AGGREGATE: &str = "is an aggregate: an expression sees one row";
const AGGREGATE_HELP: &str = "aggregate in the model's SQL";
const WINDOW: &str = "is a window function: an expression sees one row";

/// Why `name` cannot be called and what to do instead.
pub(super) fn reason(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "now"
        | "current_timestamp"
        | "current_date"
        | "current_time"
        | "localtime"
        | "localtimestamp"
        | "clock_timestamp"
        | "statement_timestamp"
        | "transaction_timestamp"
        | "timeofday"
        | "today"
        | "getdate"
        | "sysdate" => (CLOCK, CLOCK_HELP),
        "age" => ("is not available", "subtract the dates or timestamps: a - b"),
        "random" | "rand" | "setseed" | "uuid" | "gen_random_uuid" | "uuid_generate_v1"
        | "uuid_generate_v4" | "uuidv4" | "uuidv7" | "newid" | "gen_random_bytes" | "random_normal"
        | "nextval" | "currval" | "lastval" | "setval" => (RANDOM, RANDOM_HELP),
        "current_user" | "session_user" | "user" | "current_role" | "current_schema" | "current_database"
        | "current_catalog" | "current_setting" | "version" | "pg_sleep" | "txid_current" => {
            (SESSION, SESSION_HELP)
        }
        "count" | "sum" | "avg" | "min" | "max" | "array_agg" | "string_agg" | "bool_and" | "bool_or"
        | "every" | "json_agg" | "jsonb_agg" | "json_object_agg" | "jsonb_object_agg" | "stddev"
        | "stddev_pop" | "stddev_samp" | "variance" | "var_pop" | "var_samp" | "corr" | "median" | "mode"
        | "percentile_cont" | "percentile_disc" | "any_value" | "group_concat" | "listagg" | "mean"
        | "approx_distinct" => {
            if matches!(name, "min" | "max") {
                return Some((
                    AGGREGATE,
                    "for the smallest or largest of several values use least or greatest",
                ));
            }
            (AGGREGATE, AGGREGATE_HELP)
        }
        "row_number" | "rank" | "dense_rank" | "percent_rank" | "cume_dist" | "ntile" | "lag" | "lead"
        | "first_value" | "last_value" | "nth_value" => (WINDOW, "compute it in the model's SQL"),
        _ => return None,
    })
}
