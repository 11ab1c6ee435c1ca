{#- The hidden factory: which master data or settings to mend, since when, and what their lack hides. The rows of other
    marts exist all the same; only their KPIs are null. #}
with

hidden_days as (

    select
        days.*,
        orders.route_version,
        case
            when days.unmapped_value is not null then 'unmapped_state_value'
            when days.item_id is null then 'unknown_order'
            when items.item_id is null then 'unknown_item'
            when not exists (
                select 1 from {{ ref('stg_routing_operation') }} as routing
                where
                    routing.item_id = days.item_id
                    and routing.route_version = coalesce(orders.route_version, routing.route_version)
            ) then 'order_without_routing'
            else 'missing_ideal_cycle'
        end as problem
    from {{ ref('int_hidden_day') }} as days
    left join {{ ref('stg_production_order') }} as orders
        on days.production_order_id = orders.production_order_id
    left join {{ ref('stg_item') }} as items
        on days.item_id = items.item_id

),

hidden as (

    select
        site_id,
        work_unit_id,
        problem,
        case problem
            when 'unmapped_state_value' then unmapped_value
            when 'unknown_order' then production_order_id
            when 'unknown_item' then item_id
            when 'order_without_routing' then concat_ws(' version ', item_id, route_version)
            else concat_ws(' operation ', item_id, operation_id)
        end as subject,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        sum(hidden_time_s) as hidden_time_s,
        sum(hidden_quantity) as hidden_quantity
    from hidden_days
    group by all

),

signals_heard as (

    select
        heard.site_id,
        heard.work_unit_id,
        heard.signal,
        work_units.work_unit_id is not null as is_known_work_unit,
        heard.first_observed_at,
        heard.last_observed_at
    from {{ ref('int_day_carry') }} as heard
    left join (
        select distinct site_id, work_unit_id from {{ ref('int_work_unit_ancestor') }}
    ) as work_units
        on
            heard.site_id = work_units.site_id
            and heard.work_unit_id = work_units.work_unit_id
    left join {{ ref('stg_signal_map') }} as meanings
        on
            heard.site_id = meanings.site_id
            and heard.work_unit_id = meanings.work_unit_id
            and heard.signal = meanings.signal
            and heard.last_observed_at >= coalesce(meanings.valid_from, timestamp '-infinity')
            and heard.first_observed_at < coalesce(meanings.valid_to, timestamp 'infinity')
    where
        not starts_with(heard.signal, '$')
        and (meanings.signal is null or work_units.work_unit_id is null)

),

unheeded as (

    select
        site_id,
        work_unit_id,
        case when is_known_work_unit then 'signal_without_map' else 'unknown_work_unit' end as problem,
        case when is_known_work_unit then signal else work_unit_id end as subject,
        min(first_observed_at) as first_seen_at,
        max(last_observed_at) as last_seen_at,
        cast(null as decimal(18, 6)) as hidden_time_s,
        cast(null as decimal(18, 6)) as hidden_quantity
    from signals_heard
    group by all

),

named_in_settings as (

    {#- A setting of a work unit that no site has changes nothing. #}
    select distinct
        cast(null as varchar) as site_id,
        settings.work_unit_id,
        'unknown_work_unit_in_settings' as problem,
        settings.subject,
        cast(null as timestamp) as first_seen_at,
        cast(null as timestamp) as last_seen_at,
        cast(null as decimal(18, 6)) as hidden_time_s,
        cast(null as decimal(18, 6)) as hidden_quantity
    from (
        {% for setting, work_units in [
            ('constraints', var('constraints')),
            ('minor_stop_thresholds_s', var('minor_stop_thresholds_s') | list)
        ] -%}
        select
            'kpi.{{ setting }}' as subject,
            cast(unnest([{{ quoted(work_units) }}]) as varchar) as work_unit_id
        {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as settings
    anti join {{ ref('int_work_unit_ancestor') }} as work_units
        on settings.work_unit_id = work_units.work_unit_id

),

problems as (

    select * from hidden
    union all
    select * from unheeded
    union all
    select * from named_in_settings

)

select
    site_id,
    work_unit_id,
    problem,
    subject,
    case problem
        when 'unmapped_state_value' then 'value_map'
        when 'unknown_order' then 'production_order'
        when 'unknown_item' then 'item'
        when 'signal_without_map' then 'signal_map'
        when 'unknown_work_unit' then 'equipment'
        when 'unknown_work_unit_in_settings' then 'takt.toml'
        else 'routing_operation'
    end as table_to_mend,
    case problem
        when 'unmapped_state_value' then 'Give the raw value a meaning'
        when 'unknown_order' then 'Load the order'
        when 'unknown_item' then 'Load the item and its route'
        when 'order_without_routing' then 'Load the route'
        when 'missing_ideal_cycle' then 'Give the operation a planned run time at this work unit, valid then'
        when 'signal_without_map' then 'Say what the signal means, or that it is a measurement'
        when 'unknown_work_unit_in_settings' then 'Name a work unit by its path below the site'
        else 'Add the work unit below its line'
    end as remedy,
    first_seen_at,
    last_seen_at,
    cast(hidden_time_s as decimal(18, 6)) as hidden_time_s,
    cast(hidden_quantity as decimal(18, 6)) as hidden_quantity
from problems
