{% macro days_taken_away() -%}
    {#- Days that marts have and CTE `days` has no more, because a work unit was retired or is no longer stated: they
        are rebuilt as nothing. The two marts named are the last that a run rebuilds: what they have lost, all have. #}
    {%- set built = [] %}
    {%- if execute %}
        {%- for mart in ['work_unit_day', 'stop_event'] if adapter.get_relation('lake', 'marts', mart) %}
            {%- do built.append(adapter.get_relation('lake', 'marts', mart)) %}
        {%- endfor %}
    {%- endif %}
    {%- for mart in built %}
    select
        built.site_id,
        built.work_unit_id,
        built.production_date
    from {{ mart }} as built
    where not exists (
        select 1 from days
        where
            days.site_id = built.site_id
            and days.work_unit_id = built.work_unit_id
            and days.production_date = built.production_date
    )
    {{ 'union' if not loop.last }}
    {%- else %}
    select site_id, work_unit_id, production_date from days where false
    {%- endfor %}
{%- endmacro %}
