{#- What each refresh changed of figures that were final when they were last published. What people saw then is read
    from the lake's snapshot of that publication, so a refresh that failed in between changes nothing here. #}
{{ config(incremental_strategy='since_publication', full_refresh=false) }}
{%- set snapshot_id = published_snapshot_id() -%}
{%- set measures = published_measures(ref('work_unit_shift'), snapshot_id) -%}
with

affected as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.causes,
        run.evaluated_at
    from {{ ref('int_affected_day') }} as days
    cross join {{ ref('int_run') }} as run

),

published as (

    {{ measures_of_affected_shifts(as_published(ref('work_unit_shift'), snapshot_id), measures) }}

),

present as (

    {{ measures_of_affected_shifts(ref('work_unit_shift'), measures) }}

)

select
    published.site_id,
    published.work_unit_id,
    published.production_date,
    published.shift_id,
    published.measure,
    cast(published.measured as decimal(28, 9)) as before_value,
    cast(present.measured as decimal(28, 9)) as after_value,
    {{ cause_of_restatement('affected.causes') }} as cause,
    'iso22400' as definition_id,
    affected.evaluated_at as restated_at,
    cast({{ snapshot_id }} as bigint) as published_snapshot_id
from published
inner join affected
    on
        published.site_id = affected.site_id
        and published.work_unit_id = affected.work_unit_id
        and published.production_date = affected.production_date
left join present
    on
        published.site_id = present.site_id
        and published.work_unit_id = present.work_unit_id
        and published.production_date = present.production_date
        and published.shift_id = present.shift_id
        and published.measure = present.measure
where
    {{ snapshot_id }} >= 0
    and not published.is_provisional
    and published.measured is distinct from present.measured
