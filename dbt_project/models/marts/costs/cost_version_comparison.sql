{#- What each planned or pending costing version would change: every line of its cost cards beside the same line in the
    version by which the site costs now. The lines of an item add up to the difference of its standard cost, those of a
    component say where it is used and what it does there. -#}
{{ config(materialized='view') }}
with

sites as (

    select
        site_costings.cost_version_id,
        site_costings.site_id,
        site_costings.currency
    from {{ ref('int_site_costing') }} as site_costings
    inner join {{ ref('int_run') }} as run
        on
            site_costings.began_at <= run.evaluated_at
            and site_costings.ended_at > run.evaluated_at

),

pairs as (

    {#- In another currency there is no difference to tell. #}
    select distinct
        versions.cost_version_id,
        sites.cost_version_id as compared_version_id,
        versions.currency
    from {{ ref('stg_cost_version') }} as versions
    inner join sites
        on
            coalesce(versions.site_id = sites.site_id, true)
            and versions.cost_version_id <> sites.cost_version_id
            and versions.currency = sites.currency
    where
        versions.cost_version_type = 'planned'
        or versions.status = 'pending'

),

lines as (

    select
        cost_version_id,
        item_id,
        node,
        component_item_id,
        operation_id,
        cost_group_id,
        single_cost_group_id,
        quantity,
        unit_cost,
        amount
    from {{ ref('cost_rollup') }}

    union all

    select
        costs.cost_version_id,
        costs.item_id,
        'purchase' as node,
        cast(null as varchar) as component_item_id,
        cast(null as varchar) as operation_id,
        costs.cost_group_id,
        costs.cost_group_id as single_cost_group_id,
        cast(1 as decimal(24, 9)) as quantity,
        costs.unit_cost,
        costs.unit_cost as amount
    from {{ ref('standard_cost') }} as costs
    where
        costs.level = 'single'
        and (costs.cost_version_id, costs.item_id) not in (
            select (cost_version_id, item_id) from {{ ref('int_made_item') }}
        )

),

sides as (

    select
        pairs.cost_version_id,
        pairs.compared_version_id,
        pairs.currency,
        true as is_compared,
        lines.* exclude (cost_version_id)
    from pairs
    inner join lines
        on pairs.compared_version_id = lines.cost_version_id

    union all

    select
        pairs.cost_version_id,
        pairs.compared_version_id,
        pairs.currency,
        false as is_compared,
        lines.* exclude (cost_version_id)
    from pairs
    inner join lines
        on pairs.cost_version_id = lines.cost_version_id

)

select
    cost_version_id,
    compared_version_id,
    item_id,
    node,
    component_item_id,
    operation_id,
    cost_group_id,
    single_cost_group_id,
    cast(sum(quantity) filter (where is_compared) as decimal(24, 9)) as compared_quantity,
    cast(sum(quantity) filter (where not is_compared) as decimal(24, 9)) as quantity,
    cast(sum(unit_cost) filter (where is_compared) as decimal(18, 6)) as compared_unit_cost,
    cast(sum(unit_cost) filter (where not is_compared) as decimal(18, 6)) as unit_cost,
    cast(coalesce(sum(amount) filter (where is_compared), 0) as decimal(18, 6)) as compared_amount,
    cast(coalesce(sum(amount) filter (where not is_compared), 0) as decimal(18, 6)) as amount,
    cast(
        coalesce(sum(amount) filter (where not is_compared), 0) - coalesce(sum(amount) filter (where is_compared), 0)
        as decimal(18, 6)
    ) as difference_amount,
    currency
from sides
group by
    cost_version_id, compared_version_id, item_id, node, component_item_id, operation_id, cost_group_id,
    single_cost_group_id, currency
