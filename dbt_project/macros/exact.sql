{% macro microseconds_between(started_at, ended_at) -%}
    (epoch_us({{ ended_at }}) - epoch_us({{ started_at }}))
{%- endmacro %}

{% macro seconds(microseconds) -%}
    {#- Integer microseconds as decimal seconds. Multiplied: decimal division would be floating-point. #}
    cast(cast({{ microseconds }} as decimal(18, 0)) * 0.000001 as decimal(18, 6))
{%- endmacro %}

{% macro ratio(numerator, denominator) -%}
    {#- The one division: of exact sums, at the very end. Null when there is nothing to divide by. #}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{% macro shortest_text(number) -%}
    {#- A number as value maps write it: 5, not 5.0. #}
    case
        when {{ number }} = trunc({{ number }}) and abs({{ number }}) < 9007199254740992
            then cast(cast({{ number }} as bigint) as varchar)
        else cast({{ number }} as varchar)
    end
{%- endmacro %}
