with

work_units as (

    select * from {{ ref('live_work_unit') }}

),

work_units_that_add_up as (

    {# One between its shifts made nothing: it takes no figure from the lines that work. #}
    select
        * replace (
            {% for element in ['ideal_time_s', 'good_ideal_time_s', 'startup_loss_time_s'] -%}
            case when shift_started_at is null then 0 else {{ element }} end as {{ element }}{{ ',' if not loop.last }}
            {% endfor -%}
        )
    from work_units

),

equipment_now as (

    {# A work unit is its own nearest ancestor: lines and sites are sums over their work units. #}
    select
        ancestors.site_id,
        ancestors.equipment_id,
        ancestors.level,
        any_value(ancestors.name) as name,
        any_value(ancestors.work_unit_time_zone) as time_zone,
        max(work_units.production_date) as production_date,
        case when count(distinct work_units.shift_id) = 1 then any_value(work_units.shift_id) end as shift_id,
        min(work_units.shift_started_at) as shift_started_at,
        max(work_units.shift_ended_at) as shift_ended_at,
        {{ summed_elements() }},
        {{ kpis_of_sums() }},
        {{ coverage_ratio() }} as coverage_ratio,
        max(work_units.computed_through_at) as computed_through_at
    from {{ ref('int_work_unit_ancestor') }} as ancestors
    inner join work_units_that_add_up as work_units
        on
            ancestors.site_id = work_units.site_id
            and ancestors.work_unit_id = work_units.work_unit_id
    group by ancestors.site_id, ancestors.equipment_id, ancestors.level

),

orders_before as (

    {# Of the shifts before the running one, as last refreshed. #}
    select
        shift_orders.site_id,
        shift_orders.work_unit_id,
        sum(shift_orders.good_quantity) as good_quantity,
        sum(shift_orders.actual_production_time_s) as actual_production_time_s
    from {{ ref('work_unit_shift_order') }} as shift_orders
    inner join work_units
        on
            shift_orders.site_id = work_units.site_id
            and shift_orders.work_unit_id = work_units.work_unit_id
            and shift_orders.production_order_id = work_units.production_order_id
            and shift_orders.operation_id is not distinct from work_units.operation_id
            and shift_orders.shift_started_at < coalesce(work_units.shift_started_at, timestamp 'infinity')
    where shift_orders.definition_id = 'iso22400'
    group by all

),

orders_so_far as (

    select
        work_units.site_id,
        work_units.work_unit_id,
        work_units.production_order_id,
        work_units.item_id,
        coalesce(orders_before.good_quantity, 0) + coalesce(work_units.order_good_quantity, 0) as good_quantity,
        coalesce(orders_before.actual_production_time_s, 0) + coalesce(work_units.order_production_time_s, 0)
            as actual_production_time_s
    from work_units
    left join orders_before
        on
            work_units.site_id = orders_before.site_id
            and work_units.work_unit_id = orders_before.work_unit_id

)

select
    equipment_now.site_id,
    equipment_now.equipment_id,
    equipment_now.level,
    equipment_now.name,
    lines.equipment_id as work_center_id,
    equipment_now.time_zone,
    equipment_now.production_date,
    equipment_now.shift_id,
    equipment_now.shift_started_at,
    equipment_now.shift_ended_at,
    coalesce(equipment_now.planned_busy_time_s, 0) as planned_busy_time_s,
    coalesce(equipment_now.unknown_time_s, 0) as unknown_time_s,
    equipment_now.planned_busy_time_s - equipment_now.good_ideal_time_s as lost_time_s,
    coalesce(equipment_now.good_quantity, 0) as good_quantity,
    coalesce(equipment_now.scrap_quantity, 0) as scrap_quantity,
    equipment_now.availability,
    equipment_now.effectiveness,
    equipment_now.quality_ratio,
    equipment_now.oee_index,
    equipment_now.coverage_ratio,
    coalesce(equipment_now.coverage_ratio, 1) >= {{ var('coverage_threshold') }} as is_covered,
    work_units.state,
    work_units.category,
    work_units.cause,
    {#- Of a stop that was under way when the machine began to be heard little is known yet: it tells since when it
        stands. #}
    work_units.is_minor
    and coalesce(work_units.state_since_at > work_units.computed_through_at - {{ margin() }}, true) as is_minor,
    work_units.state_since_at,
    reasons.name as reason_name,
    work_units.production_order_id,
    items.name as item_name,
    items.unit,
    orders.order_quantity,
    case when work_units.production_order_id is not null then cast(orders_so_far.good_quantity as decimal(18, 6)) end
        as order_good_quantity,
    case
        when orders_so_far.good_quantity > 0 and orders.order_quantity >= orders_so_far.good_quantity
            then
                work_units.computed_through_at + to_seconds(
                    {{ ratio(
                        '(orders.order_quantity - orders_so_far.good_quantity)', 'orders_so_far.good_quantity'
                    ) }} * cast(orders_so_far.actual_production_time_s as double)
                )
    end as expected_finish_at,
    equipment_now.computed_through_at
from equipment_now
left join work_units
    on
        equipment_now.site_id = work_units.site_id
        and equipment_now.equipment_id = work_units.work_unit_id
left join orders_so_far
    on
        work_units.site_id = orders_so_far.site_id
        and work_units.work_unit_id = orders_so_far.work_unit_id
left join (
    select distinct site_id, work_unit_id as descendant_id, equipment_id
    from {{ ref('int_work_unit_ancestor') }}
    where level = 'work_center'
    union
    select distinct site_id, equipment_id as descendant_id, equipment_id
    from {{ ref('int_work_unit_ancestor') }}
    where level = 'work_center'
) as lines
    on
        equipment_now.site_id = lines.site_id
        and equipment_now.equipment_id = lines.descendant_id
left join {{ ref('dim_production_order') }} as orders
    on work_units.production_order_id = orders.production_order_id
left join {{ ref('dim_item') }} as items
    on work_units.item_id = items.item_id
left join {{ ref('dim_reason') }} as reasons
    on work_units.reason_id = reasons.reason_id
