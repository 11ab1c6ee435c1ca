{% macro shift_elements() -%}
    {{ return([
        'calendar_time_s', 'not_scheduled_time_s', 'planned_downtime_s', 'planned_busy_time_s',
        'actual_production_time_s', 'actual_setup_time_s', 'actual_delay_time_s', 'actual_down_time_s',
        'unknown_time_s', 'minor_stop_time_s', 'ideal_time_s', 'good_ideal_time_s', 'startup_loss_time_s',
        'produced_quantity', 'good_quantity', 'scrap_quantity', 'rework_quantity'
    ]) }}
{%- endmacro %}

{% macro summed_elements() -%}
    {#- What adds up, summed. A sum with a missing ideal time has none: one that leaves pieces out would flatter. -#}
    {% for element in shift_elements() -%}
    {% if element in ['ideal_time_s', 'good_ideal_time_s', 'startup_loss_time_s'] -%}
    case when bool_and({{ element }} is not null) then cast(sum({{ element }}) as decimal(18, 6)) end as {{ element }}
    {%- else -%}
    cast(sum({{ element }}) as decimal(18, 6)) as {{ element }}
    {%- endif %}
    {%- if not loop.last %},
    {% endif %}
    {%- endfor %}
{%- endmacro %}

{% macro kpis_of_sums(definition='iso22400') -%}
    {#- Every KPI of the summed elements; what needs an ideal time is null where one is missing. -#}
    {{ availability(definition) }} as availability,
    {% for name, kpi in [
        ('effectiveness', effectiveness(definition)), ('quality_ratio', quality_ratio()),
        ('oee_index', oee_index()), ('nee_index', nee_index(definition)), ('teep_index', teep_index())
    ] -%}
    case when bool_and(ideal_time_s is not null) then {{ kpi }} end as {{ name }}
    {%- if not loop.last %},
    {% endif %}
    {%- endfor %}
{%- endmacro %}

{% macro shift_kpis(relation, detail, evaluated_at, definitions=['iso22400', 'six_big_losses']) -%}
{#- The shift marts: what adds up, summed per shift and `detail`, and the KPIs of the sums by each definition. -#}
{% set grain = ['site_id', 'work_unit_id', 'production_date', 'shift_id', 'shift_started_at', 'shift_ended_at'] + detail -%}
{% for definition in definitions %}
select
    {{ grain | join(',\n    ') }},
    {{ summed_elements() }},
    {{ kpis_of_sums(definition) }},
    {{ coverage_ratio() }} as coverage_ratio,
    '{{ definition }}' as definition_id,
    {{ definition_version() }} as definition_version,
    coalesce({{ coverage_ratio() }}, 1) < {{ var('coverage_threshold') }} or max(shift_ended_at) > {{ evaluated_at }}
        as is_provisional
from {{ relation }}
group by {{ grain | join(', ') }}
{%- if not loop.last %}

union all
{% endif %}
{%- endfor %}
{%- endmacro %}
