{#- The variances of orders by work unit and shift: what was used there beside what the pieces made there may need. They
    add up to those of `order_variance`, to the cent, by largest remainder. -#}
{{ config(incremental_strategy='changed_orders') }}
{%- set key = 'production_order_id, operation_id, cost_group_id' -%}
{%- set place = 'work_unit_id, production_date, shift_id' -%}
{%- set variance = key ~ ', variance_type, detail_type, is_machine_time' -%}
{#- What was used, what pieces may need, what a lot may need once, what scrap took and where that is missing: each at
    its own places. -#}
{%- set sides = [
    ('used_spread_by', {
        'quantity': 'quantity_amount + allowed_amount',
        'price': 'price_amount',
        'substitution': 'substitution_amount',
        'mix': 'mix_amount',
    }),
    ('pieces_spread_by', {'quantity': 'constant_amount - allowed_amount'}),
    ('lot_spread_by', {'quantity': '-constant_amount', 'lot_size': 'lot_size_amount'}),
    ('scrap_spread_by', {'scrap': 'scrap_amount', 'quantity': 'scrap_amount'}),
    ('scrap_missing_spread_by', {'quantity': '-scrap_amount'}),
] -%}
with

places as (

    select *
    from {{ of_changed_orders('int_order_place') }}

),

cost_lines as (

    {#- What is reckoned from delivered pieces, and what belongs to no operation, is where these are. #}
    select
        *,
        case
            when operation_id is null then 'pieces'
            when source in ('issued', 'measured') then 'material'
            when source = 'booked' then 'booked'
            when source = 'machine' then case driver when 'run_time' then 'run_time' else 'lot' end
            when driver in ('piece', 'subcontract') then 'counted'
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
        case
            when lines.told_by in ('run_time', 'booked', 'material') then coalesce(borne.line_id, lines.line_id)
            else ''
        end as place_line_id,
        lines.is_overhead and borne.line_id is null and told_by = 'run_time' as is_on_hours
    from cost_lines as lines
    left join borne
        on
            lines.production_order_id = borne.production_order_id
            and lines.operation_id is not distinct from borne.operation_id
            and lines.driver = borne.driver
            and case when lines.is_overhead then lines.line_id end = borne.surcharge_line_id

),

known_of_lines as (

    select
        production_order_id,
        operation_id,
        spread_by,
        driver,
        line_id,
        sum(quantity) as quantity
    from places
    where share is not null
    group by production_order_id, operation_id, spread_by, driver, line_id

),

known_of_operations as (

    select
        production_order_id,
        operation_id,
        list(distinct spread_by) filter (where share is not null) as shared,
        bool_or(spread_by = 'pieces') as are_pieces_known
    from places
    group by production_order_id, operation_id

),

lines_spread as (

    {#- An overhead on other hours than those charged of its category goes with all hours. What nobody tells the place
        of goes with the pieces, or where the operation took longest. Pieces that no machine counts go with what was
        used. #}
    select
        lines.* exclude (place_line_id),
        known_of_lines.spread_by is not null
        and (not lines.is_on_hours or lines.used_quantity = known_of_lines.quantity) as has_own_places,
        if(has_own_places, lines.place_line_id, '') as place_line_id,
        case
            when has_own_places or known_of_all.spread_by is not null then lines.told_by
            else list_filter(['pieces', 'lot'], lambda way: list_contains(operations.shared, way))[1]
        end as used_spread_by,
        if(operations.are_pieces_known, 'pieces', used_spread_by) as pieces_spread_by,
        if(list_contains(operations.shared, 'lot'), 'lot', used_spread_by) as lot_spread_by,
        if(list_contains(operations.shared, 'scrap'), 'scrap', used_spread_by) as scrap_spread_by,
        if(list_contains(operations.shared, 'scrap_missing'), 'scrap_missing', used_spread_by)
            as scrap_missing_spread_by
    from lines
    left join known_of_lines
        on
            lines.production_order_id = known_of_lines.production_order_id
            and lines.operation_id is not distinct from known_of_lines.operation_id
            and lines.told_by = known_of_lines.spread_by
            and lines.place_driver = known_of_lines.driver
            and lines.place_line_id = known_of_lines.line_id
    left join known_of_lines as known_of_all
        on
            lines.production_order_id = known_of_all.production_order_id
            and lines.operation_id is not distinct from known_of_all.operation_id
            and lines.told_by = known_of_all.spread_by
            and lines.place_driver = known_of_all.driver
            and case when lines.is_overhead then '' end = known_of_all.line_id
    left join known_of_operations as operations
        on
            lines.production_order_id = operations.production_order_id
            and lines.operation_id is not distinct from operations.operation_id

),

lines_placed as (

    {% for spread_by, amounts in sides -%}
    {%- set of_place -%}
    case when places.production_order_id is null then 1 else places.share end
    {%- endset -%}
    {#- Each issue has its own price and each hour its own rate, where they are of this line and its card knows it. -#}
    {%- set is_priced -%}
    places.amount is not null and not lines.is_overhead and lines.unit_price is not null
    {%- endset -%}
    {%- set at_standard = amount_of('places.quantity', 'lines.unit_price', 'lines.driver') -%}
    select
        {{ 'lines.' ~ key.replace(', ', ', lines.') }},
        lines.driver,
        lines.is_overhead,
        lines.is_mixed,
        lines.is_machine_time,
        {% for amount in ['quantity', 'price', 'substitution', 'mix', 'lot_size', 'scrap'] -%}
        {% if amount not in amounts -%}
        cast(0 as decimal(38, 15)) as {{ amount }}_amount,
        {% elif spread_by == 'pieces_spread_by' -%}
        {#- Also of an order that delivered nothing: its pieces add up to none. #}
        case
            when places.spread_by = 'pieces'
                then
                    -{{ amount_of(
                        bom_quantity('lines.variable_quantity * places.quantity'), 'lines.unit_price', 'lines.driver'
                    ) }}
            else {{ placed_amount(amounts[amount], of_place) }}
        end as {{ amount }}_amount,
        {% elif spread_by == 'used_spread_by' and amount == 'quantity' -%}
        case
            when {{ is_priced }}
                then
                    {{ at_standard }} + {{ placed_amount(
                        'lines.quantity_amount + lines.allowed_amount + lines.price_amount - lines.actual_amount', of_place
                    ) }}
            else {{ placed_amount(amounts[amount], of_place) }}
        end as quantity_amount,
        {% elif amount == 'price' -%}
        case
            when {{ is_priced }} then places.amount - {{ at_standard }}
            else {{ placed_amount(amounts[amount], of_place) }}
        end as price_amount,
        {% elif amount == 'substitution' -%}
        {#- What the card does not know is a substitution as a whole. #}
        case
            when places.amount is not null and not lines.is_overhead and lines.unit_price is null then places.amount
            else {{ placed_amount(amounts[amount], of_place) }}
        end as substitution_amount,
        {% else -%}
        {{ placed_amount(amounts[amount], of_place) }} as {{ amount }}_amount,
        {% endif -%}
        {% endfor -%}
        places.work_unit_id,
        places.production_date,
        places.shift_id
    from lines_spread as lines
    left join places
        on
            lines.production_order_id = places.production_order_id
            and lines.operation_id is not distinct from places.operation_id
            and lines.{{ spread_by }} = places.spread_by
            and case when lines.{{ spread_by }} = lines.told_by then lines.place_driver else '' end = places.driver
            and case when lines.{{ spread_by }} = lines.told_by then lines.place_line_id else '' end = places.line_id
    {% if spread_by != 'pieces_spread_by' -%}
    where {{ amounts.values() | join(' <> 0 or ') }} <> 0
    {%- endif %}

    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

parts as (

    {{ variance_parts('lines_placed', keys=key ~ ', ' ~ place) }}

),

shares as (

    select
        {{ variance }},
        {{ place }},
        sum(amount) as exact_amount
    from parts
    where amount <> 0
    group by {{ variance }}, {{ place }}

),

shares_in_cents as (

    select
        *,
        try(cast(floor(exact_amount * 100) as hugeint)) as whole_cents
    from shares

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
            order by shares.exact_amount * 100 - shares.whole_cents desc, {{ place }}
        ) as cent_rank,
        count(*) over (partition by {{ 'shares.' ~ variance.replace(', ', ', shares.') }}) as shares_count,
        cast(coalesce(cast(variances.amount as decimal(28, 2)), 0) * 100 as hugeint) - sum(shares.whole_cents) over (
            partition by {{ 'shares.' ~ variance.replace(', ', ', shares.') }}
        ) as cents_left
    from shares_in_cents as shares
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
        {{ cents(shared_cents('whole_cents', 'cents_left', 'shares_count', 'cent_rank')) }} as amount,
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
