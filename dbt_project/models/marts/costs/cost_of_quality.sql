{#- What quality costs, and what the lack of it (prevention, appraisal, failure): hours booked to prevent and to
    examine, operations of a route that examine, bad pieces found here, pieces that customers sent back. -#}
{{ config(materialized='view') }}
with

sites as (

    select
        site_id,
        any_value(time_zone) as time_zone
    from {{ ref('stg_equipment') }}
    where level = 'site'
    group by site_id

),

sent_back as (

    select
        returns.*,
        {#- Of the version that its order is costed by, else of that which the site had then. #}
        coalesce(costed.cost_version_id, site_costings.cost_version_id) as cost_version_id,
        coalesce(costed.currency, site_costings.currency) as version_currency
    from {{ ref('stg_customer_return') }} as returns
    left join {{ ref('int_order_costing') }} as costed
        on returns.production_order_id = costed.production_order_id
    left join {{ ref('int_site_costing') }} as site_costings
        on
            returns.site_id = site_costings.site_id
            and returns.returned_at >= site_costings.began_at
            and returns.returned_at < site_costings.ended_at
    where returns.returned_at <= (select max(evaluated_at) from {{ ref('int_run') }})

),

standard_costs as (

    select
        cost_version_id,
        item_id,
        sum(unit_cost) as unit_cost
    from {{ ref('int_unit_cost_part') }}
    group by cost_version_id, item_id

),

returned as (

    select
        returns.*,
        orders.currency as order_currency,
        try_cast(try(returns.quantity * standard_costs.unit_cost) as decimal(28, 6))
        + coalesce(
            {{ in_order_currency('returns.amount', 'returns.currency', 'returns.returned_at') }},
            case when returns.amount is null then 0 end
        ) as cost_amount
    from sent_back as returns
    inner join (
        {#- Where no costing version holds, what is stated is all that is known. #}
        select
            return_id,
            coalesce(version_currency, currency) as currency
        from sent_back
    ) as orders
        on returns.return_id = orders.return_id
    left join standard_costs
        on
            returns.cost_version_id = standard_costs.cost_version_id
            and returns.item_id = standard_costs.item_id
    {{ dated_exchange_rates('returns.currency', 'returns.returned_at') }}
),

pieces as (

    select
        production_order_id,
        operation_id,
        site_id,
        item_id,
        work_unit_id,
        production_date,
        'internal_failure' as quality_cost_category,
        result,
        reason_id,
        quantity,
        amount,
        currency
    from {{ ref('int_internal_failure') }}

    union all

    select
        returned.production_order_id,
        null as operation_id,
        returned.site_id,
        returned.item_id,
        null as work_unit_id,
        cast(timezone(sites.time_zone, timezone('UTC', returned.returned_at)) as date) as production_date,
        'external_failure' as quality_cost_category,
        'return' as result,
        returned.reason_id,
        sum(returned.quantity) as quantity,
        case when bool_and(returned.cost_amount is not null) then sum(returned.cost_amount) end as amount,
        returned.order_currency as currency
    from returned
    left join sites
        on returned.site_id = sites.site_id
    group by all

),

costs as (

    select
        * exclude (used_s),
        case quality_cost_category when 'appraisal' then 'inspection' else 'prevention' end as result,
        {{ money_divide(['used_s'], ['3600'], 6) }} as quantity,
        'h' as unit
    from {{ ref('int_quality_hour') }}

    union all by name

    select
        pieces.*,
        coalesce(items.unit, 'pcs') as unit
    from pieces
    left join {{ ref('stg_item') }} as items
        on pieces.item_id = items.item_id

)

select
    production_order_id,
    operation_id,
    site_id,
    item_id,
    work_unit_id,
    production_date,
    quality_cost_category,
    result,
    reason_id,
    try_cast(quantity as decimal(18, 6)) as quantity,
    unit,
    {{ cents('amount') }} as amount,
    currency
from costs
