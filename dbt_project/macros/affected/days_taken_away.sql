{% macro days_taken_away() -%}
    {#- Of CTE `days` those that the marts have and the calendar has no more, because a work unit was retired or is
        no longer stated: they are rebuilt as nothing. #}
    {%- set built = adapter.get_relation('lake', 'marts', 'state_interval') if execute %}
    {%- if built %}
    select
        built.site_id,
        built.work_unit_id,
        built.production_date,
        min(built.started_at) as started_at,
        max(built.ended_at) as ended_at,
        any_value(run.evaluated_at) as evaluated_at
    from {{ built }} as built
    cross join run
    where not exists (
        select 1 from days
        where
            days.site_id = built.site_id
            and days.work_unit_id = built.work_unit_id
            and days.production_date = built.production_date
    )
    group by built.site_id, built.work_unit_id, built.production_date
    {%- else %}
    select * from days where false
    {%- endif %}
{%- endmacro %}
