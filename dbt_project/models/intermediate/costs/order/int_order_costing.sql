{#- How each order is costed: by the version that it names, else by that of its site when it was released, and for good
    from the moment at which it ended. An order of a site without a costing version has no row. -#}
{{ config(incremental_strategy='changed_orders') }}
with

first_uses as (

    select
        production_order_id,
        min(started_at) as started_at
    from {{ of_changed_orders('int_order_use') }}
    group by production_order_id

),

orders as (

    select
        orders.*,
        coalesce(
            orders.released_at,
            first_uses.started_at,
            case when orders.ended_at <= run.evaluated_at then orders.ended_at end,
            run.evaluated_at
        ) as costed_at,
        coalesce(orders.ended_at <= run.evaluated_at, false) as is_final
    from {{ of_changed_orders('stg_production_order') }} as orders
    cross join {{ ref('int_run') }} as run
    left join first_uses
        on orders.production_order_id = first_uses.production_order_id

)

select
    orders.production_order_id,
    orders.site_id,
    orders.item_id,
    orders.route_version,
    orders.bom_version,
    orders.order_quantity,
    orders.mode,
    orders.costed_at,
    case when orders.is_final then orders.ended_at end as ended_at,
    orders.is_final,
    versions.cost_version_id,
    versions.currency
from orders
left join {{ ref('int_site_costing') }} as site_costings
    on
        orders.site_id = site_costings.site_id
        and orders.costed_at >= site_costings.began_at
        and orders.costed_at < site_costings.ended_at
inner join {{ ref('stg_cost_version') }} as versions
    on coalesce(orders.cost_version_id, site_costings.cost_version_id) = versions.cost_version_id
