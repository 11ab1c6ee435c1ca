{#- What is done to an item in a costing version, per operation, category and kind of its rates: the route that holds
    then (of several the one that began last), of an operation's work units the first by name. An operation without any
    rate has one row; a phantom has none. -#}
{{ config(is_of_costing_files=true) }}
with

routing_operations as (

    select
        *,
        min(coalesce(valid_from, timestamp '-infinity')) over (partition by item_id, route_version) as began_at
    from {{ ref('stg_routing_operation') }}

),

versions as (

    select *
    from {{ ref('int_costing_version') }}

),

operations_then as (

    select
        versions.cost_version_id,
        versions.costed_at,
        routing_operations.*
    from versions
    inner join routing_operations
        on
            versions.costed_at >= coalesce(routing_operations.valid_from, timestamp '-infinity')
            and versions.costed_at < coalesce(routing_operations.valid_to, timestamp 'infinity')
    where
        versions.distance = 0
        and routing_operations.item_id not in (select item_id from {{ ref('stg_item') }} where is_phantom)
    qualify
        dense_rank() over (
            partition by versions.cost_version_id, routing_operations.item_id
            order by routing_operations.began_at desc, routing_operations.route_version desc
        ) = 1

),

operations as (

    select *
    from operations_then
    qualify
        row_number() over (partition by cost_version_id, item_id, operation_id order by work_unit_id asc) = 1

),

operations_with_scrap as (

    select
        *,
        {{ pieces_started_per_good('scrap_ratios') }} as pieces_started
    from (
        select
            *,
            list(coalesce(scrap_ratio, 0)) over (
                partition by cost_version_id, item_id
                order by sequence desc, operation_id desc
                rows unbounded preceding
            ) as scrap_ratios
        from operations
    ) as operations_with_what_follows

),

rates as (

    select
        operations.cost_version_id,
        operations.item_id,
        operations.operation_id,
        rates.cost_category_id,
        rates.kind,
        {{ crew_rate('rates.rate', 'rates.cost_category_id', 'operations.crew_size') }} as rate,
        versions.distance > 0 as is_fallback
    from operations
    inner join versions
        on operations.cost_version_id = versions.cost_version_id
    inner join {{ ref('stg_cost_rate') }} as rates
        on
            versions.looked_up_version_id = rates.cost_version_id
            and coalesce(operations.cost_category_id = rates.cost_category_id, operations.cost_category_id is null)
            and (rates.work_unit_id is null or operations.work_unit_id = rates.work_unit_id)
            and operations.costed_at >= coalesce(rates.valid_from, timestamp '-infinity')
    {#- Of the nearest version; there of the work unit itself before any, and the latest. #}
    qualify
        row_number() over (
            partition by
                operations.cost_version_id,
                operations.item_id,
                operations.operation_id,
                rates.cost_category_id,
                rates.kind
            order by versions.distance asc, rates.work_unit_id is null asc, rates.valid_from desc nulls last
        ) = 1

)

select
    operations.cost_version_id,
    operations.item_id,
    operations.operation_id,
    operations.work_unit_id,
    operations.sequence,
    rates.cost_category_id,
    rates.kind,
    coalesce(operations.is_subcontract, false) as is_subcontract,
    operations.crew_size,
    try_cast(operations.pieces_started as decimal(24, 9)) as pieces_started,
    coalesce(operations.planned_run_s_per_unit, 0) as planned_run_s_per_unit,
    {{ bom_quantity('coalesce(operations.planned_setup_s, 0)') }} as setup_s_per_lot,
    {{ bom_quantity('coalesce(operations.planned_run_s_per_unit, 0) * operations.pieces_started') }} as run_s_per_unit,
    rates.rate,
    coalesce(rates.is_fallback, false) as is_fallback
from operations_with_scrap as operations
left join rates
    on
        operations.cost_version_id = rates.cost_version_id
        and operations.item_id = rates.item_id
        and operations.operation_id = rates.operation_id
