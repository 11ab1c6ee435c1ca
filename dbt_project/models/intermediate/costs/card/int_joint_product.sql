{#- What comes out of a process that makes more than its item: the item itself, its co-products, its by-products, and
    how much of what a unit of the process costs a unit of each bears (domain.md 2.5.6). The item bears what its
    co-products leave. -#}
{{ config(is_of_costing_files=true) }}
{#- Of so many digits that no sum of them overflows. -#}
{%- set product_weight = 'try_cast(try(unit_weight * quantity_per) as decimal(33, 15))' -%}
with

lines as (

    select
        cost_version_id,
        item_id,
        component_item_id as product_item_id,
        line_type as product_type,
        quantity_per,
        cost_share_ratio,
        burden_kind,
        burden_rate
    from {{ ref('int_bom_component') }}
    where
        line_type <> 'component'
        and is_of_phantom is not true

    union all

    {#- What leaves by-products alone bears all, as what is made by itself. #}
    select distinct
        cost_version_id,
        item_id,
        item_id as product_item_id,
        'main' as product_type,
        cast(1 as decimal(24, 9)) as quantity_per,
        cast(null as decimal(18, 6)) as cost_share_ratio,
        cast(null as varchar) as burden_kind,
        cast(null as decimal(18, 6)) as burden_rate
    from {{ ref('int_bom_component') }}
    where
        line_type = 'co_product'
        and is_of_phantom is not true

),

weighed as (

    select
        lines.*,
        coalesce(items.joint_cost_method, 'tca') as method,
        cast(
            case coalesce(items.joint_cost_method, 'tca')
                when 'physical' then 1
                when 'sales_value' then worth.sales_price
                when 'nrv'
                    then
                        worth.sales_price
                        - least(coalesce(worth.separable_unit_cost, 0), coalesce(worth.sales_price, 0))
                when 'tca' then worth.unit_cost
            end as decimal(18, 6)
        ) as unit_weight,
        coalesce(lots.costing_lot_quantity, 1) as costing_lot_quantity
    from lines
    left join {{ ref('stg_item') }} as items
        on lines.item_id = items.item_id
    left join {{ ref('int_item_cost') }} as worth
        on
            lines.cost_version_id = worth.cost_version_id
            and lines.product_item_id = worth.item_id
    left join {{ ref('int_item_cost') }} as lots
        on
            lines.cost_version_id = lots.cost_version_id
            and lines.item_id = lots.item_id

),

processes as (

    {#- Where one product's worth is unknown, or more than anything may be, nobody can say what another's is of all. #}
    select
        cost_version_id,
        item_id,
        case
            when bool_and({{ product_weight }} is not null)
                then try_cast(sum({{ product_weight }}) as decimal(24, 9))
        end as process_weight
    from weighed
    where product_type <> 'by_product'
    group by cost_version_id, item_id

),

products as (

    select
        weighed.*,
        case
            when weighed.product_type <> 'co_product' then 0
            when weighed.method = 'manual'
                then {{ money_divide(['weighed.cost_share_ratio'], ['weighed.quantity_per'], 9) }}
            else {{ money_divide(['weighed.unit_weight'], ['weighed.process_weight'], 9) }}
        end as unit_share
    from (
        select
            weighed.*,
            processes.process_weight
        from weighed
        left join processes
            on
                weighed.cost_version_id = processes.cost_version_id
                and weighed.item_id = processes.item_id
    ) as weighed

),

co_products as (

    select
        cost_version_id,
        item_id,
        sum(unit_share * quantity_per) as cost_share,
        bool_and(unit_share is not null) as is_allocated
    from products
    where product_type = 'co_product'
    group by cost_version_id, item_id

)

select
    products.cost_version_id,
    products.item_id,
    products.product_item_id,
    products.product_type,
    products.quantity_per,
    {#- Of what a unit of the process costs. #}
    cast(
        case
            when not co_products.is_allocated then cast(products.product_type = 'main' as integer)
            when products.product_type = 'main' then greatest(1 - coalesce(co_products.cost_share, 0), 0)
            else products.unit_share
        end as decimal(24, 9)
    ) as unit_share,
    coalesce(co_products.is_allocated, true) as is_allocated,
    products.burden_kind,
    {#- What a by-product costs per unit of the process, or as a share of it; null where more than anything may be. #}
    case products.burden_kind
        when 'per_quantity' then {{ unit_money('try(products.burden_rate * products.quantity_per)') }}
        when 'per_series'
            then {{ unit_money(money_divide(['products.burden_rate'], ['products.costing_lot_quantity'], 6)) }}
    end as burden_unit_cost,
    case when products.burden_kind = 'percent' then products.burden_rate end as burden_ratio
from products
left join co_products
    on
        products.cost_version_id = co_products.cost_version_id
        and products.item_id = co_products.item_id
