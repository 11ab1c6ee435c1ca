{#- Process costing by the weighted average (domain.md 2.5.8): what the units of each operation of a process order cost,
    period by period, those in process counted as far as they are done. An operation's pool is what the period before
    left in process, what the operation before handed on and what went in; it is shared by equivalent units. A step
    needs the operation before in the same period and the period before: steps of one diagonal are taken at once. -#}
{{ config(incremental_strategy='changed_orders') }}
{%- set classes = ['material', 'conversion', 'piece', 'transferred_in'] -%}
{%- set measures = [
    'material_amount', 'conversion_amount', 'piece_amount', 'run_s',
    'good_quantity', 'scrap_quantity', 'rejected_quantity'
] -%}
with recursive

orders as (

    select
        orders.*,
        coalesce(orders.ended_at, run.evaluated_at) as known_at
    from {{ of_changed_orders('int_order_costing') }} as orders
    cross join {{ ref('int_run') }} as run
    where orders.mode = 'process'

),

chain as (

    {#- What the order's route does not have stands nowhere between its operations: no step, unless there are only
        such. #}
    select
        told.production_order_id,
        told.operation_id,
        told.sequence,
        coalesce(told.good_quantity > 0 or told.quantity_source <> 'counted', false) as is_told,
        coalesce(planned.run_s_per_unit, 0) as run_s_per_unit
    from {{ of_changed_orders('int_operation_quantity') }} as told
    semi join orders
        on told.production_order_id = orders.production_order_id
    left join {{ of_changed_orders('int_planned_operation') }} as planned
        on
            told.production_order_id = planned.production_order_id
            and told.operation_id = planned.operation_id
    where told.operation_id is not null

),

places as (

    select
        *,
        row_number() over (
            partition by production_order_id
            order by sequence asc nulls last, operation_id asc
        ) as place
    from chain
    qualify
        sequence is not null
        or max(sequence) over (partition by production_order_id) is null

),

ends as (

    select
        period_id,
        starts_at,
        lead(starts_at, 1, timestamp 'infinity') over (order by starts_at) as ends_at
    from {{ ref('int_dated_period') }}

),

events as (

    {#- What belongs to no operation, or to one that is no step, went in at the first one. #}
    select
        lines.production_order_id,
        coalesce(places.operation_id, firsts.operation_id) as operation_id,
        lines.posted_at as happened_at,
        case
            when not {{ is_by_the_piece('lines') }} and lines.driver = 'material' and not lines.is_overhead
                then lines.amount
        end as material_amount,
        case
            when not {{ is_by_the_piece('lines') }} and (lines.driver <> 'material' or lines.is_overhead)
                then lines.amount
        end as conversion_amount,
        {% for measure in measures if not measure.endswith('amount') -%}
        cast(null as decimal(18, 6)) as {{ measure }},
        {% endfor -%}
        case when {{ is_by_the_piece('lines') }} then lines.amount end as piece_amount
    from {{ of_changed_orders('int_actual_line') }} as lines
    inner join places as firsts
        on
            lines.production_order_id = firsts.production_order_id
            and firsts.place = 1
    left join places
        on
            lines.production_order_id = places.production_order_id
            and lines.operation_id = places.operation_id

    union all by name

    select
        times.production_order_id,
        times.operation_id,
        times.posted_at as happened_at,
        times.used_s as run_s
    from {{ of_changed_orders('int_operation_time') }} as times
    semi join orders
        on times.production_order_id = orders.production_order_id
    where times.driver = 'run_time'

    union all by name

    select
        pieces.production_order_id,
        pieces.operation_id,
        pieces.posted_at as happened_at,
        pieces.paid_quantity as good_quantity
    from {{ of_changed_orders('int_operation_progress') }} as pieces
    semi join orders
        on pieces.production_order_id = orders.production_order_id
    where pieces.operation_id is not null

    union all by name

    select
        uses.production_order_id,
        uses.operation_id,
        uses.started_at as happened_at,
        uses.scrap_quantity
    from {{ of_changed_orders('int_order_use') }} as uses
    semi join orders
        on uses.production_order_id = orders.production_order_id

    union all by name

    select
        receipts.production_order_id,
        receipts.operation_id,
        receipts.received_at as happened_at,
        receipts.rejected_quantity
    from {{ of_changed_orders('stg_subcontract_receipt') }} as receipts
    semi join orders
        on receipts.production_order_id = orders.production_order_id

),

happened as (

    select
        events.production_order_id,
        events.operation_id,
        {% for measure in measures -%}
        sum(events.{{ measure }}) as {{ measure }},
        {% endfor -%}
        ends.starts_at
    from events
    asof inner join ends
        on events.happened_at >= ends.starts_at
    group by events.production_order_id, events.operation_id, ends.starts_at

),

steps as (

    {#- From the period of the first event to that up to which the order is known. #}
    select
        orders.production_order_id,
        ends.period_id,
        ends.starts_at,
        ends.ends_at,
        orders.is_final and ends.ends_at > orders.known_at as is_ended,
        ends.ends_at > orders.known_at as is_known,
        row_number() over (
            partition by orders.production_order_id
            order by ends.starts_at
        ) as step
    from orders
    inner join (
        select
            production_order_id,
            min(starts_at) as starts_at
        from happened
        group by production_order_id
    ) as begun
        on orders.production_order_id = begun.production_order_id
    inner join ends
        on
            begun.starts_at <= ends.starts_at
            and (orders.known_at >= ends.starts_at or begun.starts_at = ends.starts_at)

),

reported as (

    select
        production_order_id,
        operation_id,
        case when bool_and(finished_at is not null) then max(finished_at) end as finished_at,
        sum(scrap_quantity) as scrap_quantity,
        min(complete_ratio) as complete_ratio
    from {{ of_changed_orders('stg_order_operation') }}
    group by production_order_id, operation_id

),

so_far as (

    select
        places.production_order_id,
        places.operation_id,
        places.place,
        places.is_told,
        places.run_s_per_unit,
        orders.item_id,
        orders.order_quantity,
        orders.currency,
        orders.is_final,
        steps.period_id,
        steps.step,
        steps.is_known,
        {% for measure in measures -%}
        try_cast(coalesce(sum(happened.{{ measure }}) over earlier, 0) as decimal(28, 6)) as {{ measure }}_so_far,
        {% endfor -%}
        steps.is_ended or coalesce(reported.finished_at < steps.ends_at, false) as is_over,
        case when steps.is_known then reported.complete_ratio end as reported_ratio,
        case when steps.is_known then coalesce(reported.scrap_quantity, 0) else 0 end as reported_scrap_quantity
    from places
    inner join orders
        on places.production_order_id = orders.production_order_id
    inner join steps
        on places.production_order_id = steps.production_order_id
    left join happened
        on
            places.production_order_id = happened.production_order_id
            and places.operation_id = happened.operation_id
            and steps.starts_at = happened.starts_at
    left join reported
        on
            places.production_order_id = reported.production_order_id
            and places.operation_id = reported.operation_id
    window earlier as (
        partition by places.production_order_id, places.operation_id
        order by steps.step
    )

),

told_so_far as (

    select
        *,
        case when is_told then good_quantity_so_far end as told_quantity,
        {{ not_negative('greatest(scrap_quantity_so_far, reported_scrap_quantity, rejected_quantity_so_far)') }}
            as scrapped_so_far
    from so_far

),

through as (

    select
        *,
        sum(scrapped_so_far) over (
            partition by production_order_id, step
            order by place
        ) as scrapped_up_to_here
    from told_so_far

),

passed as (

    {#- An operation that nobody told pieces of hides none: it let through what the next of which they are told had. #}
    select
        *,
        coalesce(
            told_quantity,
            first_value(told_quantity + scrapped_up_to_here ignore nulls) over (
                partition by production_order_id, step
                order by place
                rows between 1 following and unbounded following
            ) - scrapped_up_to_here,
            0
        ) as passed_quantity
    from through

),

done_so_far as (

    select
        *,
        max(passed_quantity) over (
            partition by production_order_id, place
            order by step
        ) as completed_so_far
    from passed

),

in_process as (

    {#- A process begins with all that its order is for; later operations with what the one before handed on. #}
    select
        *,
        completed_so_far - lag(completed_so_far, 1, 0) over (
            partition by production_order_id, place
            order by step
        ) as completed_quantity,
        case
            when is_over then 0
            else
                {{ not_negative(
                    'lag(completed_so_far, 1, order_quantity) over ('
                    'partition by production_order_id, step order by place'
                    ') - completed_so_far - scrapped_so_far'
                ) }}
        end as in_process_quantity
    from done_so_far

),

inputs as (

    {#- Material is in from the start. Of conversion what was not spent on completed units was on those in process. #}
    select
        *,
        {% for kind in ['material', 'conversion', 'piece'] -%}
        cast({{ cents(kind ~ '_amount_so_far') }} - lag({{ cents(kind ~ '_amount_so_far') }}, 1, 0) over (
            partition by production_order_id, place
            order by step
        ) as decimal(18, 2)) as {{ kind }}_added_amount,
        {% endfor -%}
        cast(0 as decimal(18, 2)) as transferred_in_added_amount,
        cast(1 as decimal(18, 6)) as material_ratio,
        cast(0 as decimal(18, 6)) as piece_ratio,
        cast(1 as decimal(18, 6)) as transferred_in_ratio,
        cast(
            case
                when reported_ratio is not null then reported_ratio
                when run_s_per_unit = 0 or in_process_quantity = 0 then 1
                else
                    least(
                        {{ money_divide(
                            [not_negative('run_s_so_far - ' ~ bom_quantity('completed_so_far * run_s_per_unit')), '1'],
                            ['in_process_quantity', 'run_s_per_unit'],
                            6
                        ) }},
                        1
                    )
            end as decimal(18, 6)
        ) as conversion_ratio
    from in_process

),

shared as (

    select
        inputs.*,
        {% for class in classes -%}
        {{ equivalent_units('completed_quantity', 'in_process_quantity', class ~ '_ratio') }}
            as {{ class }}_equivalent_quantity,
        {% endfor -%}
        place + step as diagonal
    from inputs

),

costed as (

    select
        production_order_id,
        place,
        step,
        {% for class in classes -%}
        cast(0 as decimal(18, 2)) as {{ class }}_opening_amount,
        cast(0 as decimal(18, 2)) as {{ class }}_handed_on_amount,
        {{ equivalent_share(class, class ~ '_added_amount') }} as {{ class }}_transferred_amount,
        cast({{ class }}_added_amount - {{ class }}_transferred_amount as decimal(18, 2))
            as {{ class }}_in_process_amount,
        {% endfor -%}
        diagonal
    from shared
    where diagonal = 2

    union all

    select
        production_order_id,
        place,
        step,
        {% for class in classes -%}
        {{ class }}_opening_amount,
        {{ class }}_handed_on_amount,
        {{ equivalent_share(
            class, class ~ '_opening_amount + ' ~ class ~ '_handed_on_amount + ' ~ class ~ '_added_amount'
        ) }} as {{ class }}_transferred_amount,
        cast(
            {{ class }}_opening_amount + {{ class }}_handed_on_amount + {{ class }}_added_amount
            - {{ class }}_transferred_amount as decimal(18, 2)
        ) as {{ class }}_in_process_amount,
        {% endfor -%}
        diagonal
    from (
        select
            {% for class in classes -%}
            cast(coalesce(before.{{ class }}_in_process_amount, 0) as decimal(18, 2)) as {{ class }}_opening_amount,
            {{ handed_on('earlier', class) }} as {{ class }}_handed_on_amount,
            {% endfor -%}
            shared.*
        from shared
        inner join (select max(diagonal) as diagonal from costed) as reached
            on shared.diagonal = reached.diagonal + 1
        left join costed as before
            on
                shared.production_order_id = before.production_order_id
                and shared.place = before.place
        left join costed as earlier
            on
                shared.production_order_id = earlier.production_order_id
                and shared.step = earlier.step
    ) as pools

)

{% for class in classes -%}
select
    shared.production_order_id,
    shared.operation_id,
    shared.item_id,
    shared.period_id,
    '{{ class }}' as cost_class,
    try_cast(shared.completed_quantity as decimal(18, 6)) as completed_quantity,
    try_cast(shared.in_process_quantity as decimal(18, 6)) as in_process_quantity,
    shared.{{ class }}_ratio as complete_ratio,
    shared.{{ class }}_equivalent_quantity as equivalent_quantity,
    costed.{{ class }}_opening_amount as opening_amount,
    costed.{{ class }}_handed_on_amount as transferred_in_amount,
    {{ cents('shared.' ~ class ~ '_added_amount') }} as added_amount,
    {{ unit_money(money_divide(
        [
            'costed.' ~ class ~ '_opening_amount + costed.' ~ class ~ '_handed_on_amount + shared.' ~ class
            ~ '_added_amount'
        ],
        ['shared.' ~ class ~ '_equivalent_quantity'],
        6
    )) }} as unit_cost,
    costed.{{ class }}_transferred_amount as transferred_amount,
    costed.{{ class }}_in_process_amount as in_process_amount,
    shared.currency,
    shared.is_final
from shared
inner join costed
    on
        shared.production_order_id = costed.production_order_id
        and shared.place = costed.place
        and shared.step = costed.step
{% if class == 'transferred_in' and var('transferred_in') != 'by_class' -%}
where
    shared.place > 1
{% elif class in ('piece', 'transferred_in') -%}
where
    costed.{{ class }}_opening_amount + costed.{{ class }}_handed_on_amount + shared.{{ class }}_added_amount <> 0
{% endif -%}
{{ 'union all' if not loop.last }}
{% endfor -%}
