{% macro costing_files() -%}
    {#- The business files that standard costs are made of. -#}
    {{ return([
        'reference.item', 'reference.bom_line', 'reference.routing_operation', 'reference.cost_version',
        'reference.cost_rate', 'reference.item_cost', 'reference.overhead_formula'
    ]) }}
{%- endmacro %}

{% macro is_any_loaded_since(tables) -%}
    {#- Whether a row of these tables of the lake came or was closed since the last completed run, or began or ceased
        to hold for a costing version that has no beginning, whose costs are as of the present. -#}
    {%- set changes = [] -%}
    {%- for table in tables -%}
        {%- do changes.append(
            'select 1 from (select snapshot_id as loaded_at_snapshot_id from lake.' ~ table ~ ')'
            ~ ' inner join lake.intermediate.int_run as run on loaded_at_snapshot_id > run.watermark_snapshot_id'
        ) -%}
    {%- endfor -%}
    {%- do changes.append(
        'select 1 from (select unnest([valid_from, valid_to]) as changed_at from lake.reference.bom_line'
        ~ ' union all select unnest([valid_from, valid_to]) from lake.reference.routing_operation'
        ~ ' union all select valid_from from lake.reference.cost_rate) as changes'
        ~ ' inner join lake.intermediate.int_run as run'
        ~ ' on changed_at > run.previously_evaluated_at and changed_at <= run.evaluated_at'
        ~ ' where exists (select 1 from lake.reference.cost_version where closed_at is null and valid_from is null)'
    ) -%}
    {{ return(run_query(changes | join(' union all ') ~ ' limit 1').rows | length > 0) }}
{%- endmacro %}
