{% macro money_divide(factors, divisors, places) -%}
    {#- The product of `factors` by the product of `divisors` (no fewer factors than divisors), each a decimal of at most
        nine places, not negative; rounded half up to `places`. In whole numbers: division of decimals would be
        floating-point. Null where a divisor is nought. #}
    {%- set scale = 10 ** places -%}
    {%- set numerator = billionths(factors) ~ ' * ' ~ scale -%}
    {%- set denominator = 'nullif(' ~ billionths(divisors) ~ ', 0) * cast(' ~ 10 ** (9 * (factors | length - divisors | length)) ~ ' as hugeint)' -%}
    cast(
        cast((2 * {{ numerator }} + {{ denominator }}) // (2 * {{ denominator }}) as decimal(38, 0))
        * cast({{ '%.*f' % (places, 0.1 ** places) }} as decimal({{ places }}, {{ places }})) as decimal(28, {{ places }})
    )
{%- endmacro %}

{% macro billionths(values) -%}
    {#- Cast first: a product of two decimals of at most 18 digits may not have more than 18. #}
    {%- for value in values -%}
        {{ ' * ' if not loop.first }}cast(cast({{ value }} as decimal(38, 9)) * 1000000000 as hugeint)
    {%- endfor -%}
{%- endmacro %}

{% macro unit_money(amount) -%}
    {#- Money per unit: six places, half away from zero. #}
    cast({{ amount }} as decimal(18, 6))
{%- endmacro %}

{% macro bom_quantity(quantity) -%}
    {#- Quantity of a component: nine places, so that many levels of phantoms lose nothing that money shows. #}
    cast({{ quantity }} as decimal(24, 9))
{%- endmacro %}

{% macro pieces_started_per_good(scrap_ratios) -%}
    {#- 1 / (1 - ratio) of a list of operations' planned scrap, multiplied; the last operation comes first. #}
    cast(
        list_reduce(
            list_transform({{ scrap_ratios }}, lambda ratio: cast(cast(1 - ratio as decimal(38, 9)) * 1000000000 as hugeint)),
            lambda so_far, passing: (2 * so_far * 1000000000 + passing) // (2 * passing),
            cast(1000000000 as hugeint)
        ) as decimal(28, 0)
    ) * cast(0.000000001 as decimal(9, 9))
{%- endmacro %}
