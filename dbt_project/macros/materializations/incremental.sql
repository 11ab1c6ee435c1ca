{% materialization incremental, adapter='duckdb' %}
    {#- A table of the lake that is filled and never replaced, not even by a full refresh: a changed schema makes all
        readers load it anew, and a table that changes hands within a transaction confuses DuckLake. The rows are
        computed aside; which of the old ones they replace is the strategy's business. -#}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if is_incremental() and stays_as_it_is() -%}
        {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED') -%}{%- endcall %}
        {{ return({'relations': [target_relation]}) }}
    {%- endif -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set rows_aside = make_temp_relation(target_relation) -%}

    {{ run_hooks(pre_hooks) }}
    {%- for slice in (slices() if config.get('is_sliced') else [none]) %}
        {%- if slice is not none %}
            {%- do run_query(begin_slice(slice)) %}
        {%- endif %}
        {%- call statement('aside') %}
            {{ 'create or replace temporary table' if loop.first else 'insert into' }} {{ rows_aside }}
            {{ 'as' if loop.first }} ({{ sql }})
        {%- endcall %}
    {%- endfor %}
    {%- if config.get('is_sliced') %}
        {%- do run_query(end_slices()) %}
    {%- endif %}
    {% do adapter.commit() %}
    {%- if config.get('contract').enforced -%}
        {% do get_assert_columns_equivalent('select * from ' ~ rows_aside) %}
    {%- endif -%}

    {%- set columns = columns_of(rows_aside) -%}
    {%- if existing_relation is not none and not (existing_relation.is_table and columns_of(existing_relation) == columns) -%}
        {%- if not should_full_refresh() -%}
            {% do exceptions.raise_compiler_error(this ~ ' is a view or has other columns than it should; refresh it in full') %}
        {%- endif -%}
        {% call statement('drop') -%} drop {{ existing_relation.type }} {{ existing_relation }} {%- endcall %}
        {% do adapter.commit() %}
        {%- set existing_relation = none -%}
    {%- endif -%}
    {%- if existing_relation is none -%}
        {% call statement('create') -%}
            create table {{ target_relation }}
            {% if config.get('contract').enforced -%}
                {{ get_table_columns_and_constraints() }}
            {%- else -%}
                as select * from {{ rows_aside }} limit 0
            {%- endif %}
        {%- endcall %}
    {%- endif -%}

    {%- set strategy = config.get('incremental_strategy') if is_incremental() else 'replaced' -%}
    {%- set fill = adapter.get_incremental_strategy_macro(context, strategy) -%}
    {% call statement('main') -%}
        {{ fill({
            'target_relation': target_relation,
            'temp_relation': rows_aside,
            'unique_key': config.get('unique_key'),
            'dest_columns': columns
        }) }}
    {%- endcall %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {%- if existing_relation is none -%}
        {% do describe_if_empty(target_relation) %}
    {%- endif -%}
    {% do run_query('drop table ' ~ rows_aside) %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro stays_as_it_is() -%}
    {#- Whether this run changes no row of the model: it is made of costing files alone and none of them was loaded, or its
        strategy replaces the rows of changed orders and there are none. -#}
    {%- if config.get('is_of_costing_files') -%}
        {{ return(not has_run_found('are_items_costed_anew')) }}
    {%- elif config.get('incremental_strategy') == 'changed_orders' -%}
        {{ return(not run_query('select 1 from ' ~ ref('int_changed_order') ~ ' limit 1').rows) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{% macro describe_if_empty(relation) -%}
    {#- DuckLake would ask for the statistics of an empty table again and again: lake/statistics.py. -#}
    {% do run_query(
        "call postgres_execute('__ducklake_metadata_" ~ relation.database ~ "', 'select takt_describe_empty_table("
        ~ "''" ~ relation.schema ~ "'', ''" ~ relation.identifier ~ "'')')"
    ) %}
    {% do adapter.commit() %}
{%- endmacro %}

{% macro columns_of(relation) -%}
    {#- Names and types. information_schema would look through every column of the lake. -#}
    {%- set columns = [] -%}
    {%- for row in adapter.execute('describe ' ~ relation, fetch=true)[1].rows -%}
        {%- do columns.append({'name': row['column_name'], 'type': row['column_type']}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
