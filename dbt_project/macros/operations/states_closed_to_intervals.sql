{% macro told_roles() -%}
    {#- What samples tell rather than count: it holds until the next one. #}
    {{ return(['state', 'operation_mode', 'order', 'item', 'reason', 'alarm']) }}
{%- endmacro %}

{% macro states_closed_to_intervals() -%}
{#- One timeline per production day: each change of state, order, item, coverage and calendar lasts until the
    next one. Pieces reach into the margin around the day. #}
told_samples as (

    select
        signals.site_id,
        signals.work_unit_id,
        signals.production_date,
        signals.from_at,
        signals.role,
        signals.value_map_id,
        samples.observed_at,
        samples.epoch_number,
        samples.row_number,
        samples.quality,
        {# An empty text says that there is none (an operator's entry carries a number beside it). #}
        case when samples.text is null then {{ shortest_text('samples.number') }} else nullif(samples.text, '') end
            as told
    from samples
    inner join day_signals as signals
        on samples.meaning_number = signals.meaning_number
    where signals.role in ('{{ told_roles() | join("', '") }}')

),

told_changes as (

    {#- Most samples tell what the one before them told: the first of such a run says since when. #}
    select *
    from told_samples
    where role not in ('reason', 'alarm')
    window earlier as (
        partition by site_id, work_unit_id, production_date, role
        order by observed_at, epoch_number, row_number
    )
    qualify
        (told, value_map_id) is distinct from lag((told, value_map_id)) over earlier
        or (quality < 2) is distinct from lag(quality < 2) over earlier

),

timeline as (

    select
        site_id,
        work_unit_id,
        production_date,
        greatest(observed_at, from_at) as happens_at,
        observed_at,
        epoch_number,
        row_number,
        case
            when role = 'state' then {
                'told': case when quality < 2 then told end,
                'value_map_id': value_map_id,
                'since': observed_at
            }
        end as state_change,
        case when role = 'operation_mode' then { 'told': told, 'since': observed_at } end as mode_change,
        case when role = 'order' then { 'production_order_id': told } end as order_change,
        case when role = 'item' then { 'item_id': told } end as item_change
    from told_changes

    union all by name

    select
        site_id,
        work_unit_id,
        production_date,
        changed_at as happens_at,
        coalesce(running, { 'production_order_id': null, 'operation_id': null }) as planned_order
    from planned_orders

    union all by name

    select site_id, work_unit_id, production_date, started_at as happens_at, true as is_covered
    from coverage

    union all by name

    select site_id, work_unit_id, production_date, ended_at as happens_at, false as is_covered
    from coverage

    union all by name

    select
        segments.site_id,
        segments.work_unit_id,
        segments.production_date,
        segments.started_at as happens_at,
        {
            'shift_id': segments.shift_id,
            'shift_started_at': segments.shift_started_at,
            'shift_ended_at': segments.shift_ended_at,
            'kind': segments.kind
        } as segment
    from segments
    inner join day_windows as days
        on
            segments.site_id = days.site_id
            and segments.work_unit_id = days.work_unit_id
            and segments.production_date = days.production_date

    union all by name

    {#- Where the day begins and ends, and moments at which a route changes: nothing happens, but the piece ends. #}
    select site_id, work_unit_id, production_date, unnest([from_at, started_at, ended_at, to_at]) as happens_at
    from day_windows

    union all by name

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        routes.changed_at as happens_at
    from day_windows as days
    inner join (
        select distinct work_unit_id, unnest([valid_from, valid_to]) as changed_at
        from {{ ref('stg_routing_operation') }}
    ) as routes
        on
            days.from_at <= routes.changed_at
            and days.to_at >= routes.changed_at
            and coalesce(routes.work_unit_id, days.work_unit_id) = days.work_unit_id

    union all by name

    {#- Where a signal begins or ends to tell the state, pulses end or begin to. #}
    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        unnest([signals.valid_from, signals.valid_to]) as happens_at
    from day_windows as days
    inner join meanings as signals
        on
            days.site_id = signals.site_id
            and days.work_unit_id = signals.work_unit_id
            and signals.role = 'state'
    where days.is_told_by_pulses

),

timeline_swept as (

    select
        site_id,
        work_unit_id,
        production_date,
        happens_at,
        lead(happens_at) over later as next_at,
        last_value(state_change ignore nulls) over earlier as state_change,
        last_value(mode_change ignore nulls) over earlier as mode_change,
        last_value(order_change ignore nulls) over earlier as order_change,
        last_value(item_change ignore nulls) over earlier as item_change,
        last_value(planned_order ignore nulls) over earlier as planned_order,
        last_value(is_covered ignore nulls) over earlier as is_covered,
        last_value(segment ignore nulls) over earlier as segment
    from timeline
    window
        later as (
            partition by site_id, work_unit_id, production_date
            order by happens_at, observed_at, epoch_number, row_number
        ),
        earlier as (
            partition by site_id, work_unit_id, production_date
            order by happens_at, observed_at, epoch_number, row_number
            rows between unbounded preceding and current row
        )

),

pieces as (

    select
        swept.site_id,
        swept.work_unit_id,
        swept.production_date,
        swept.happens_at as started_at,
        swept.next_at as ended_at,
        swept.is_covered,
        case
            when swept.is_covered then coalesce(
                values_in_mode.mapped_value,
                values_in_any_mode.mapped_value,
                case
                    when lower(swept.state_change.told) in ('{{ state_names() | join("', '") }}')
                        then lower(swept.state_change.told)
                end
            )
        end as state,
        case
            when swept.is_covered then greatest(
                swept.state_change.since,
                case when values_in_mode.mapped_value is not null then swept.mode_change.since end
            )
        end as state_since_at,
        case
            when swept.is_covered and state is null and swept.state_change.told is not null
                then concat_ws(' / ', swept.state_change.told, swept.mode_change.told)
        end as unmapped_value,
        case
            when swept.order_change is not null then swept.order_change.production_order_id
            else swept.planned_order.production_order_id
        end as production_order_id,
        case when swept.order_change is null then swept.planned_order.operation_id end as planned_operation_id,
        swept.item_change.item_id as told_item_id,
        swept.segment
    from timeline_swept as swept
    inner join day_windows as days
        on
            swept.site_id = days.site_id
            and swept.work_unit_id = days.work_unit_id
            and swept.production_date = days.production_date
    left join {{ ref('stg_value_map') }} as values_in_mode
        on
            swept.state_change.value_map_id = values_in_mode.value_map_id
            and swept.state_change.told = values_in_mode.raw_value
            and swept.mode_change.told = values_in_mode.operation_mode
    left join {{ ref('stg_value_map') }} as values_in_any_mode
        on
            swept.state_change.value_map_id = values_in_any_mode.value_map_id
            and swept.state_change.told = values_in_any_mode.raw_value
            and values_in_any_mode.operation_mode is null
    where
        swept.next_at > swept.happens_at
        and swept.happens_at >= days.from_at
        and swept.happens_at < days.to_at

)
{%- endmacro %}
