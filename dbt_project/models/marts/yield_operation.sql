{#- What went into an operation and what came out, as the machine counted and as was reported. Both are shown: neither
    is made to fit the other. #}
with

counted as (

    select
        site_id,
        production_order_id,
        operation_id,
        item_id,
        work_unit_id,
        {% for result in ['input', 'good', 'scrap', 'rework'] -%}
        coalesce(sum(quantity) filter (where result = '{{ result }}'), 0) as {{ result }}_quantity,
        {% endfor -%}
        min(production_date) as first_production_date,
        max(production_date) as last_production_date
    from {{ ref('int_result_counted') }}
    where result in ('input', 'good', 'scrap', 'rework')
    group by all

),

reported as (

    select
        orders.site_id,
        operations.production_order_id,
        operations.operation_id,
        orders.item_id,
        operations.work_unit_id,
        operations.good_quantity,
        operations.scrap_quantity,
        operations.rework_quantity
    from {{ ref('stg_order_operation') }} as operations
    inner join {{ ref('stg_production_order') }} as orders
        on operations.production_order_id = orders.production_order_id
    where coalesce(operations.good_quantity, operations.scrap_quantity, operations.rework_quantity) is not null

),

sides as (

    select
        *,
        null as reported_good_quantity,
        null as reported_scrap_quantity,
        null as reported_rework_quantity
    from counted

    union all by name

    select
        * exclude (good_quantity, scrap_quantity, rework_quantity),
        good_quantity as reported_good_quantity,
        scrap_quantity as reported_scrap_quantity,
        rework_quantity as reported_rework_quantity
    from reported

)

select
    site_id,
    production_order_id,
    operation_id,
    item_id,
    work_unit_id,
    min(first_production_date) as first_production_date,
    max(last_production_date) as last_production_date,
    {% for element in yield_elements() -%}
    cast(coalesce(sum({{ element }}), 0) as decimal(18, 6)) as {{ element }},
    {% endfor -%}
    cast(
        coalesce(sum(input_quantity) - sum(good_quantity) - sum(scrap_quantity) - sum(rework_quantity), 0)
        as decimal(18, 6)
    ) as unexplained_quantity,
    {{ yields_of_sums() }},
    cast(sum(reported_good_quantity) as decimal(18, 6)) as reported_good_quantity,
    cast(coalesce(sum(good_quantity), 0) - sum(reported_good_quantity) as decimal(18, 6))
        as good_difference_quantity,
    cast(sum(reported_scrap_quantity) as decimal(18, 6)) as reported_scrap_quantity,
    cast(coalesce(sum(scrap_quantity), 0) - sum(reported_scrap_quantity) as decimal(18, 6))
        as scrap_difference_quantity,
    cast(sum(reported_rework_quantity) as decimal(18, 6)) as reported_rework_quantity,
    cast(coalesce(sum(rework_quantity), 0) - sum(reported_rework_quantity) as decimal(18, 6))
        as rework_difference_quantity
from sides
group by site_id, production_order_id, operation_id, item_id, work_unit_id
