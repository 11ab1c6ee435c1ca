{% macro results_counted() -%}
{#- From `intervals_counted` and `counts_of_intervals`: what came out per production day, shift, order, operation and item, one row per
    result, besides the cycles of the machine. Scrap and rework have the reason that was told with them, and one row without
    a reason for the rest. Here pieces made between shifts count too: an order's yield knows no shifts. #}
reasons_counted as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.production_date,
        intervals.shift_id,
        intervals.production_order_id,
        intervals.operation_id,
        intervals.item_id,
        case when counts.role in ('reject_count', 'scrap_correction') then 'scrap' else 'rework' end as result,
        counts.reason_id,
        sum(counts.quantity) as quantity
    from counts_of_intervals as counts
    inner join intervals
        on
            counts.site_id = intervals.site_id
            and counts.work_unit_id = intervals.work_unit_id
            and counts.started_at = intervals.started_at
    where
        counts.role in ('reject_count', 'scrap_correction', 'rework_count', 'rework_correction')
        and counts.reason_id is not null
    group by all

),

results_without_reason as (

    {% for result, quantity in [
        ('input', 'produced_quantity'),
        ('input_without_ideal_time', 'case when planned_run_s_per_unit is null then produced_quantity else 0 end'),
        ('input_in_setup', "case when category = 'setup' then produced_quantity else 0 end"),
        ('good', 'good_quantity'), ('scrap', 'scrap_quantity'), ('rework', 'rework_quantity'),
        ('cycle', 'machine_cycles')
    ] -%}
    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        production_order_id,
        operation_id,
        item_id,
        '{{ result }}' as result,
        sum({{ quantity }}) as quantity
    from intervals_counted
    group by all
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}

),

results_and_reasons as (

    select
        *,
        cast(null as varchar) as reason_id
    from results_without_reason

    union all by name

    select * from reasons_counted

    union all by name

    select
        * exclude (reason_id, quantity),
        cast(null as varchar) as reason_id,
        -quantity as quantity
    from reasons_counted

),

results_counted as (

    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        production_order_id,
        operation_id,
        item_id,
        result,
        reason_id,
        try_cast(sum(quantity) as decimal(18, 6)) as quantity
    from results_and_reasons
    group by all
    having sum(quantity) <> 0

)
{%- endmacro %}
