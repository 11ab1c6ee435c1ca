{% macro delays_explained() -%}
{#- The CTEs `delays`, what the stop of each delay says of it, and `touched_days`, those to compute anew: also one that nothing
    else touched, when its stop got its reason on another. #}
delays as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.production_date,
        intervals.started_at,
        stops.stop_id,
        stops.reason_id,
        stops.loss_category
    from {{ ref('state_interval') }} as intervals
    asof inner join {{ ref('stop_event') }} as stops
        on
            intervals.site_id = stops.site_id
            and intervals.work_unit_id = stops.work_unit_id
            and intervals.started_at >= stops.started_at
    where intervals.category = 'delay'

),

touched_days as (

    select
        site_id,
        work_unit_id,
        production_date
    from {{ ref('int_affected_day') }}

    union

    select
        delays.site_id,
        delays.work_unit_id,
        delays.production_date
    from delays
    semi join {{ ref('stop_event') }} as stops
        on
            delays.stop_id = stops.stop_id
            and {{ touches_affected_day('stops') }}

)
{%- endmacro %}
