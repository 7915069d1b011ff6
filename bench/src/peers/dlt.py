"""One table from PostgreSQL to PostgreSQL with dlt. Argument: the cursor column, if it is to use one."""

import os
import sys

import dlt
from dlt.sources.sql_database import sql_table

cursor = dlt.sources.incremental(sys.argv[1]) if len(sys.argv) > 1 else None
table = sql_table(
    credentials=os.environ["SOURCE"].replace("postgres://", "postgresql+psycopg2://", 1),
    table="customers",
    schema="public",
    backend="connectorx",
    reflection_level="full_with_precision",
    incremental=cursor,
)
table.apply_hints(primary_key="id", write_disposition={"disposition": "merge", "strategy": "upsert"})
pipeline = dlt.pipeline(
    "customers",
    destination=dlt.destinations.postgres(os.environ["TARGET"]),
    dataset_name="public",
    pipelines_dir=os.path.join(os.getcwd(), "pipelines"),
)
pipeline.run(table, loader_file_format="parquet").raise_on_failed_jobs()
