-- Fails if a row of a mart is there twice.
{% for mart, key in [
    ('work_unit_shift', 'site_id, work_unit_id, shift_started_at, definition_id'),
    (
        'work_unit_shift_order',
        'site_id, work_unit_id, shift_started_at, production_order_id, operation_id, item_id, definition_id'
    ),
    ('work_unit_day', 'site_id, work_unit_id, production_date'),
    ('equipment_day', 'site_id, equipment_id, production_date'),
    ('equipment_week', 'site_id, equipment_id, week_starts_date'),
    ('equipment_shift', 'site_id, equipment_id, production_date, shift_id'),
    ('line_bottleneck_shift', 'site_id, equipment_id, production_date, shift_id'),
    ('state_interval', 'site_id, work_unit_id, started_at'),
    ('stop_event', 'stop_id'),
    ('stop_classification', 'classification_id'),
    ('int_count_correction', 'entry_id'),
    ('stop_cost', 'stop_id'),
    ('work_unit_usage_day', 'site_id, work_unit_id, production_date'),
    ('yield_operation', 'site_id, production_order_id, operation_id, item_id, work_unit_id'),
    (
        'yield_reason',
        'site_id, work_unit_id, production_date, shift_id, production_order_id, operation_id, item_id, result, reason_id'
    ),
    ('yield_route', 'site_id, production_order_id, item_id'),
    (
        'loss_time',
        'site_id, work_unit_id, production_date, shift_id, production_order_id, operation_id, item_id, loss_category,'
        ' six_big_loss, category, cause, reason_id'
    ),
    ('restatement', 'site_id, work_unit_id, production_date, shift_id, measure, definition_id, published_snapshot_id'),
    ('data_quality', 'site_id, work_unit_id, problem, subject'),
    ('standard_cost', 'cost_version_id, item_id, cost_group_id, level'),
    ('cost_warning', 'cost_version_id, item_id, warning, operation_id'),
    ('cost_rollup', 'cost_version_id, item_id, node, component_item_id, operation_id, cost_group_id'),
    ('dim_cost_version', 'cost_version_id'),
    ('dim_period', 'period_id'),
    ('order_cost', 'production_order_id, operation_id, cost_group_id, basis'),
    (
        'order_variance',
        'production_order_id, operation_id, cost_group_id, variance_type, detail_type, is_machine_time'
    ),
    (
        'loss_cost',
        'production_order_id, operation_id, work_unit_id, loss_category, loss_detail, cause, reason_id, production_date,'
        ' shift_id'
    ),
    ('order_product_cost', 'production_order_id, item_id, cost_group_id'),
    ('wip_rollforward', 'period_id, production_order_id, cost_group_id'),
    ('period_check', 'period_id, problem, production_order_id, subject'),
    ('period_comparison', 'period_id, production_order_id, cost_group_id, measure'),
    (
        'period_posting',
        'period_id, origin_period_id, production_order_id, cost_group_id, measure, is_posted'
    ),
    (
        'int_internal_failure',
        'production_order_id, operation_id, work_unit_id, production_date, result, reason_id'
    ),
    ('idle_capacity', 'site_id, work_unit_id, production_date, shift_id'),
    (
        'flow_variance',
        'site_id, production_flow_id, period_id, cost_group_id, variance_type, detail_type, currency, is_final'
    ),
    ('flow_rollforward', 'site_id, production_flow_id, period_id, cost_group_id, currency'),
    ('project_cost', 'site_id, project_id, cost_group_id, currency')
] %}
select
    '{{ mart }}' as mart,
    count(*) as row_count
from {{ ref(mart) }}
group by {{ key }}
having count(*) > 1
{{ 'union all' if not loop.last }}
{% endfor %}
