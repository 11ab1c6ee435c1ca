{% materialization view, adapter='duckdb' %}
    {#- A view that stands as it should is left alone: each change of a definition makes all readers of the lake
        load its schema anew. -#}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set comment = comment_with_digest(model.description, sql) -%}

    {%- if existing_relation is not none and found_comment(existing_relation) == comment -%}
        {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED') -%}{%- endcall %}
    {%- else -%}
        {%- if existing_relation is not none and not existing_relation.is_view -%}
            {% do adapter.drop_relation(existing_relation) %}
        {%- endif -%}
        {%- if config.get('contract').enforced -%}
            {% do get_assert_columns_equivalent(sql) %}
        {%- endif -%}
        {% call statement('main') -%}
            create or replace view {{ target_relation }} as ({{ sql }});
            {{ duckdb__alter_relation_comment(target_relation, comment) }}
        {%- endcall %}
        {% do adapter.commit() %}
    {%- endif -%}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
