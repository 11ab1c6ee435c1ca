{% macro duckdb__list_relations_without_caching(schema_relation) -%}
    {#- Of the lake's own catalog: information_schema would look through every table of every snapshot's schema. -#}
    {%- set catalog = '__ducklake_metadata_' ~ schema_relation.database -%}
    {%- call statement('relations', fetch_result=True) -%}
        {% for kind in ['table', 'view'] -%}
        select
            '{{ schema_relation.database }}' as database,
            relations.{{ kind }}_name as name,
            home.schema_name as schema,
            '{{ kind }}' as type
        from {{ catalog }}.ducklake_{{ kind }} as relations
        inner join {{ catalog }}.ducklake_schema as home on relations.schema_id = home.schema_id
        where
            relations.end_snapshot is null
            and home.end_snapshot is null
            and home.schema_name = '{{ schema_relation.schema }}'
        {{ 'union all' if not loop.last }}
        {% endfor %}
    {%- endcall -%}
    {{ return(load_result('relations').table) }}
{%- endmacro %}
