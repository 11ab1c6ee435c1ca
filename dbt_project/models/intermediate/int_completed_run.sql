{#- The watermark of the next run. It is written last, after every law: a run that failed before leaves the old one. #}
-- depends_on: {{ ref('work_unit_shift') }}
-- depends_on: {{ ref('work_unit_shift_order') }}
-- depends_on: {{ ref('state_interval') }}
-- depends_on: {{ ref('stop_event') }}
-- depends_on: {{ ref('stop_classification') }}
-- depends_on: {{ ref('count_correction') }}
-- depends_on: {{ ref('unclassified_stop') }}
-- depends_on: {{ ref('work_unit_usage_day') }}
-- depends_on: {{ ref('failure_event') }}
-- depends_on: {{ ref('work_unit_failure_day') }}
-- depends_on: {{ ref('work_unit_failure_trend') }}
-- depends_on: {{ ref('changeover') }}
-- depends_on: {{ ref('setup_matrix') }}
-- depends_on: {{ ref('standard_drift') }}
-- depends_on: {{ ref('maintenance_due') }}
-- depends_on: {{ ref('signal_anomaly') }}
-- depends_on: {{ ref('work_unit_hour') }}
-- depends_on: {{ ref('work_unit_day') }}
-- depends_on: {{ ref('equipment_shift') }}
-- depends_on: {{ ref('equipment_day') }}
-- depends_on: {{ ref('equipment_week') }}
-- depends_on: {{ ref('line_bottleneck_shift') }}
-- depends_on: {{ ref('yield_operation') }}
-- depends_on: {{ ref('yield_reason') }}
-- depends_on: {{ ref('yield_route') }}
-- depends_on: {{ ref('data_quality') }}
-- depends_on: {{ ref('loss_time') }}
-- depends_on: {{ ref('restatement') }}
-- depends_on: {{ ref('standard_cost') }}
-- depends_on: {{ ref('cost_warning') }}
-- depends_on: {{ ref('cost_rollup') }}
-- depends_on: {{ ref('dim_cost_version') }}
-- depends_on: {{ ref('order_cost') }}
-- depends_on: {{ ref('order_variance') }}
-- depends_on: {{ ref('order_product_cost') }}
-- depends_on: {{ ref('loss_cost') }}
-- depends_on: {{ ref('wip_rollforward') }}
-- depends_on: {{ ref('dim_period') }}
-- depends_on: {{ ref('period_check') }}
-- depends_on: {{ ref('period_comparison') }}
-- depends_on: {{ ref('period_posting') }}
-- depends_on: {{ ref('journal') }}
-- depends_on: {{ ref('cost_of_quality') }}
-- depends_on: {{ ref('idle_capacity') }}
select
    pinned_snapshot_id,
    evaluated_at
from {{ ref('int_run') }}
