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

{{ priced_operations('operations_then', 'item_id') }}

select * from priced_operations
