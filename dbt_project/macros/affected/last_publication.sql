{% macro published_snapshot_id() -%}
    {#- The lake's snapshot whose marts people see, while it is kept; else -1, also where its files are missing. -#}
    {%- if execute and var('is_published_readable') and adapter.get_relation('lake', 'pipeline', 'publication') -%}
        {%- set found = run_query(
            'select coalesce(max(publication.snapshot_id), -1) from lake.pipeline.publication as publication'
            " semi join ducklake_snapshots('lake') as kept on publication.snapshot_id = kept.snapshot_id"
        ) -%}
        {{ found.rows[0][0] }}
    {%- else -%}
        -1
    {%- endif -%}
{%- endmacro %}

{% macro as_published(mart, snapshot_id) -%}
    {#- The mart as people see it; as it is now when nothing is published. -#}
    (select * from {{ mart }}{% if snapshot_id | int >= 0 %} at (version => {{ snapshot_id }}){% endif %})
{%- endmacro %}

{% macro published_measures(mart, snapshot_id) -%}
    {#- The figures that the mart as people see it has: an older version of the project may have had fewer. -#}
    {%- set measures = [] -%}
    {%- if execute -%}
        {%- for column in run_query('describe ' ~ as_published(mart, snapshot_id)[1:-1]).rows -%}
            {%- if column[1] == 'DOUBLE' or column[1] == 'DECIMAL(18,6)' %}{% do measures.append(column[0]) %}{% endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(measures) }}
{%- endmacro %}

{% macro measures_of_affected_shifts(shifts, measures) -%}
{#- Each figure of each shift of CTE `affected`, one row a figure. #}
    select
        shifts.site_id,
        shifts.work_unit_id,
        shifts.production_date,
        shifts.shift_id,
        shifts.is_provisional,
        unnest([
            {% for measure in measures -%}
            {'measure': '{{ measure }}', 'measured': cast({{ measure }} as double)}{{ ',' if not loop.last }}
            {% endfor %}
        ], recursive := true)
    from {{ shifts }} as shifts
    semi join affected
        on
            shifts.site_id = affected.site_id
            and shifts.work_unit_id = affected.work_unit_id
            and shifts.production_date = affected.production_date
    where shifts.definition_id = 'iso22400'
{%- endmacro %}

{% macro cause_of_restatement(causes) -%}
    {#- Of a full rebuild everything has arrived since: nobody can say what changed a figure. -#}
    {%- if flags.FULL_REFRESH -%}
        'rebuild'
    {%- else -%}
        coalesce(nullif(array_to_string({{ causes }}, ', '), ''), 'rebuild')
    {%- endif -%}
{%- endmacro %}
