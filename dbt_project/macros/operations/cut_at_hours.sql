{% macro cut_at_hours(intervals, counts) -%}
{#- CTEs `intervals_of_hours`, intervals of shifts cut at the hours of the site's clock, and `counts_of_hours`, what was
    told in each of them. Written out where they are read, so that what is asked for is all that is read. #}
intervals_and_their_hours as not materialized (

    select
        intervals.*,
        timezone(work_units.time_zone, timezone('UTC', intervals.started_at)) as local_started_at,
        unnest(
            generate_series(
                intervals.started_at - (local_started_at - date_trunc('hour', local_started_at)),
                intervals.ended_at - interval 1 microsecond,
                interval 1 hour
            )
        ) as hour_started_at
    from {{ intervals }} as intervals
    inner join {{ ref('dim_work_unit') }} as work_units
        on
            intervals.site_id = work_units.site_id
            and intervals.work_unit_id = work_units.work_unit_id
    where intervals.shift_id is not null

),

intervals_of_hours as not materialized (

    select
        * exclude (local_started_at)
        replace (
            greatest(started_at, hour_started_at) as started_at,
            least(ended_at, hour_started_at + interval 1 hour) as ended_at
        ),
        started_at as whole_started_at,
        hour_started_at + interval 1 hour >= ended_at as is_last
    from intervals_and_their_hours

),

counts_of_hours as (

    {#- What is told after the end of what is known of the state belongs to the last hour of it. #}
    select counts.* replace (intervals.started_at as started_at)
    from {{ counts }} as counts
    inner join intervals_of_hours as intervals
        on
            counts.site_id = intervals.site_id
            and counts.work_unit_id = intervals.work_unit_id
            and counts.production_date = intervals.production_date
            and counts.started_at = intervals.whole_started_at
            and greatest(counts.started_at, counts.quarter_started_at) >= intervals.started_at
            and (intervals.is_last or counts.quarter_started_at < intervals.ended_at)

)
{%- endmacro %}

{% macro hour_kpis(evaluated_at) -%}
    {#- Of `shift_orders` per hour. A correction of the shift counts in one hour of it: that may be left with fewer pieces than
        none, or more good ones than were made, of which no KPI of pieces can be told. #}
    select
        * replace (
            case when produced_quantity >= 0 then effectiveness end as effectiveness,
            case when good_quantity between 0 and produced_quantity then quality_ratio end as quality_ratio,
            case when good_quantity >= 0 then oee_index end as oee_index,
            case when good_quantity >= 0 then nee_index end as nee_index,
            case when good_quantity >= 0 then teep_index end as teep_index
        )
    from ({{ shift_kpis('shift_orders', ['hour_started_at'], evaluated_at, ['iso22400']) }}) as hours
{%- endmacro %}
