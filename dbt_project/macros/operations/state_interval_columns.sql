{% macro state_interval_columns() -%}
    {#- What state_interval and live_state_interval show of an interval. #}
select
    site_id,
    work_unit_id,
    production_date,
    shift_id,
    shift_started_at,
    shift_ended_at,
    started_at,
    ended_at,
    state,
    state_since_at,
    category,
    cause,
    is_minor,
    calendar_kind,
    production_order_id,
    operation_id,
    item_id,
    planned_run_s_per_unit,
    reason_id,
    told_reason_id,
    classification_id,
    alarm_text,
    unmapped_value
{%- endmacro %}
