{#- Time of each operation of a costed order, once whoever is paid for it: as its machines tell, and where none does as
    its workers booked, overlaps counted once; of what nobody told anything, what its good pieces should have taken by
    the route by which the order is made, posted with them. Each row lies between two moments at which costs or periods
    change, and that of a machine in one shift. -#}
{{ config(incremental_strategy='changed_orders') }}
with

planned as (

    select *
    from {{ of_changed_orders('int_planned_operation') }}
    where is_planned

),

reported_work_units as (

    select
        production_order_id,
        operation_id,
        min(work_unit_id) as work_unit_id
    from {{ of_changed_orders('stg_order_operation') }}
    group by production_order_id, operation_id

),

used as (

    select
        uses.production_order_id,
        uses.operation_id,
        uses.work_unit_id,
        uses.production_date,
        uses.shift_id,
        case when uses.category = 'setup' then 'setup_time' else 'run_time' end as driver,
        uses.started_at,
        uses.used_s,
        'machine' as time_source
    from {{ of_changed_orders('int_charged_use') }} as uses

),

booked_spans as (

    {#- Pieces of several workers may overlap: those that begin before all earlier ones have ended go on. #}
    select
        production_order_id,
        operation_id,
        driver,
        greatest(
            started_at,
            coalesce(
                max(ended_at) over (
                    partition by production_order_id, operation_id
                    order by started_at asc, ended_at asc, driver desc
                    rows between unbounded preceding and 1 preceding
                ), started_at
            )
        ) as started_at,
        ended_at
    from {{ of_changed_orders('int_booked_time') }}
    where
        quality_cost_category is null
        and (production_order_id, operation_id) not in (
            select (production_order_id, operation_id) from used
            where operation_id is not null
        )

),

booked as (

    select
        spans.production_order_id,
        spans.operation_id,
        coalesce(reported_work_units.work_unit_id, planned.work_unit_id) as work_unit_id,
        spans.driver,
        spans.started_at,
        {{ seconds(microseconds_between('spans.started_at', 'spans.ended_at')) }} as used_s,
        'booked' as time_source
    from booked_spans as spans
    {% for side in ['reported_work_units', 'planned'] -%}
    left join {{ side }}
        on
            spans.production_order_id = {{ side }}.production_order_id
            and spans.operation_id = {{ side }}.operation_id
    {% endfor -%}
    where spans.ended_at > spans.started_at

),

flushed as (

    select
        operations.production_order_id,
        operations.operation_id,
        coalesce(reported_work_units.work_unit_id, operations.work_unit_id) as work_unit_id,
        operations.driver,
        operations.posted_at as started_at,
        operations.used_s,
        'backflushed' as time_source
    from (
        {% for driver, variable_s, constant_s in [
            ('setup_time', '0', 'planned.setup_s_per_lot'), ('run_time', 'planned.run_s_per_unit', '0')
        ] -%}
        select
            planned.production_order_id,
            planned.operation_id,
            planned.work_unit_id,
            '{{ driver }}' as driver,
            pieces.posted_at,
            {{ quantity_of_pieces(variable_s, constant_s, 'pieces') }} as used_s
        from planned
        inner join {{ of_changed_orders('int_operation_progress') }} as pieces
            on
                planned.production_order_id = pieces.production_order_id
                and planned.operation_id = pieces.operation_id
                and pieces.earlier_quantity <> pieces.quantity
        where not planned.is_subcontract
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as operations
    left join reported_work_units
        on
            operations.production_order_id = reported_work_units.production_order_id
            and operations.operation_id = reported_work_units.operation_id
    where
        (operations.production_order_id, operations.operation_id) not in (
            select (production_order_id, operation_id) from used
            where operation_id is not null
            union
            select (production_order_id, operation_id) from {{ of_changed_orders('int_booked_time') }}
            where quality_cost_category is null
        )
        and operations.used_s <> 0

),

times as (

    select * from used
    union all by name
    select * from booked
    union all by name
    select * from flushed

)

select
    times.production_order_id,
    times.operation_id,
    times.work_unit_id,
    times.production_date,
    times.shift_id,
    times.driver,
    times.time_source,
    coalesce(moments.moment_at, timestamp '-infinity') as moment_at,
    min(times.started_at) as posted_at,
    try_cast(sum(times.used_s) as decimal(18, 6)) as used_s
from times
asof left join {{ ref('int_cost_moment') }} as moments
    on times.started_at >= moments.moment_at
group by all
