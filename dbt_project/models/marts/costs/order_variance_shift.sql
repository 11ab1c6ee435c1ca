{#- The variances of orders by work unit and shift: what was used there beside what the pieces made there may need. They
    add up to those of `order_variance`, to the cent, by largest remainder. -#}
{{ config(incremental_strategy='changed_orders') }}
{%- set key = 'production_order_id, operation_id, cost_group_id' -%}
{%- set place = 'work_unit_id, production_date, shift_id' -%}
{%- set variance = key ~ ', variance_type, detail_type, is_machine_time' -%}
{#- What was used, what pieces may need, what a lot may need once, what scrap took: each at its own place. -#}
{%- set sides = [
    ('used_spread_by', {
        'quantity': 'quantity_amount + allowed_amount',
        'price': 'price_amount',
        'substitution': 'substitution_amount',
        'mix': 'mix_amount',
    }),
    ('pieces_spread_by', {'quantity': 'constant_amount - allowed_amount'}),
    ('lot_spread_by', {'quantity': '-constant_amount', 'lot_size': 'lot_size_amount'}),
    ('scrap_spread_by', {'scrap': 'scrap_amount'}),
] -%}
with

places as (

    select *
    from {{ of_changed_orders('int_order_place') }}

),

cost_lines as (

    select
        *,
        case
            when source in ('issued', 'measured') then 'material'
            when source = 'booked' then 'booked'
            when source = 'machine' then case driver when 'run_time' then 'run_time' else 'lot' end
            else 'pieces'
        end as told_by
    from {{ of_changed_orders('int_order_cost_line') }}

),

borne as (

    select
        production_order_id,
        operation_id,
        driver,
        {{ surcharge_line('cost_group_id', 'line_id') }} as surcharge_line_id,
        min(line_id) as line_id
    from cost_lines
    where not is_overhead
    group by production_order_id, operation_id, driver, surcharge_line_id

),

lines as (

    {#- A surcharge is where that is on which it bears. #}
    select
        lines.*,
        case when lines.told_by = 'booked' then lines.driver else '' end as place_driver,
        case when lines.told_by in ('booked', 'material') then coalesce(borne.line_id, lines.line_id) else '' end
            as place_line_id
    from cost_lines as lines
    left join borne
        on
            lines.production_order_id = borne.production_order_id
            and lines.operation_id is not distinct from borne.operation_id
            and lines.driver = borne.driver
            and case when lines.is_overhead then lines.line_id end = borne.surcharge_line_id

),

known_of_lines as (

    select distinct
        production_order_id,
        operation_id,
        spread_by,
        driver,
        line_id
    from places

),

known_of_operations as (

    select
        production_order_id,
        operation_id,
        list(distinct spread_by) as known
    from places
    group by production_order_id, operation_id

),

lines_spread as (

    {#- What nobody tells the place of goes with the pieces; these, where no machine counts them, with what was used. #}
    select
        lines.*,
        case
            when known_of_lines.spread_by is not null then lines.told_by
            when list_contains(operations.known, 'pieces') then 'pieces'
        end as used_spread_by,
        case when list_contains(operations.known, 'pieces') then 'pieces' else used_spread_by end as pieces_spread_by,
        case when list_contains(operations.known, 'lot') then 'lot' else pieces_spread_by end as lot_spread_by,
        case when list_contains(operations.known, 'scrap') then 'scrap' else pieces_spread_by end as scrap_spread_by
    from lines
    left join known_of_lines
        on
            lines.production_order_id = known_of_lines.production_order_id
            and lines.operation_id is not distinct from known_of_lines.operation_id
            and lines.told_by = known_of_lines.spread_by
            and lines.place_driver = known_of_lines.driver
            and lines.place_line_id = known_of_lines.line_id
    left join known_of_operations as operations
        on
            lines.production_order_id = operations.production_order_id
            and lines.operation_id is not distinct from operations.operation_id

),

lines_by_side as (

    {% for spread_by, amounts in sides -%}
    select
        {{ key }},
        driver,
        is_overhead,
        is_mixed,
        is_machine_time,
        {% for amount in ['quantity', 'price', 'substitution', 'mix', 'lot_size', 'scrap'] -%}
        try_cast({{ amounts.get(amount, '0') }} as decimal(20, 6)) as {{ amount }}_amount,
        {% endfor -%}
        {{ spread_by }} as spread_by,
        case when {{ spread_by }} = told_by then place_driver else '' end as place_driver,
        case when {{ spread_by }} = told_by then place_line_id else '' end as place_line_id
    from lines_spread
    where {{ amounts.values() | join(' <> 0 or ') }} <> 0
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

parts as (

    {{ variance_parts('lines_by_side', keys=key ~ ', spread_by, place_driver, place_line_id') }}

),

parts_placed as (

    select
        parts.* exclude (spread_by, place_driver, place_line_id, amount),
        places.work_unit_id,
        places.production_date,
        places.shift_id,
        coalesce(parts.amount, 0)
        * case when places.production_order_id is null then 1 else coalesce(places.share, 0) end as amount
    from parts
    left join places
        on
            parts.production_order_id = places.production_order_id
            and parts.operation_id is not distinct from places.operation_id
            and parts.spread_by = places.spread_by
            and parts.place_driver = places.driver
            and parts.place_line_id = places.line_id
    where parts.amount <> 0

),

shares as (

    select
        {{ variance }},
        {{ place }},
        sum(amount) as exact_amount,
        cast(floor(sum(amount) * 100) as bigint) as whole_cents,
        sum(amount) * 100 - floor(sum(amount) * 100) as cents_cut
    from parts_placed
    group by {{ variance }}, {{ place }}

),

variances as (

    select *
    from {{ of_changed_orders('order_variance') }}

),

shares_ranked as (

    select
        shares.*,
        row_number() over (
            partition by {{ 'shares.' ~ variance.replace(', ', ', shares.') }}
            order by cents_cut desc, {{ place }}
        ) as place,
        count(*) over (partition by {{ 'shares.' ~ variance.replace(', ', ', shares.') }}) as shares_count,
        cast(coalesce(variances.amount, 0) * 100 as bigint) - sum(shares.whole_cents) over (
            partition by {{ 'shares.' ~ variance.replace(', ', ', shares.') }}
        ) as cents_left
    from shares
    left join variances
        on
            shares.production_order_id = variances.production_order_id
            and shares.operation_id is not distinct from variances.operation_id
            and shares.cost_group_id = variances.cost_group_id
            and shares.variance_type = variances.variance_type
            and shares.detail_type = variances.detail_type
            and shares.is_machine_time = variances.is_machine_time

),

amounts as (

    select
        {{ variance }},
        {{ place }},
        {{ cents(shared_cents('whole_cents', 'cents_left', 'shares_count', 'place')) }} as amount,
        exact_amount
    from shares_ranked

    union all

    {#- What rounding leaves is of no shift. #}
    select
        {{ variance }},
        null as work_unit_id,
        null as production_date,
        null as shift_id,
        amount,
        amount as exact_amount
    from variances
    where variance_type = 'rounding'

)

select
    amounts.production_order_id,
    amounts.operation_id,
    orders.item_id,
    amounts.work_unit_id,
    amounts.production_date,
    amounts.shift_id,
    amounts.cost_group_id,
    amounts.variance_type,
    amounts.detail_type,
    amounts.is_machine_time,
    amounts.amount,
    try_cast(amounts.exact_amount as decimal(28, 6)) as exact_amount,
    orders.currency,
    periods.period_id,
    orders.is_final
from amounts
inner join {{ of_changed_orders('int_order_costing') }} as orders
    on amounts.production_order_id = orders.production_order_id
asof left join {{ ref('int_dated_period') }} as periods
    on orders.ended_at >= periods.starts_at
where amounts.amount <> 0
