{#- Which maintenance is due, by what a work unit has done since the last one. Days count as a whole, but of the
    production day of the maintenance only what came after it; its cycles are divided by the time produced. #}
{{ config(materialized='view') }}
with

run as (

    select
        evaluated_at,
        cast(evaluated_at as date) - {{ var('maintenance_rate_days') }} as rate_from_date
    from {{ ref('int_run') }}

),

rules as (

    select
        work_units.site_id,
        work_units.work_unit_id,
        rules.rule_id,
        rules.name,
        rules.per,
        rules.interval_quantity,
        rules.last_done_at,
        run.evaluated_at,
        run.rate_from_date
    from {{ ref('stg_maintenance_rule') }} as rules
    cross join run
    inner join {{ ref('int_work_unit_ancestor') }} as work_units
        on
            rules.site_id = work_units.site_id
            and rules.equipment_id = work_units.equipment_id
    where
        run.evaluated_at >= coalesce(rules.valid_from, timestamp '-infinity')
        and run.evaluated_at < coalesce(rules.valid_to, timestamp 'infinity')
        and run.evaluated_at < coalesce(work_units.work_unit_valid_to, timestamp 'infinity')
    qualify row_number() over (
        partition by work_units.site_id, work_units.work_unit_id, rules.rule_id
        order by work_units.distance
    ) = 1

),

intervals_around_maintenance as (

    select
        rules.site_id,
        rules.work_unit_id,
        rules.rule_id,
        rules.last_done_at,
        intervals.production_date,
        intervals.category,
        intervals.started_at,
        intervals.category = 'unknown' and intervals.calendar_kind = 'shift' as is_unknown,
        {{ microseconds_between('intervals.started_at', 'intervals.ended_at') }} as length_us,
        greatest({{ microseconds_between(
            'greatest(intervals.started_at, rules.last_done_at)', 'intervals.ended_at'
        ) }}, 0) as length_after_us
    from rules
    inner join {{ ref('state_interval') }} as intervals
        on
            rules.site_id = intervals.site_id
            and rules.work_unit_id = intervals.work_unit_id
            and intervals.production_date between cast(rules.last_done_at as date) - 2
            and cast(rules.last_done_at as date) + 2

),

intervals_and_starts as (

    select
        *,
        coalesce(category = 'production' and lag(category) over earlier not in ('production', 'unknown'), false)
            as is_start,
        last_value(case when started_at <= last_done_at then production_date end ignore nulls) over whole
            as done_date
    from intervals_around_maintenance
    window
        earlier as (
            partition by site_id, work_unit_id, rule_id
            order by started_at
        ),
        whole as (
            partition by site_id, work_unit_id, rule_id
            order by started_at
            rows between unbounded preceding and unbounded following
        )

),

days_of_maintenance as (

    select
        site_id,
        work_unit_id,
        rule_id,
        done_date,
        coalesce(sum(length_after_us) filter (where category = 'production'), 0) as production_time_us,
        coalesce(sum(length_us) filter (where category = 'production'), 0) as production_time_of_day_us,
        count(*) filter (where is_start and started_at >= last_done_at) as start_count,
        coalesce(sum(length_after_us) filter (where is_unknown), 0) as unknown_time_us
    from intervals_and_starts
    where production_date = done_date
    group by site_id, work_unit_id, rule_id, done_date

),

days_of_use as (

    {#- Whole days after the one of the maintenance, its rest, and the days that tell the present rate. #}
    select
        rules.site_id,
        rules.work_unit_id,
        rules.rule_id,
        days.production_date,
        days.production_time_s,
        days.cycle_quantity,
        days.start_count,
        days.unknown_time_s,
        days.production_date > maintained.done_date
        or maintained.done_date is null
        and days.production_date >= coalesce(cast(rules.last_done_at as date) - 1, date '-infinity') as is_after,
        days.production_date = maintained.done_date as is_day_of_maintenance,
        days.production_date > rules.rate_from_date as is_recent,
        {{ seconds('maintained.production_time_us') }} as rest_production_time_s,
        cast(
            round(days.cycle_quantity * coalesce({{ ratio(
                'maintained.production_time_us', 'maintained.production_time_of_day_us'
            ) }}, 0), 6) as decimal(18, 6)
        ) as rest_cycle_quantity,
        maintained.start_count as rest_start_count,
        {{ seconds('maintained.unknown_time_us') }} as rest_unknown_time_s
    from rules
    inner join {{ ref('work_unit_usage_day') }} as days
        on
            rules.site_id = days.site_id
            and rules.work_unit_id = days.work_unit_id
    left join days_of_maintenance as maintained
        on
            rules.site_id = maintained.site_id
            and rules.work_unit_id = maintained.work_unit_id
            and rules.rule_id = maintained.rule_id

),

used as (

    select
        site_id,
        work_unit_id,
        rule_id,
        {% for use in ['production_time_s', 'cycle_quantity', 'start_count', 'unknown_time_s'] -%}
        coalesce(sum({{ use }}) filter (where is_after), 0)
        + coalesce(sum(rest_{{ use }}) filter (where is_day_of_maintenance), 0) as {{ use }},
        coalesce(sum({{ use }}) filter (where is_recent), 0) as recent_{{ use }},
        {% endfor -%}
        min(production_date) as first_date
    from days_of_use
    group by site_id, work_unit_id, rule_id

),

counted as (

    select
        rules.*,
        cast(coalesce(used.unknown_time_s, 0) as decimal(18, 6)) as unknown_time_s,
        greatest(coalesce(used.first_date, cast(rules.evaluated_at as date)), rules.rate_from_date + 1)
            as rated_from_date,
        case rules.per
            when 'running_hours' then coalesce({{ ratio('used.production_time_s', '3600') }}, 0)
            when 'cycles' then coalesce(used.cycle_quantity, 0)
            when 'starts' then coalesce(used.start_count, 0)
            else coalesce({{ ratio(
                microseconds_between('coalesce(rules.last_done_at, used.first_date)', 'rules.evaluated_at'), '86400000000'
            ) }}, 0)
        end as done,
        case rules.per
            when 'running_hours' then {{ ratio('used.recent_production_time_s', '3600') }}
            when 'cycles' then used.recent_cycle_quantity
            when 'starts' then used.recent_start_count
        end as recent
    from rules
    left join used
        on
            rules.site_id = used.site_id
            and rules.work_unit_id = used.work_unit_id
            and rules.rule_id = used.rule_id

),

rated as (

    select
        *,
        cast(round(done, 6) as decimal(18, 6)) as done_quantity,
        case
            when per = 'calendar_days' then 1
            else {{ ratio(
                'recent * 86400000000',
                microseconds_between('cast(rated_from_date as timestamp)', 'evaluated_at')
            ) }}
        end as per_day
    from counted

),

compared as (

    select
        *,
        cast(interval_quantity - done_quantity as decimal(18, 6)) as remaining_quantity,
        {{ due_ratio() }} as due_ratio,
        cast(round(per_day, 6) as decimal(18, 6)) as quantity_per_day
    from rated

)

select
    site_id,
    work_unit_id,
    rule_id,
    name,
    per,
    interval_quantity,
    last_done_at,
    done_quantity,
    remaining_quantity,
    due_ratio,
    quantity_per_day,
    case
        when remaining_quantity <= 0 then cast(evaluated_at as date)
        {#- Beyond a hundred years is never. #}
        when quantity_per_day > 0 and remaining_quantity < quantity_per_day * 36500
            then cast(evaluated_at + to_seconds({{ ratio('remaining_quantity', 'per_day') }} * 86400) as date)
    end as forecast_due_date,
    case
        when due_ratio >= 1 then 'overdue'
        when due_ratio >= {{ var('maintenance_due_soon_ratio') }} then 'due_soon'
        else 'ok'
    end as state,
    unknown_time_s,
    evaluated_at
from compared
