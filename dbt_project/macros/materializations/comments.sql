{% macro comment_with_digest(description, definition) -%}
    {#- What a relation is, and in brackets of which definition: so that it is known when it must change. -#}
    {{ return((description ~ ' [' ~ local_md5(definition | string)[:8] ~ ']') | trim) }}
{%- endmacro %}

{% macro found_comment(relation) -%}
    {#- The comment that stands in the lake; none without one. duckdb_tables() would read every table's statistics. -#}
    {%- set kind = 'view' if relation.is_view else 'table' -%}
    {%- set catalog = '__ducklake_metadata_' ~ relation.database -%}
    {%- set found = run_query(
        "select tag.value from " ~ catalog ~ ".ducklake_tag as tag"
        ~ " join " ~ catalog ~ ".ducklake_" ~ kind ~ " as found on tag.object_id = found." ~ kind ~ "_id"
        ~ " join " ~ catalog ~ ".ducklake_schema as home on found.schema_id = home.schema_id"
        ~ " where tag.key = 'comment' and tag.end_snapshot is null and found.end_snapshot is null"
        ~ " and home.end_snapshot is null and home.schema_name = '" ~ relation.schema
        ~ "' and found." ~ kind ~ "_name = '" ~ relation.identifier ~ "'"
    ) -%}
    {{ return(found.rows[0][0] if found.rows else none) }}
{%- endmacro %}

{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
    {#- Comments are written when they have changed, not with each run: each is a change of the lake's schema. -#}
    {%- set descriptions = [] -%}
    {%- for column in model.columns.values() %}{% do descriptions.append(column.name ~ column.description) %}{% endfor -%}
    {%- set comment = comment_with_digest(model.description, descriptions | join) -%}
    {%- if config.persist_relation_docs() and found_comment(relation) != comment -%}
        {% do run_query(duckdb__alter_relation_comment(relation, comment)) %}
        {%- if config.persist_column_docs() and model.columns -%}
            {% do run_query(duckdb__alter_column_comment(relation, model.columns)) %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__alter_column_comment(relation, column_dict) -%}
    {#- Of each column of the contract; to ask which there are would load the changed schema once more. -#}
    {%- for name, column in column_dict.items() %}
        comment on column {{ relation }}.{{ name }} is {{ duckdb_escape_comment(column.description) }};
    {%- endfor %}
{%- endmacro %}
