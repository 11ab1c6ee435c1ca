{% macro changed_rows(table) -%}
    {#- Rows loaded or closed since the last completed run: both rewrite the row, so both give it a new snapshot. #}
    (
        select changed.*
        from (select *, snapshot_id from {{ source('reference', table) }}) as changed
        cross join run
        where changed.snapshot_id > run.watermark_snapshot_id
    )
{%- endmacro %}

{% macro spans_of_changed_business_data() -%}
    {#- From when to when a change of business data can touch a work unit, and what changed. Bounds are inclusive;
        the calendar's are widened by a day because a shift moves the ends of its neighbours. #}
    select
        ancestor.site_id,
        ancestor.work_unit_id,
        coalesce(changed.valid_from, timestamp '-infinity') as from_at,
        coalesce(changed.valid_to, timestamp 'infinity') as to_at,
        'equipment' as cause
    from {{ changed_rows('equipment') }} as changed
    inner join {{ ref('int_work_unit_ancestor') }} as ancestor
        on changed.site_id = ancestor.site_id and changed.equipment_id = ancestor.equipment_id

    union all

    select
        ancestor.site_id,
        ancestor.work_unit_id,
        coalesce(cast(changed.valid_from as timestamp) - interval 2 day, timestamp '-infinity') as from_at,
        coalesce(cast(changed.valid_to as timestamp) + interval 3 day, timestamp 'infinity') as to_at,
        'calendar' as cause
    from {{ changed_rows('shift_pattern') }} as changed
    inner join {{ ref('int_work_unit_ancestor') }} as ancestor
        on changed.site_id = ancestor.site_id and changed.equipment_id = ancestor.equipment_id

    union all

    select
        ancestor.site_id,
        ancestor.work_unit_id,
        cast(changed.production_date as timestamp) - interval 2 day as from_at,
        cast(changed.production_date as timestamp) + interval 3 day as to_at,
        'calendar' as cause
    from {{ changed_rows('calendar_exception') }} as changed
    inner join {{ ref('int_work_unit_ancestor') }} as ancestor
        on changed.site_id = ancestor.site_id and changed.equipment_id = ancestor.equipment_id

    union all

    {#- A signal whose meaning changed is carried beyond the end of that meaning. #}
    select
        site_id,
        equipment_id as work_unit_id,
        coalesce(valid_from, timestamp '-infinity') as from_at,
        timestamp 'infinity' as to_at,
        'signal_map' as cause
    from {{ changed_rows('signal_map') }}

    union all

    select
        signal_map.site_id,
        signal_map.work_unit_id,
        timestamp '-infinity' as from_at,
        timestamp 'infinity' as to_at,
        'value_map' as cause
    from {{ changed_rows('value_map') }} as changed
    inner join {{ ref('stg_signal_map') }} as signal_map
        on changed.value_map_id = signal_map.value_map_id

    union all

    select
        work_unit.site_id,
        work_unit.equipment_id as work_unit_id,
        coalesce(changed.valid_from, timestamp '-infinity') as from_at,
        coalesce(changed.valid_to, timestamp 'infinity') as to_at,
        'routing' as cause
    from {{ changed_rows('routing_operation') }} as changed
    inner join {{ ref('stg_equipment') }} as work_unit
        on
            work_unit.level = 'work_unit'
            and work_unit.equipment_id = coalesce(changed.work_unit_id, work_unit.equipment_id)

    union all

    select
        work_unit.site_id,
        work_unit.equipment_id as work_unit_id,
        changed.started_at as from_at,
        coalesce(changed.finished_at, timestamp 'infinity') as to_at,
        'order' as cause
    from {{ changed_rows('order_operation') }} as changed
    inner join {{ ref('stg_equipment') }} as work_unit
        on changed.work_unit_id = work_unit.equipment_id
    where changed.started_at is not null

    union all

    select
        work_unit.site_id,
        work_unit.equipment_id as work_unit_id,
        timestamp '-infinity' as from_at,
        timestamp 'infinity' as to_at,
        'reason' as cause
    from {{ ref('stg_equipment') }} as work_unit
    where
        work_unit.level = 'work_unit'
        and exists (select 1 from {{ changed_rows('reason_code') }})

    {#- What an order says of its item and operations matters where the order ran. #}
    {%- set ran = adapter.get_relation('lake', 'marts', 'state_interval') if execute %}
    {%- if ran %}

        union all

        select distinct
            ran.site_id,
            ran.work_unit_id,
            ran.started_at as from_at,
            ran.ended_at as to_at,
            'order' as cause
        from {{ ran }} as ran
        semi join (
            select production_order_id from {{ changed_rows('production_order') }}
            union
            select production_order_id from {{ changed_rows('order_operation') }}
        ) as changed
            on ran.production_order_id = changed.production_order_id
    {%- endif %}
{%- endmacro %}
