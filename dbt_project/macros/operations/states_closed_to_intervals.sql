{% macro states_closed_to_intervals() -%}
{#- One timeline per production day: each change of state, order, item, coverage and calendar lasts until the
    next one. Pieces reach into the margin around the day. #}
value_meanings as (

    select
        value_map_id,
        raw_value,
        mapped_value
    from {{ ref('stg_value_map') }}

),

told_samples as (

    select
        *,
        {# An empty text says that there is none (an operator's entry carries a number beside it). #}
        case when text is null then {{ shortest_text('number') }} else nullif(text, '') end as told
    from samples
    where role in ('state', 'order', 'item', 'reason')

),

timeline as (

    select
        samples.site_id,
        samples.work_unit_id,
        samples.production_date,
        greatest(samples.observed_at, samples.from_at) as happens_at,
        samples.observed_at,
        samples.first_received_at,
        samples.epoch,
        samples.row_number,
        case
            when samples.role = 'state' then {
                'state': case
                    when samples.quality < 2 then coalesce(
                        value_meanings.mapped_value,
                        case
                            when lower(samples.told) in ('{{ state_names() | join("', '") }}')
                                then lower(samples.told)
                        end
                    )
                end,
                'since': samples.observed_at
            }
        end as state_change,
        case when samples.role = 'order' then { 'production_order_id': samples.told } end as order_change,
        case when samples.role = 'item' then { 'item_id': samples.told } end as item_change
    from told_samples as samples
    left join value_meanings
        on
            samples.value_map_id = value_meanings.value_map_id
            and samples.told = value_meanings.raw_value
    where samples.role <> 'reason'

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

    {#- Ends of the day, and moments at which a route changes: nothing happens, but the piece ends. #}
    select site_id, work_unit_id, production_date, unnest([from_at, ended_at, to_at]) as happens_at
    from day_windows

    union all by name

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        unnest([routes.valid_from, routes.valid_to]) as happens_at
    from day_windows as days
    inner join {{ ref('stg_routing_operation') }} as routes
        on
            coalesce(routes.work_unit_id, days.work_unit_id) = days.work_unit_id
            and (
                routes.valid_from between days.started_at and days.to_at
                or routes.valid_to between days.started_at and days.to_at
            )

),

timeline_swept as (

    select
        site_id,
        work_unit_id,
        production_date,
        happens_at,
        lead(happens_at) over later as next_at,
        last_value(state_change ignore nulls) over earlier as state_change,
        last_value(order_change ignore nulls) over earlier as order_change,
        last_value(item_change ignore nulls) over earlier as item_change,
        last_value(planned_order ignore nulls) over earlier as planned_order,
        last_value(is_covered ignore nulls) over earlier as is_covered,
        last_value(segment ignore nulls) over earlier as segment
    from timeline
    window
        later as (
            partition by site_id, work_unit_id, production_date
            order by happens_at, observed_at, first_received_at, epoch, row_number
        ),
        earlier as (
            partition by site_id, work_unit_id, production_date
            order by happens_at, observed_at, first_received_at, epoch, row_number
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
        case when swept.is_covered then swept.state_change.state end as state,
        case when swept.is_covered then swept.state_change.since end as state_since_at,
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
    where
        swept.next_at > swept.happens_at
        and swept.happens_at >= days.from_at
        and swept.happens_at < days.to_at

)
{%- endmacro %}
