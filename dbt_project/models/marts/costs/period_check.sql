{#- What speaks against closing a period: what nobody can price, what no machine told, what does not tie out. -#}
with

periods as (

    select * from {{ ref('int_period') }}

),

uncosted as (

    select
        periods.period_id,
        'uncosted_order' as problem,
        orders.production_order_id,
        orders.item_id as subject,
        cast(1 as decimal(18, 6)) as quantity
    from {{ ref('stg_production_order') }} as orders
    inner join periods
        on
            orders.ended_at >= periods.starts_at
            and orders.ended_at < periods.ends_at
    anti join {{ ref('int_order_costing') }} as costed
        on orders.production_order_id = costed.production_order_id

),

uncovered as (

    select
        periods.period_id,
        'uncovered_time' as problem,
        uses.production_order_id,
        uses.work_unit_id as subject,
        try_cast(sum(uses.used_s) as decimal(18, 6)) as quantity
    from {{ ref('int_charged_use') }} as uses
    inner join periods
        on
            uses.started_at >= periods.starts_at
            and uses.started_at < periods.ends_at
    where
        uses.category = 'unknown'
        and uses.used_s > 0
    group by all

),

unpriced as (

    select
        periods.period_id,
        'no_price' as problem,
        lines.production_order_id,
        lines.line_id as subject,
        try_cast(sum(lines.quantity) as decimal(18, 6)) as quantity
    from {{ ref('int_actual_line') }} as lines
    inner join periods
        on
            lines.posted_at >= periods.starts_at
            and lines.posted_at < periods.ends_at
    where
        not lines.is_overhead
        and lines.quantity <> 0
        and lines.amount = 0
    group by all

),

rated as (

    {#- An operation without a cost category is priced by a rate of any. #}
    select
        site_id,
        work_unit_id,
        moment_at,
        case kind when 'setup' then 'setup_time' when 'run' then 'run_time' end as driver,
        unnest([cost_category_id, null]) as cost_category_id
    from {{ ref('int_actual_rate') }}

),

unrated as (

    {#- Time at a work unit of which no rate of its kind holds is in no line at all, whatever others of its operation
        cost. What was booked has a line. #}
    select
        periods.period_id,
        'no_price' as problem,
        times.production_order_id,
        times.work_unit_id as subject,
        cast(sum(times.used_s) as decimal(18, 6)) as quantity
    from {{ ref('int_operation_time') }} as times
    inner join {{ ref('int_order_costing') }} as orders
        on times.production_order_id = orders.production_order_id
    inner join {{ ref('int_operation_route') }} as routes
        on
            times.production_order_id = routes.production_order_id
            and times.operation_id is not distinct from routes.operation_id
            and times.work_unit_id is not distinct from routes.work_unit_id
    inner join periods
        on
            least(times.posted_at, orders.ended_at) >= periods.starts_at
            and least(times.posted_at, orders.ended_at) < periods.ends_at
    anti join rated
        on
            orders.site_id = rated.site_id
            and times.work_unit_id is not distinct from rated.work_unit_id
            -- in the key: a condition of one side beside it would compare all rows
            and case when not routes.is_subcontract then times.moment_at end = rated.moment_at
            and times.driver = rated.driver
            and routes.cost_category_id is not distinct from rated.cost_category_id
    where
        times.time_source <> 'booked'
        and times.used_s > 0
    group by all

),

off_route as (

    {#- What ran where no route and no report has an operation is charged without one; the operation that it may have
        been is charged by its plan as well. #}
    select
        periods.period_id,
        'off_route_time' as problem,
        uses.production_order_id,
        uses.work_unit_id as subject,
        cast(sum(uses.used_s) as decimal(18, 6)) as quantity
    from {{ ref('int_charged_use') }} as uses
    inner join periods
        on
            uses.started_at >= periods.starts_at
            and uses.started_at < periods.ends_at
    where
        uses.operation_id is null
        and uses.used_s > 0
    group by all

),

standards as (

    select distinct
        cost_version_id,
        item_id
    from {{ ref('int_unit_cost_part') }}
    where
        unit_cost is not null
        and '{{ var("material_price_variance") }}' <> 'at_use'

),

inconvertible as (

    {#- Where the price would count: not of what came out, nor of what is issued at its standard cost. #}
    select
        periods.period_id,
        'no_exchange_rate' as problem,
        prices.production_order_id,
        prices.currency as subject,
        cast(count(*) as decimal(18, 6)) as quantity
    from (
        {% for file, dated_at, counts in [
            ('stg_material_movement', 'stated.moved_at', 'not stated.is_output and standards.item_id is null'),
            ('stg_subcontract_receipt', 'stated.received_at', 'true')
        ] -%}
        select
            stated.production_order_id,
            case when stated_rates.rate is null then stated.currency else orders.currency end as currency,
            least({{ dated_at }}, orders.ended_at) as posted_at
        from {{ ref(file) }} as stated
        inner join {{ ref('int_order_costing') }} as orders
            on stated.production_order_id = orders.production_order_id
        {{ dated_exchange_rates('stated.currency', dated_at) }}
        {% if file == 'stg_material_movement' -%}
        left join standards
            on
                orders.cost_version_id = standards.cost_version_id
                and stated.item_id = standards.item_id
        {% endif -%}
        where
            stated.unit_price is not null
            and {{ counts }}
            and {{ in_order_currency('stated.unit_price', 'stated.currency', dated_at) }} is null
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as prices
    inner join periods
        on
            prices.posted_at >= periods.starts_at
            and prices.posted_at < periods.ends_at
    group by all

),

misplaced as (

    {#- A co-product is costed by the process of another item; ordered by itself it absorbs nothing. #}
    select
        periods.period_id,
        'order_of_co_product' as problem,
        orders.production_order_id,
        orders.item_id as subject,
        cast(1 as decimal(18, 6)) as quantity
    from {{ ref('int_order_costing') }} as orders
    inner join periods
        on
            orders.ended_at >= periods.starts_at
            and orders.ended_at < periods.ends_at
    where
        (orders.cost_version_id, orders.item_id) in (
            select (cost_version_id, product_item_id) from {{ ref('int_joint_product') }}
            where product_type = 'co_product'
        )

),

unplanned as (

    {#- What came out and is no further product by the bill of material that the order is costed by bears nothing. #}
    select
        periods.period_id,
        'unknown_output' as problem,
        outputs.production_order_id,
        outputs.item_id as subject,
        try_cast(sum({{ moved_quantity('outputs') }}) as decimal(18, 6)) as quantity
    from {{ ref('stg_material_movement') }} as outputs
    inner join {{ ref('int_order_costing') }} as orders
        on outputs.production_order_id = orders.production_order_id
    inner join periods
        on
            least(outputs.moved_at, orders.ended_at) >= periods.starts_at
            and least(outputs.moved_at, orders.ended_at) < periods.ends_at
    where
        outputs.is_output
        and (orders.cost_version_id, orders.item_id, outputs.item_id) not in (
            select (cost_version_id, item_id, product_item_id) from {{ ref('int_joint_product') }}
            where product_type <> 'main'
        )
    group by all

),

untied as (

    select
        variances.period_id,
        'does_not_tie_out' as problem,
        variances.production_order_id,
        variances.cost_group_id as subject,
        variances.amount - costs.amount as quantity
    from (
        select
            period_id,
            production_order_id,
            cost_group_id,
            sum(amount) as amount
        from {{ ref('order_variance') }}
        where is_final
        group by period_id, production_order_id, cost_group_id
    ) as variances
    inner join (
        select
            production_order_id,
            cost_group_id,
            sum(case basis when 'actual' then amount when 'absorbed' then -amount else 0 end) as amount
        from {{ ref('order_cost') }}
        group by production_order_id, cost_group_id
    ) as costs
        on
            variances.production_order_id = costs.production_order_id
            and variances.cost_group_id = costs.cost_group_id
    where variances.amount <> costs.amount

    union all

    select
        period_id,
        'does_not_tie_out' as problem,
        null as production_order_id,
        'journal' as subject,
        sum(debit_amount) - sum(credit_amount) as quantity
    from {{ ref('journal') }}
    group by period_id, currency
    having sum(debit_amount) <> sum(credit_amount)

)

select
    period_id,
    problem,
    production_order_id,
    subject,
    try_cast(quantity as decimal(18, 6)) as quantity,
    {#- Who closes may accept what is not known; not what is wrong. #}
    problem <> 'does_not_tie_out' as is_acceptable
from (
    select * from uncosted
    union all
    select * from uncovered
    union all
    select * from unpriced
    union all
    select * from unrated
    union all
    select * from off_route
    union all
    select * from inconvertible
    union all
    select * from misplaced
    union all
    select * from unplanned
    union all
    select * from untied
) as problems
