{% macro settling() -%}
    {#- How long a running day is left open at its end: what a stop or heartbeats still to come may change is open, and
        data that comes later than the rest of it has the whole day computed anew. #}
    to_seconds({{ [var('settling_s'), longest_minor_stop_s() + var('heartbeat_reach_s')] | max }})
{%- endmacro %}

{% macro reach_of_what_settles() -%}
    {#- A settled moment depends on what is observed so much later: the length of a stop, the next heartbeat. #}
    to_seconds({{ longest_minor_stop_s() + var('heartbeat_reach_s') }})
{%- endmacro %}

{% macro reads_a_day_from(started_at) -%}
    {#- From whose date on the samples of a day are read, that of pulses apart. #}
    {{ started_at }} - {{ margin() }} - {{ reach_of_events_before() }}
{%- endmacro %}

{% macro days_that_settle() -%}
    {#- The running production days of this run of which something is settled. #}
    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.started_at,
        days.ended_at,
        days.evaluated_at - {{ settling() }} as settled_until_at,
        cast({{ reads_a_day_from('days.started_at') }} as date) as first_date
    from {{ ref('int_affected_day') }} as days
    where
        days.is_gone is not true
        and days.started_at < days.evaluated_at - {{ settling() }}
        and days.ended_at > days.evaluated_at
        and not ({{ is_told_by_pulses('days') }})
        -- where no heartbeats tell what is covered, the next sample covers all the time before it
        and not exists (
            select 1 from {{ ref('int_day_carry') }} as carry
            where
                carry.site_id = days.site_id
                and carry.work_unit_id = days.work_unit_id
                and carry.observed_date >= cast(days.started_at as date) - 1
                and not starts_with(carry.collector, 'terminal-')
                and not {{ is_said_afterwards('carry.signal') }}
            group by carry.collector, carry.epoch
            having not bool_or({{ is_link_event('carry.signal') }})
        )
{%- endmacro %}

{% macro bound_by_running_days() -%}
    {#- A constant for the planner, so that it opens only the files of these days. #}
    set variable running_from = (
        select coalesce(min(first_date), date 'infinity') from ({{ days_that_settle() }}) as days
    )
{%- endmacro %}

{% macro running_sample() -%}
    {{ return(struct_of([
        'collector', 'epoch', 'row_number', 'signal', 'number', 'text', 'quality', 'is_historical', 'observed_at',
        'observed_date', 'received_at'
    ])) }}
{%- endmacro %}

{% macro settled_interval() -%}
    {{ return(struct_of([
        'shift_id', 'shift_started_at', 'shift_ended_at', 'calendar_kind', 'started_at', 'ended_at', 'state',
        'unmapped_value', 'state_since_at', 'category', 'cause', 'is_minor', 'production_order_id', 'operation_id',
        'item_id', 'planned_run_s_per_unit'
    ])) }}
{%- endmacro %}

{% macro settled_shift_order() -%}
    {{ return(struct_of(shift_order_grain() + shift_order_sums() + ['is_ideal_time_missing'])) }}
{%- endmacro %}

{% macro struct_of(columns) -%}
    {#- A value of them all, under their names. #}
    {% set members = [] -%}
    {% for column in columns -%}
        {% do members.append("'" ~ column ~ "': " ~ column) -%}
    {% endfor -%}
    {{ return('{' ~ members | join(', ') ~ '}') }}
{%- endmacro %}
