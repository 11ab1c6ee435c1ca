{#- What overheads add to a unit at the item itself: they bear on its bought components and own operations, not on made
    components, which have borne theirs. Of each overhead the formulas of the nearest version that has it. -#}
{{ config(materialized='ephemeral') }}
with

formulas as (

    select
        versions.cost_version_id,
        formulas.* exclude (cost_version_id)
    from {{ ref('int_costing_version') }} as versions
    inner join {{ ref('stg_overhead_formula') }} as formulas
        on versions.looked_up_version_id = formulas.cost_version_id
    qualify
        dense_rank() over (
            partition by versions.cost_version_id, formulas.overhead_id
            order by versions.distance asc
        ) = 1

),

surcharges as (

    select
        formulas.cost_version_id,
        direct_costs.item_id,
        formulas.overhead_id,
        {{ unit_money('formulas.rate * sum(direct_costs.unit_cost)') }} as unit_cost
    from formulas
    inner join {{ ref('int_direct_cost') }} as direct_costs
        on
            formulas.cost_version_id = direct_costs.cost_version_id
            and coalesce(formulas.base = direct_costs.cost_group_id, formulas.base is null)
    where
        formulas.kind = 'surcharge'
        and direct_costs.part <> 'purchase'
    group by formulas.cost_version_id, direct_costs.item_id, formulas.overhead_id, formulas.base, formulas.rate

),

operation_hours as (

    {#- An operation's hours count once, whichever categories price them; a vendor's hours are not ours. #}
    select distinct
        formulas.cost_version_id,
        operations.item_id,
        formulas.overhead_id,
        operations.operation_id,
        formulas.base,
        formulas.rate,
        operations.run_s_per_unit
        + {{ money_divide(['operations.setup_s_per_lot'], ['made_items.costing_lot_quantity'], 9) }} as seconds
    from formulas
    inner join {{ ref('int_priced_operation') }} as operations
        on
            formulas.cost_version_id = operations.cost_version_id
            and coalesce(formulas.base = operations.cost_category_id, formulas.base is null)
    inner join {{ ref('int_made_item') }} as made_items
        on
            operations.cost_version_id = made_items.cost_version_id
            and operations.item_id = made_items.item_id
    where
        formulas.kind = 'per_hour'
        and not operations.is_subcontract

),

hourly as (

    select
        cost_version_id,
        item_id,
        overhead_id,
        {{ money_divide(['sum(seconds)', 'rate'], ['3600'], 6) }} as unit_cost
    from operation_hours
    group by cost_version_id, item_id, overhead_id, base, rate

),

per_unit as (

    select
        formulas.cost_version_id,
        made_items.item_id,
        formulas.overhead_id,
        formulas.rate as unit_cost
    from formulas
    inner join {{ ref('int_made_item') }} as made_items
        on formulas.cost_version_id = made_items.cost_version_id
    left join {{ ref('stg_item') }} as items
        on made_items.item_id = items.item_id
    where
        formulas.kind = 'per_unit'
        and coalesce(formulas.base = items.item_group_id, formulas.base is null)

)

select * from surcharges
union all
select * from hourly
union all
select * from per_unit
