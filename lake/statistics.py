"""Statistics of tables that have no rows yet.

DuckLake keeps none of an empty table and does not remember that there are none: each query asks
the catalog anew, four times for each column (https://github.com/duckdb/ducklake/pull/1313). Until
it does, a new table is given the statistics of no rows; DuckLake goes on from them.
"""

from collections.abc import Iterable

from lake.catalog import Connection

DEFINITION = """
create or replace function takt_describe_empty_table(of_schema text, of_table text)
returns void language sql as $$
    with empty as (
        select described.table_id
        from ducklake_table as described
        join ducklake_schema as home on home.schema_id = described.schema_id
        where home.schema_name = of_schema and home.end_snapshot is null
            and described.table_name = of_table and described.end_snapshot is null
            and not exists (
                select from ducklake_table_stats as known
                where known.table_id = described.table_id
            )
    ),
    counted as (
        insert into ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes)
        select table_id, 0, 0, 0 from empty
    )
    insert into ducklake_table_column_stats (table_id, column_id, contains_null, contains_nan)
    select
        table_id, field.column_id, false,
        case when field.column_type in ('float32', 'float64') then false end
    from ducklake_column as field join empty using (table_id)
    where field.end_snapshot is null and not exists (
        select from ducklake_column as part
        where part.table_id = field.table_id and part.parent_column = field.column_id
    )
$$
"""
"""A function in the catalog, so that dbt's tables are described by the same words as ours."""


def describe_empty(catalog: Connection, tables: Iterable[tuple[str, str]]) -> None:
    """Give tables, by schema and name, the statistics of no rows; nobody may have filled them yet.

    Those that have statistics keep them.
    """
    catalog.execute(DEFINITION)
    for schema, table in tables:
        catalog.execute("select takt_describe_empty_table(%s, %s)", [schema, table])
