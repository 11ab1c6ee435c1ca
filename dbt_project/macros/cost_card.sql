{% macro operations_with_scrap(operations_then, owner) -%}
    {#- CTEs up to `operations_with_scrap`: of each cost card, that of an item or an order (`owner`) in a costing version,
        the operations that hold for it, each once, and how many pieces each starts per good piece at the end. #}
operations as (

    select *
    from {{ operations_then }}
    qualify
        row_number() over (partition by cost_version_id, {{ owner }}, operation_id order by work_unit_id asc) = 1

),

operations_with_scrap as (

    select
        *,
        {{ pieces_started_per_good('scrap_ratios') }} as pieces_started
    from (
        select
            *,
            list(coalesce(scrap_ratio, 0)) over (
                partition by cost_version_id, {{ owner }}
                order by sequence desc, operation_id desc
                rows unbounded preceding
            ) as scrap_ratios
        from operations
    ) as operations_with_what_follows

)
{%- endmacro %}

{% macro priced_operations(operations_then, owner) -%}
    {#- CTEs up to `priced_operations`: of each cost card, that of an item or an order (`owner`) in a costing version, the
        operations that hold for it, per category and kind of their rates. `versions` are those of int_costing_version. #}
{{ operations_with_scrap(operations_then, owner) }},

rates as (

    select
        operations.cost_version_id,
        operations.{{ owner }},
        operations.operation_id,
        rates.cost_category_id,
        rates.kind,
        {{ crew_rate('rates.rate', 'rates.cost_category_id', 'operations.crew_size') }} as rate,
        versions.distance > 0 as is_fallback
    from operations
    inner join versions
        on operations.cost_version_id = versions.cost_version_id
    inner join {{ ref('stg_cost_rate') }} as rates
        on
            versions.looked_up_version_id = rates.cost_version_id
            and coalesce(operations.cost_category_id = rates.cost_category_id, operations.cost_category_id is null)
            and (rates.work_unit_id is null or operations.work_unit_id = rates.work_unit_id)
            and operations.costed_at >= coalesce(rates.valid_from, timestamp '-infinity')
    {#- Of the nearest version; there of the work unit itself before any, and the latest. #}
    qualify
        row_number() over (
            partition by
                operations.cost_version_id,
                operations.{{ owner }},
                operations.operation_id,
                rates.cost_category_id,
                rates.kind
            order by versions.distance asc, rates.work_unit_id is null asc, rates.valid_from desc nulls last
        ) = 1

),

priced_operations as (

    select
        operations.cost_version_id,
        operations.{{ owner }},
        operations.route_version,
        operations.operation_id,
        operations.work_unit_id,
        operations.sequence,
        rates.cost_category_id,
        rates.kind,
        coalesce(operations.is_subcontract, false) as is_subcontract,
        coalesce(operations.is_inspection, false) as is_inspection,
        operations.crew_size,
        try_cast(operations.pieces_started as decimal(24, 9)) as pieces_started,
        coalesce(operations.planned_run_s_per_unit, 0) as planned_run_s_per_unit,
        {{ bom_quantity('coalesce(operations.planned_setup_s, 0)') }} as setup_s_per_lot,
        {{ bom_quantity('coalesce(operations.planned_run_s_per_unit, 0) * operations.pieces_started') }} as run_s_per_unit,
        rates.rate,
        coalesce(rates.is_fallback, false) as is_fallback
    from operations_with_scrap as operations
    left join rates
        on
            operations.cost_version_id = rates.cost_version_id
            and operations.{{ owner }} = rates.{{ owner }}
            and operations.operation_id = rates.operation_id

)
{%- endmacro %}

{% macro quantity_with_scrap(lines) -%}
    {#- What a unit needs by a line of a bill of material. #}
    {{- bom_quantity(
        'cast(coalesce(' ~ lines ~ '.quantity_per, 0) as decimal(38, 6)) * (1 + coalesce(' ~ lines ~ '.scrap_ratio, 0))'
    ) }}
{%- endmacro %}

{% macro constant_with_scrap(lines) -%}
    {#- What a lot needs by a line of a bill of material. #}
    {{- bom_quantity(
        'coalesce(' ~ lines ~ '.constant_quantity, 0) + coalesce(' ~ lines ~ '.constant_scrap_quantity, 0)'
    ) }}
{%- endmacro %}

{% macro operation_costs(operations, costing_lot_quantity) -%}
    {#- Columns of a line of a cost card, of a rate of an operation. #}
    {%- set kind = operations ~ '.kind' -%}
    case {{ kind }} when 'setup' then 'setup_time' when 'run' then 'run_time' else 'piece' end as driver,
    cast(
        case {{ kind }} when 'run' then {{ operations }}.run_s_per_unit when 'quantity' then 1 else 0 end
        as decimal(24, 9)
    ) as variable_quantity,
    try_cast(case {{ kind }} when 'setup' then {{ operations }}.setup_s_per_lot else 0 end as decimal(24, 9))
        as constant_quantity,
    {{ operations }}.rate as unit_price,
    case {{ kind }}
        when 'setup'
            then
                {{ money_divide(
                    [operations ~ '.setup_s_per_lot', operations ~ '.rate'], ['3600', costing_lot_quantity], 6
                ) }}
        when 'run' then {{ money_divide([operations ~ '.run_s_per_unit', operations ~ '.rate'], ['3600'], 6) }}
        else {{ operations }}.rate
    end as unit_cost
{%- endmacro %}

{% macro overhead_formulas() -%}
    {#- Of each overhead of a costing version the formulas of the nearest version that has it, and what it costs to be rid
        of by-products: an overhead of one item. #}
    select
        versions.cost_version_id,
        cast(null as varchar) as item_id,
        cast(null as varchar) as driver,
        formulas.overhead_id,
        formulas.kind,
        formulas.base,
        formulas.rate
    from {{ ref('int_costing_version') }} as versions
    inner join {{ ref('stg_overhead_formula') }} as formulas
        on versions.looked_up_version_id = formulas.cost_version_id
    qualify
        dense_rank() over (
            partition by versions.cost_version_id, formulas.overhead_id
            order by versions.distance asc
        ) = 1

    union all

    select * from ({{ by_product_burdens() }}) as burdens
{%- endmacro %}
