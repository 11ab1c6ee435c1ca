{#- ISO 22400-2, one macro per KPI over sums of any grain. `definition` is iso22400 or six_big_losses:
    the latter counts minor stops as lost speed, not as lost time. #}

{% macro definition_version() -%}
    {#- Raised whenever a KPI of unchanged elements would come out differently; what changed stands in docs/kpi.md. -#}
    cast(1 as integer)
{%- endmacro %}

{% macro production_time(definition) -%}
    {%- if definition == 'six_big_losses' -%}
        (sum(actual_production_time_s) + sum(minor_stop_time_s))
    {%- else -%}
        sum(actual_production_time_s)
    {%- endif -%}
{%- endmacro %}

{% macro availability(definition='iso22400') -%}
    {{ ratio(production_time(definition), 'sum(planned_busy_time_s)') }}
{%- endmacro %}

{% macro effectiveness(definition='iso22400') -%}
    {{ ratio('sum(ideal_time_s)', production_time(definition)) }}
{%- endmacro %}

{% macro quality_ratio() -%}
    {#- Good ideal time over ideal time, so that pieces of different cycle times weigh what they cost;
        where no ideal time is known for any piece, pieces. Good pieces with one where none were made: counters that
        contradict each other have no quality. #}
    case
        when sum(ideal_time_s) = 0 and sum(good_ideal_time_s) = 0
            then {{ ratio('sum(good_quantity)', 'sum(produced_quantity)') }}
        else {{ ratio('sum(good_ideal_time_s)', 'sum(ideal_time_s)') }}
    end
{%- endmacro %}

{% macro oee_index() -%}
    {{ ratio('sum(good_ideal_time_s)', 'sum(planned_busy_time_s)') }}
{%- endmacro %}

{% macro nee_index(definition='iso22400') -%}
    {#- As OEE, but setup is no loss. #}
    (
        {{ ratio(production_time(definition) ~ ' + sum(actual_setup_time_s)', production_time(definition)) }}
        * {{ oee_index() }}
    )
{%- endmacro %}

{% macro teep_index() -%}
    {{ ratio('sum(good_ideal_time_s)', 'sum(calendar_time_s)') }}
{%- endmacro %}

{% macro coverage_ratio() -%}
    {{ ratio('sum(planned_busy_time_s) - sum(unknown_time_s)', 'sum(planned_busy_time_s)') }}
{%- endmacro %}

{% macro quoted(texts) -%}
    {#- Texts as literals, parted by commas. -#}
    {%- for text in texts %}'{{ text | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro is_stated_constraint(work_unit_id) -%}
    {#- Whether a work unit is stated to be the constraint of its line. -#}
    {{ work_unit_id }} in ({{ quoted(var('constraints')) or 'null' }}) is true
{%- endmacro %}

{% macro forecast(so_far, past_time_s, whole_time_s) -%}
    {#- Of one row: what there is so far, and the rest of the time at the rate of the part that has passed. #}
    (cast({{ so_far }} as double) * {{ ratio(whole_time_s, past_time_s) }})
{%- endmacro %}

{#- Failures, over the sums of work_unit_failure_day: means over the intervals whose both ends are known (domain.md 2.8),
    never over the failures or one more than those. #}

{% macro mtbf_s() -%}
    {{ ratio('sum(between_failures_s)', 'sum(between_failures_count)') }}
{%- endmacro %}

{% macro mttf_s() -%}
    {{ ratio('sum(to_failure_s)', 'sum(to_failure_count)') }}
{%- endmacro %}

{% macro mttr_s() -%}
    {{ ratio('sum(repair_time_s)', 'sum(repair_count)') }}
{%- endmacro %}

{% macro failure_sums() -%}
    {#- What the failure KPIs are made of, summed. -#}
    {% for count in [
        'failure_count', 'repair_count', 'between_failures_count', 'to_failure_count', 'unexplained_stop_count'
    ] -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    {% for time in [
        'operating_time_s', 'repair_time_s', 'between_failures_s', 'to_failure_s', 'unexplained_stop_time_s'
    ] -%}
    cast(sum({{ time }}) as decimal(18, 6)) as {{ time }}
    {%- if not loop.last %},
    {% endif %}
    {%- endfor %}
{%- endmacro %}

{% macro failure_kpis() -%}
    {{ mtbf_s() }} as mtbf_s,
    {{ mttf_s() }} as mttf_s,
    {{ mttr_s() }} as mttr_s
{%- endmacro %}

{% macro drift_ratio() -%}
    {#- Of one row: percentiles do not add up. #}
    {{ ratio('p50_cycle_s', 'planned_run_s_per_unit') }}
{%- endmacro %}

{% macro due_ratio() -%}
    {#- Of one row: what is done since the last maintenance, by what is allowed. #}
    {{ ratio('done_quantity', 'interval_quantity') }}
{%- endmacro %}

{% macro anomaly_score() -%}
    {#- Of one row: how many spreads an hour's mean is from the median of the week before. #}
    {{ ratio('mean_value - median_value', 'spread_value') }}
{%- endmacro %}

{#- Yields (domain.md 2.4), over sums of any grain. Input is what the operation made: the total counter, else good +
    scrap + rework. #}

{% macro first_pass_yield() -%}
    {{ ratio('sum(good_quantity)', 'sum(good_quantity) + sum(scrap_quantity) + sum(rework_quantity)') }}
{%- endmacro %}

{% macro throughput_yield() -%}
    {{ ratio('sum(input_quantity) - sum(scrap_quantity) - sum(rework_quantity)', 'sum(input_quantity)') }}
{%- endmacro %}

{% macro first_time_yield() -%}
    {#- Good out of units in, however often they were worked on. -#}
    {{ ratio('sum(input_quantity) - sum(scrap_quantity)', 'sum(input_quantity)') }}
{%- endmacro %}

{% macro scrap_ratio() -%}
    {{ ratio('sum(scrap_quantity)', 'sum(input_quantity)') }}
{%- endmacro %}

{% macro rework_ratio() -%}
    {{ ratio('sum(rework_quantity)', 'sum(input_quantity)') }}
{%- endmacro %}

{% macro defect_ppm() -%}
    {{ ratio('sum(scrap_quantity) * 1000000', 'sum(good_quantity) + sum(scrap_quantity)') }}
{%- endmacro %}

{% macro yield_elements() -%}
    {{ return(['input_quantity', 'good_quantity', 'scrap_quantity', 'rework_quantity']) }}
{%- endmacro %}

{% macro yields_of_sums() -%}
    {{ first_pass_yield() }} as first_pass_yield,
    {{ throughput_yield() }} as throughput_yield,
    {{ first_time_yield() }} as first_time_yield,
    {{ scrap_ratio() }} as scrap_ratio,
    {{ rework_ratio() }} as rework_ratio,
    {{ defect_ppm() }} as defect_ppm
{%- endmacro %}
