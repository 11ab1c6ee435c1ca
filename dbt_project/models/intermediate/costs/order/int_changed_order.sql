{#- The orders that this run costs anew: those that run or ended since the last one, and those of which machines, people
    or files tell something else. Too many cost time, too few would be wrong. -#}
-- depends_on: {{ ref('state_interval') }}
-- depends_on: {{ ref('stop_event') }}
-- depends_on: {{ ref('int_affected_day') }}
-- depends_on: {{ ref('stg_labour_booking') }}
with

run as (select * from {{ ref('int_run') }}),

{% if is_incremental() and not has_run_found('are_all_orders_costed_anew') -%}
{{ delays_explained() }},

changed_bookings as (

    {#- What a worker booked changes the shares of all that he tended then; an open booking goes on. #}
    select
        worker_id,
        started_at,
        coalesce(finished_at, timestamp 'infinity') as ended_at
    from {{ changed_rows('labour_booking') }}

    union all

    select
        bookings.worker_id,
        bookings.started_at,
        timestamp 'infinity' as ended_at
    from {{ ref('stg_labour_booking') }} as bookings
    cross join run
    where coalesce(bookings.finished_at > run.previously_evaluated_at, true)

),

changed as (

    select orders.production_order_id
    from {{ ref('stg_production_order') }} as orders
    cross join run
    where coalesce(orders.ended_at > run.previously_evaluated_at, true)

    {% for file in [
        'production_order', 'order_operation', 'material_movement', 'subcontract_receipt', 'labour_booking'
    ] -%}
    union

    select production_order_id from {{ changed_rows(file) }}

    {% endfor -%}
    union

    select bookings.production_order_id
    from {{ ref('stg_labour_booking') }} as bookings
    inner join changed_bookings
        on
            bookings.worker_id = changed_bookings.worker_id
            and bookings.started_at < changed_bookings.ended_at
            and coalesce(bookings.finished_at, timestamp 'infinity') > changed_bookings.started_at

    {% for uses in [
        ref('state_interval'), as_before('intermediate', 'int_order_use'),
        as_before('intermediate', 'int_measured_material')
    ] if uses -%}
    union

    select uses.production_order_id
    from {{ uses }} as uses
    semi join touched_days
        on
            uses.site_id = touched_days.site_id
            and uses.work_unit_id = touched_days.work_unit_id
            and uses.production_date = touched_days.production_date
    where uses.production_order_id is not null

    {% endfor -%}
    {%- set in_process = as_before('marts', 'wip_rollforward') -%}
    {% if in_process -%}
    {#- An older history may give what lies before the first period one of its own. #}
    union

    select production_order_id
    from {{ in_process }}
    where period_id = 'before'
    {%- endif %}

    {#- A run that failed may have taken from those tables what told that an order is another one. #}
    union

    select known.production_order_id
    from {{ this }} as known
    cross join run
    where
        known.evaluated_at <> run.previously_evaluated_at
        or known.pinned_snapshot_id <> run.watermark_snapshot_id

)
{%- else -%}
changed as (

    select production_order_id
    from {{ ref('stg_production_order') }}

)
{%- endif %}

select distinct
    changed.production_order_id,
    run.pinned_snapshot_id,
    run.evaluated_at
from changed
cross join run
