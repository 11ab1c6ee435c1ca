{% macro money_divide(factors, divisors, places) -%}
    {#- The product of `factors` by the product of `divisors` (no fewer factors than divisors; these not negative), each a
        decimal of at most nine places; rounded to `places`, half away from zero. In whole numbers: division of decimals
        would be floating-point, and so is here only where the search for the quotient begins; the remainder decides. Null
        where a divisor is nought, or where a number is more than any amount may be: what nobody can have meant must not
        keep everybody from their figures. No aggregates within. #}
    {%- set excess = 10 ** (9 * (factors | length - divisors | length)) -%}
    try_cast(
        cast(
            list_transform(
                [{
                    {%- for value in factors %}'factor{{ loop.index }}': try_cast({{ value }} as decimal(38, 9)), {% endfor -%}
                    {%- for value in divisors %}'divisor{{ loop.index }}': try_cast({{ value }} as decimal(38, 9)){{ ', ' if not loop.last }}{% endfor -%}
                }],
                /* exact: */ lambda _decimals: list_transform(
                    [{
                        'n': {{ whole_product('_decimals.factor', factors | length, 10 ** places) }},
                        'd': nullif({{ whole_product('_decimals.divisor', divisors | length, excess) }}, 0)
                    }],
                    lambda _whole: {{ whole_quotient() }}
                )[1] /* :exact */
            )[1] as decimal(38, 0)
        ) * cast({{ '%.*f' % (places, 0.1 ** places) }} as decimal({{ places }}, {{ places }})) as decimal(28, {{ places }})
    )
{%- endmacro %}

{% macro whole_product(name, count, scale) -%}
    {#- The product of decimals of nine places and of a power of ten, as a whole number; null where twice as much might not
        fit into 128 bits. To make a whole number of a decimal DuckDB divides it bit by bit; up to a million a double has
        all its places. #}
    case
        when abs({% for index in range(1, count + 1) %}{{ ' * ' if not loop.first }}cast({{ name ~ index }} as double){% endfor %})
            < {{ 4e37 / (scale * 10 ** (9 * count)) }}
            then
                {% for index in range(1, count + 1) -%}
                {%- set value = name ~ index -%}
                case
                    when {{ value }} between -1000000 and 1000000
                        then cast(cast(round(cast({{ value }} as double) * 1e9) as bigint) as hugeint)
                    when {{ value }} between -{{ 10 ** 20 }} and {{ 10 ** 20 }}
                        then cast({{ value }} * 1000000000 as hugeint)
                end *
                {% endfor -%}
                cast({{ scale }} as hugeint)
    end
{%- endmacro %}

{% macro whole_quotient() -%}
    {#- Of the whole numbers `_whole.n` by `_whole.d`, half away from zero: up to 10^14 the nearest to the quotient of doubles
        is the right one or beside it. #}
    {%- set quotient = 'cast(_whole.n as double) / cast(_whole.d as double)' -%}
    case
        when abs({{ quotient }}) < 1e14
            then
                list_transform(
                    [{'n': _whole.n, 'd': _whole.d, 'near': cast(round({{ quotient }}) as bigint)}],
                    lambda _found:
                        _found.near
                        + cast(
                            2 * (_found.n - _found.near * _found.d) >= _found.d + cast(_found.n < 0 as integer) as integer
                        )
                        - cast(
                            2 * (_found.n - _found.near * _found.d) <= -_found.d - cast(_found.n > 0 as integer) as integer
                        )
                )[1]
        else sign(_whole.n) * ((2 * abs(_whole.n) + _whole.d) // (2 * _whole.d))
    end
{%- endmacro %}

{% macro unit_money(amount) -%}
    {#- Money per unit: six places, half away from zero; null where it is more than any may be. #}
    try_cast({{ amount }} as decimal(18, 6))
{%- endmacro %}

{% macro bom_quantity(quantity) -%}
    {#- Quantity of a component: nine places, so that many levels of phantoms lose nothing that money shows. #}
    try_cast({{ quantity }} as decimal(24, 9))
{%- endmacro %}

{% macro pieces_started_per_good(scrap_ratios) -%}
    {#- Of a list of operations' planned scrap ratios, the last operation first: 1 + ratio, multiplied (Business Central,
        Dynamics 365), or as the setting says 1 / (1 - ratio), the share of those started. #}
    {%- if var('operation_scrap') == 'of_pieces_started' -%}
        {%- set share, step = '1 - ratio', '(2 * so_far * 1000000000 + share) // (2 * share)' -%}
    {%- else -%}
        {%- set share, step = '1 + ratio', '(2 * so_far * share + 1000000000) // 2000000000' -%}
    {%- endif -%}
    cast(
        list_reduce(
            list_transform({{ scrap_ratios }}, lambda ratio: cast(cast({{ share }} as decimal(38, 9)) * 1000000000 as hugeint)),
            lambda so_far, share: {{ step }},
            cast(1000000000 as hugeint)
        ) as decimal(28, 0)
    ) * cast(0.000000001 as decimal(9, 9))
{%- endmacro %}

{% macro crew_rate(rate, cost_category_id, crew_size) -%}
    {#- What an hour of an operation costs: a rate of labour is a worker's, any other that of the operation. #}
    case
        when {{ cost_category_id }} = '{{ var("labour_cost_category") }}' and {{ crew_size }} is not null
            then {{ unit_money(rate ~ ' * ' ~ crew_size) }}
        else {{ rate }}
    end
{%- endmacro %}

{% macro quantity_of_pieces(variable_quantity, constant_quantity, pieces) -%}
    {#- What pieces of `pieces` need beside those before them; the first of all what the lot needs once. All that come add
        up to what they need together. #}
    {{ bom_quantity(variable_quantity ~ ' * ' ~ pieces ~ '.quantity') }}
    - {{ bom_quantity(variable_quantity ~ ' * ' ~ pieces ~ '.earlier_quantity') }}
    + case
        when {{ pieces }}.quantity > 0 and {{ pieces }}.earlier_quantity = 0 then {{ constant_quantity }}
        when {{ pieces }}.quantity = 0 and {{ pieces }}.earlier_quantity > 0 then -{{ constant_quantity }}
        else 0
    end
{%- endmacro %}

{% macro amount_of(quantity, unit_price, driver) -%}
    {#- What a quantity of a cost line costs, six places: time is in seconds and its price per hour. #}
    case
        when {{ driver }} in ('setup_time', 'run_time') then {{ money_divide([quantity, unit_price], ['3600'], 6) }}
        else try(cast({{ quantity }} as decimal(24, 9)) * cast({{ unit_price }} as decimal(24, 9)))
    end
{%- endmacro %}

{% macro surcharge_line(cost_group_id, line_id) -%}
    {#- The line of a surcharge on a line of a base. #}
    concat({{ cost_group_id }}, '/', {{ line_id }})
{%- endmacro %}

{% macro by_product_burdens() -%}
    {#- What it costs to be rid of the by-products of an item, in the form of overheads that bear on it alone. #}
    {% for kind, burden_kinds, rate in [
        ('surcharge', "('percent')", 'burden_ratio'), ('per_unit', "('per_quantity', 'per_series')", 'burden_unit_cost')
    ] -%}
    select
        cost_version_id,
        item_id,
        {% if kind == 'surcharge' and var('by_product_burden') == 'of_material' -%}
        'material' as driver,
        {%- else -%}
        cast(null as varchar) as driver,
        {%- endif %}
        'by_product_burden' as overhead_id,
        '{{ kind }}' as kind,
        cast(null as varchar) as base,
        {#- One that is more than anything may be makes all of them so. #}
        case when bool_and({{ rate }} is not null) then {{ unit_money('sum(' ~ rate ~ ')') }} end as rate
    from {{ ref('int_joint_product') }}
    where burden_kind in {{ burden_kinds }}
    group by cost_version_id, item_id
    having bool_or(coalesce({{ rate }}, 1) > 0)
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{% macro constant_unit_cost(line) -%}
    {#- A unit's share of what a lot needs, of a line of the cost card. #}
    case
        when {{ line }}.constant_quantity = 0 then 0
        else
            {{ line }}.unit_cost
            - {{ unit_money(amount_of(line ~ '.variable_quantity', line ~ '.unit_price', line ~ '.driver')) }}
    end
{%- endmacro %}

{% macro dated_exchange_rates(currency, dated_at) -%}
    {#- Joins what a stated currency and that of `orders` were worth at a moment, in the common one. #}
    {% for currency, rates in [(currency, 'stated_rates'), ('orders.currency', 'order_rates')] -%}
    asof left join (
        select
            currency,
            rate,
            coalesce(valid_from, timestamp '-infinity') as valid_from
        from {{ ref('stg_exchange_rate') }}
    ) as {{ rates }}
        on
            {{ currency }} = {{ rates }}.currency
            and {{ dated_at }} >= {{ rates }}.valid_from
    {% endfor %}
{%- endmacro %}

{% macro in_order_currency(unit_price, currency, dated_at) -%}
    {#- A price as stated, in the order's currency; null where one of the two has no rate or it is more than fits. #}
    case
        when coalesce({{ currency }}, orders.currency) = orders.currency then {{ unit_price }}
        else
            try_cast(
                {{ money_divide([unit_price, 'stated_rates.rate'], ['order_rates.rate'], 6) }}
                as decimal(18, 6)
            )
    end
{%- endmacro %}

{% macro cents(amount) -%}
    {#- An amount as it is booked: two places, half away from zero. #}
    try_cast({{ amount }} as decimal(18, 2))
{%- endmacro %}

{% macro shared_cents(whole_cents, cents_left, shares, place) -%}
    {#- One of several shares of an amount: its own whole cents and, by largest remainder, its part of those that are left;
        whole rounds go to all. #}
    {%- set rest = '((' ~ cents_left ~ ' % ' ~ shares ~ ' + ' ~ shares ~ ') % ' ~ shares ~ ')' -%}
    cast(
        {{ whole_cents }} + ({{ cents_left }} - {{ rest }}) // {{ shares }}
        + case when {{ place }} <= {{ rest }} then 1 else 0 end as decimal(18, 0)
    ) * 0.01
{%- endmacro %}

{% macro orders_route_first() -%}
    {#- Of the rows of `routing` for an operation of one of `orders` those of the order's route version before others, those
        that held when it was costed before those that did not. #}
    coalesce(routing.route_version = orders.route_version, false) desc,
    orders.costed_at >= coalesce(routing.valid_from, timestamp '-infinity')
    and orders.costed_at < coalesce(routing.valid_to, timestamp 'infinity') desc
{%- endmacro %}

{% macro moved_quantity(movements) -%}
    {#- How much a movement moved, less than nothing where it was taken back. #}
    case when {{ movements }}.is_return then -{{ movements }}.quantity else {{ movements }}.quantity end
{%- endmacro %}

{% macro told_outputs() -%}
    {#- What each changed order is told to have made of each item beside its own. #}
    select
        outputs.production_order_id,
        outputs.item_id,
        sum({{ moved_quantity('outputs') }}) as quantity
    from {{ of_changed_orders('stg_material_movement') }} as outputs
    where outputs.is_output
    group by outputs.production_order_id, outputs.item_id
{%- endmacro %}

{% macro not_negative(quantity) -%}
    {#- Corrections may leave less than nothing of a count; unlike with greatest, what is not known stays so. #}
    case when {{ quantity }} < 0 then 0 else {{ quantity }} end
{%- endmacro %}
