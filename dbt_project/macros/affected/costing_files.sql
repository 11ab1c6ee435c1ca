{% macro costing_files() -%}
    {#- The business files that standard costs are made of. -#}
    {{ return([
        source('reference', 'item'), source('reference', 'bom_line'), source('reference', 'routing_operation'),
        source('reference', 'cost_version'), source('reference', 'cost_rate'), source('reference', 'item_cost'),
        source('reference', 'overhead_formula')
    ]) }}
{%- endmacro %}

{% macro files_of_all_orders() -%}
    {#- What any order may be costed by, beside the costing files. -#}
    {{ return([
        source('reference', 'equipment'), source('reference', 'exchange_rate'), source('reference', 'period'),
        source('reference', 'account_map'), source('accounting', 'closing'), source('accounting', 'reopening')
    ]) }}
{%- endmacro %}

{% macro is_any_loaded_since(tables, snapshot_id) -%}
    {#- Whether a row of these tables came or was closed after a snapshot. -#}
    {%- for table in tables %}
        {{ 'or ' if not loop.first }}exists (
            select 1
            from (select snapshot_id as loaded_at_snapshot_id from {{ table }})
            where loaded_at_snapshot_id > {{ snapshot_id }}
        )
    {%- endfor %}
{%- endmacro %}

{% macro does_the_present_cost_otherwise(from_moment, to_moment) -%}
    {#- Whether something began or ceased to hold between two moments for a costing version that has no beginning, whose
        costs are as of the present. -#}
    exists (
        select 1
        from (
            select unnest([valid_from, valid_to]) as changed_at from {{ source('reference', 'bom_line') }}
            union all
            select unnest([valid_from, valid_to]) as changed_at from {{ source('reference', 'routing_operation') }}
            union all
            select valid_from as changed_at from {{ source('reference', 'cost_rate') }}
        )
        where changed_at > {{ from_moment }} and changed_at <= {{ to_moment }}
    )
    and exists (
        select 1 from {{ source('reference', 'cost_version') }}
        where closed_at is null and valid_from is null
    )
{%- endmacro %}

{% macro has_run_found(column) -%}
    {#- Whether that column of `int_run` is true of this run. -#}
    {{ return(execute and run_query('select ' ~ column ~ ' from lake.intermediate.int_run').rows[0][0]) }}
{%- endmacro %}
