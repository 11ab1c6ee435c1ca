{#- The cycle as measured against the route's planned run time, and what the standard should become. One observation
    is an order on one production date; in percentiles it weighs as many pieces as it made. #}
{{ config(materialized='view') }}
with

run as (

    select
        evaluated_at,
        cast(evaluated_at as date) - {{ var('drift_days') }} as first_date
    from {{ ref('int_run') }}

),

produced as (

    select
        phases.site_id,
        phases.work_unit_id,
        phases.production_date,
        phases.production_order_id,
        phases.operation_id,
        phases.item_id,
        sum(phases.duration_s) as production_time_s
    from {{ ref('int_order_phase') }} as phases
    cross join run
    where
        phases.category = 'production'
        and phases.item_id is not null
        and phases.production_date > run.first_date
    group by all

),

pieces as (

    select
        results.site_id,
        results.work_unit_id,
        results.production_date,
        results.production_order_id,
        results.operation_id,
        results.item_id,
        sum(case results.result when 'input' then results.quantity else -results.quantity end) as produced_quantity
    from {{ ref('int_result_counted') }} as results
    cross join run
    where
        {#- Trial pieces of a setup took none of the production time. #}
        results.result in ('input', 'input_in_setup')
        and results.production_date > run.first_date
    group by all
    having produced_quantity > 0

),

observations as (

    select
        produced.*,
        pieces.produced_quantity,
        cast(round({{ ratio('produced.production_time_s', 'pieces.produced_quantity') }}, 6) as decimal(18, 6))
            as cycle_s
    from produced
    inner join pieces
        on
            produced.site_id = pieces.site_id
            and produced.work_unit_id = pieces.work_unit_id
            and produced.production_date = pieces.production_date
            and produced.production_order_id is not distinct from pieces.production_order_id
            and produced.operation_id is not distinct from pieces.operation_id
            and produced.item_id = pieces.item_id

),

observations_in_order as (

    select
        *,
        sum(produced_quantity) over faster_ones as quantity_so_far,
        sum(produced_quantity) over (partition by site_id, work_unit_id, operation_id, item_id) as quantity_of_all
    from observations
    window faster_ones as (
        partition by site_id, work_unit_id, operation_id, item_id
        order by cycle_s, production_date, production_order_id
        rows between unbounded preceding and current row
    )

),

measured as (

    select
        site_id,
        work_unit_id,
        operation_id,
        item_id,
        count(*) as observation_count,
        sum(produced_quantity) as produced_quantity,
        sum(production_time_s) as production_time_s,
        min(production_date) as first_production_date,
        max(production_date) as last_production_date,
        {#- The cycle at or below which so many of the pieces were made. #}
        min(cycle_s) filter (where quantity_so_far * 10 >= quantity_of_all) as p10_cycle_s,
        min(cycle_s) filter (where quantity_so_far * 2 >= quantity_of_all) as p50_cycle_s,
        min(cycle_s) filter (where quantity_so_far * 10 >= quantity_of_all * 9) as p90_cycle_s
    from observations_in_order
    group by site_id, work_unit_id, operation_id, item_id

),

standards as (

    {#- What the route says now, the work unit's own before one for any, the newest version. #}
    select
        measured.site_id,
        measured.work_unit_id,
        measured.operation_id,
        measured.item_id,
        arg_max(
            { 'route_version': routes.route_version, 'planned_run_s_per_unit': routes.planned_run_s_per_unit },
            { 'is_own': routes.work_unit_id is not null, 'route_version': routes.route_version }
        ) as standard
    from measured
    cross join run
    inner join {{ ref('stg_routing_operation') }} as routes
        on
            measured.item_id = routes.item_id
            and measured.operation_id = routes.operation_id
            and measured.work_unit_id = coalesce(routes.work_unit_id, measured.work_unit_id)
            and run.evaluated_at >= coalesce(routes.valid_from, timestamp '-infinity')
            and run.evaluated_at < coalesce(routes.valid_to, timestamp 'infinity')
    group by measured.site_id, measured.work_unit_id, measured.operation_id, measured.item_id

),

compared as (

    select
        measured.*,
        standards.standard.route_version,
        standards.standard.planned_run_s_per_unit,
        measured.produced_quantity >= {{ var('drift_least_pieces') }}
        and measured.production_time_s >= {{ var('drift_least_hours') }} * 3600 as is_enough
    from measured
    left join standards
        on
            measured.site_id = standards.site_id
            and measured.work_unit_id = standards.work_unit_id
            and measured.operation_id is not distinct from standards.operation_id
            and measured.item_id = standards.item_id

)

select
    site_id,
    work_unit_id,
    item_id,
    operation_id,
    route_version,
    first_production_date,
    last_production_date,
    observation_count,
    cast(produced_quantity as decimal(18, 6)) as produced_quantity,
    cast(production_time_s as decimal(18, 6)) as production_time_s,
    p10_cycle_s,
    p50_cycle_s,
    p90_cycle_s,
    planned_run_s_per_unit,
    {{ drift_ratio() }} as drift_ratio,
    is_enough,
    case
        when
            is_enough
            and coalesce(abs({{ drift_ratio() }} - 1) >= {{ var('drift_threshold') }}, true)
            then p50_cycle_s
    end as proposed_run_s_per_unit
from compared
