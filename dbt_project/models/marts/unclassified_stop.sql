{#- The stops that wait for somebody to say why: what they took of planned busy time, and what that cost. #}
{{ config(materialized='view') }}
select
    stop_id,
    site_id,
    work_unit_id,
    production_date,
    shift_id,
    started_at,
    ended_at,
    cause,
    alarm_text,
    duration_s,
    planned_busy_time_s,
    lost_quantity,
    lost_amount,
    currency
from {{ ref('stop_cost') }}
where is_unclassified
