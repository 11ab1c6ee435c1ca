{% macro version_named_by_orders(table, version, card) -%}
    {#- Of each order of `orders` that names another version of a bill of material or a route than its cost card has: the
        version, and the moment as of which its rows are taken. That is when the order was costed, or the nearest to it
        at which any row of the version held; of two as near the earlier. #}
    {%- set moment %}greatest(
                least(
                    orders.costed_at,
                    coalesce(named.valid_to - interval 1 microsecond, timestamp 'infinity')
                ), coalesce(named.valid_from, timestamp '-infinity')
            )
    {%- endset %}
    select
        orders.production_order_id,
        orders.item_id,
        named.{{ version }},
        arg_min(
            {{ moment }}, (abs({{ microseconds_between('orders.costed_at', moment) }}), {{ moment }})
        ) as taken_at
    from orders
    inner join {{ ref(table) }} as named
        on
            orders.item_id = named.item_id
            and orders.{{ version }} = named.{{ version }}
    anti join {{ ref(card) }} as card
        on
            orders.cost_version_id = card.cost_version_id
            and orders.item_id = card.item_id
            and orders.{{ version }} = card.{{ version }}
    where orders.item_id not in (select item_id from {{ ref('stg_item') }} where is_phantom)
    group by orders.production_order_id, orders.item_id, named.{{ version }}, orders.costed_at
{%- endmacro %}

{% macro rows_of_named_version(named, table, version) -%}
    inner join {{ ref(table) }} as lines
        on
            {{ named }}.item_id = lines.item_id
            and {{ named }}.{{ version }} = lines.{{ version }}
            and {{ named }}.taken_at >= coalesce(lines.valid_from, timestamp '-infinity')
            and {{ named }}.taken_at < coalesce(lines.valid_to, timestamp 'infinity')
{%- endmacro %}

{% macro own_cards() -%}
    {#- CTEs up to `own_lines`: the cost card of each order of `orders` that names another bill of material or route than
        that of its item has, at the prices, rates and overheads of its costing version. What it does not name
        otherwise is as on the item's card. Whose `own_orders` they are. #}
named_boms as (

    {{ version_named_by_orders('stg_bom_line', 'bom_version', 'int_bom_component') }}

),

named_routes as (

    {{ version_named_by_orders('stg_routing_operation', 'route_version', 'int_priced_operation') }}

),

own_orders as (

    select
        orders.production_order_id,
        orders.cost_version_id,
        orders.item_id
    from orders
    semi join (
        select production_order_id from named_boms
        union
        select production_order_id from named_routes
    ) as named
        on orders.production_order_id = named.production_order_id

),

versions as (

    select *
    from {{ ref('int_costing_version') }}

),

named_operations as (

    select
        own_orders.production_order_id,
        own_orders.cost_version_id,
        versions.costed_at,
        lines.*
    from own_orders
    inner join named_routes
        on own_orders.production_order_id = named_routes.production_order_id
    {{ rows_of_named_version('named_routes', 'stg_routing_operation', 'route_version') }}
    inner join versions
        on
            own_orders.cost_version_id = versions.cost_version_id
            and versions.distance = 0

),

{{ priced_operations('named_operations', 'production_order_id') }},

own_operations as (

    select
        production_order_id,
        cost_version_id,
        operation_id,
        cost_category_id,
        kind,
        is_subcontract,
        pieces_started,
        setup_s_per_lot,
        run_s_per_unit,
        rate
    from priced_operations

    union all

    select
        own_orders.production_order_id,
        own_orders.cost_version_id,
        card.operation_id,
        card.cost_category_id,
        card.kind,
        card.is_subcontract,
        card.pieces_started,
        card.setup_s_per_lot,
        card.run_s_per_unit,
        card.rate
    from own_orders
    inner join {{ ref('int_priced_operation') }} as card
        on
            own_orders.cost_version_id = card.cost_version_id
            and own_orders.item_id = card.item_id
    anti join named_routes
        on own_orders.production_order_id = named_routes.production_order_id

),

own_components as (

    {#- A phantom's own bill of material is that of the costing version. #}
    select
        own_orders.production_order_id,
        coalesce(parts.component_item_id, lines.component_item_id) as component_item_id,
        lines.operation_id,
        case
            when parts.item_id is null then {{ quantity_with_scrap('lines') }}
            else {{ bom_quantity(quantity_with_scrap('lines') ~ ' * parts.quantity_per') }}
        end as quantity_per,
        case
            when parts.item_id is null then {{ constant_with_scrap('lines') }}
            else {{ bom_quantity(constant_with_scrap('lines') ~ ' * parts.quantity_per + parts.constant_quantity') }}
        end as constant_quantity
    from own_orders
    inner join named_boms
        on own_orders.production_order_id = named_boms.production_order_id
    {{ rows_of_named_version('named_boms', 'stg_bom_line', 'bom_version') }}
    left join {{ ref('stg_item') }} as items
        on lines.component_item_id = items.item_id
    left join {{ ref('int_bom_component') }} as parts
        on
            own_orders.cost_version_id = parts.cost_version_id
            -- in the key: a condition beside it would compare all rows
            and case when lines.is_phantom or items.is_phantom then lines.component_item_id end = parts.item_id
            and parts.line_type = 'component'
    where lines.line_type = 'component'

    union all

    select
        own_orders.production_order_id,
        card.component_item_id,
        card.operation_id,
        card.quantity_per,
        card.constant_quantity
    from own_orders
    inner join {{ ref('int_bom_component') }} as card
        on
            own_orders.cost_version_id = card.cost_version_id
            and own_orders.item_id = card.item_id
            and card.line_type = 'component'
    anti join named_boms
        on own_orders.production_order_id = named_boms.production_order_id

),

own_prices as (

    select
        parts.cost_version_id,
        parts.item_id,
        sum(parts.unit_cost) as unit_price
    from {{ ref('int_unit_cost_part') }} as parts
    semi join own_components
        on parts.item_id = own_components.component_item_id
    group by parts.cost_version_id, parts.item_id

),

own_materials as (

    {#- As on the item's card: what is bought and has no price is no line, what is made and costs nothing is one. #}
    select
        components.production_order_id,
        own_orders.cost_version_id,
        own_orders.item_id,
        components.operation_id,
        coalesce(items.cost_group_id, 'material') as cost_group_id,
        'material' as driver,
        components.component_item_id as line_id,
        made_items.item_id is not null as is_made,
        {{ bom_quantity('components.quantity_per * coalesce(operations.pieces_started, 1)') }} as variable_quantity,
        components.constant_quantity,
        try_cast(coalesce(own_prices.unit_price, 0) as decimal(24, 9)) as unit_price
    from (
        select
            production_order_id,
            component_item_id,
            operation_id,
            {{ bom_quantity('sum(quantity_per)') }} as quantity_per,
            {{ bom_quantity('sum(constant_quantity)') }} as constant_quantity
        from own_components
        group by production_order_id, component_item_id, operation_id
    ) as components
    inner join own_orders
        on components.production_order_id = own_orders.production_order_id
    left join (
        select distinct
            production_order_id,
            operation_id,
            pieces_started
        from own_operations
    ) as operations
        on
            components.production_order_id = operations.production_order_id
            and components.operation_id = operations.operation_id
    left join own_prices
        on
            own_orders.cost_version_id = own_prices.cost_version_id
            and components.component_item_id = own_prices.item_id
    left join {{ ref('int_made_item') }} as made_items
        on
            own_orders.cost_version_id = made_items.cost_version_id
            and components.component_item_id = made_items.item_id
    left join {{ ref('stg_item') }} as items
        on components.component_item_id = items.item_id
    where
        made_items.item_id is not null
        or own_prices.unit_price is not null

),

own_work as (

    select
        operations.production_order_id,
        own_orders.cost_version_id,
        own_orders.item_id,
        operations.operation_id,
        operations.is_subcontract,
        coalesce(operations.cost_category_id, 'conversion') as cost_category_id,
        {{ operation_costs('operations', 'coalesce(item_costs.costing_lot_quantity, 1)') }}
    from own_operations as operations
    inner join own_orders
        on operations.production_order_id = own_orders.production_order_id
    left join {{ ref('int_item_cost') }} as item_costs
        on
            own_orders.cost_version_id = item_costs.cost_version_id
            and own_orders.item_id = item_costs.item_id
    where operations.kind is not null

),

own_direct_lines as (

    select * from own_materials

    union all by name

    select
        production_order_id,
        cost_version_id,
        item_id,
        operation_id,
        cost_category_id as cost_group_id,
        driver,
        cost_category_id as line_id,
        false as is_made,
        variable_quantity,
        constant_quantity,
        try_cast(unit_price as decimal(24, 9)) as unit_price
    from own_work
    where not is_subcontract

    union all by name

    select
        production_order_id,
        cost_version_id,
        item_id,
        operation_id,
        'subcontract' as cost_group_id,
        'subcontract' as driver,
        'subcontract' as line_id,
        false as is_made,
        cast(1 as decimal(24, 9)) as variable_quantity,
        cast(0 as decimal(24, 9)) as constant_quantity,
        try_cast(sum(unit_cost) as decimal(24, 9)) as unit_price
    from own_work
    where is_subcontract
    group by production_order_id, cost_version_id, item_id, operation_id

),

formulas as (

    {{ overhead_formulas() }}

),

own_hours as (

    select distinct
        operations.production_order_id,
        operations.operation_id,
        formulas.overhead_id,
        formulas.base,
        formulas.rate,
        operations.run_s_per_unit,
        operations.setup_s_per_lot
    from own_operations as operations
    inner join formulas
        on
            operations.cost_version_id = formulas.cost_version_id
            and coalesce(formulas.base = operations.cost_category_id, formulas.base is null)
            and formulas.kind = 'per_hour'
    where not operations.is_subcontract

),

own_lines as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        driver,
        line_id,
        false as is_overhead,
        variable_quantity,
        constant_quantity,
        unit_price
    from own_direct_lines

    union all

    select
        lines.production_order_id,
        lines.operation_id,
        formulas.overhead_id as cost_group_id,
        lines.driver,
        {{ surcharge_line('lines.cost_group_id', 'lines.line_id') }} as line_id,
        true as is_overhead,
        lines.variable_quantity,
        lines.constant_quantity,
        try_cast(lines.unit_price * formulas.rate as decimal(24, 9)) as unit_price
    from own_direct_lines as lines
    inner join formulas
        on
            lines.cost_version_id = formulas.cost_version_id
            and coalesce(formulas.base = lines.cost_group_id, formulas.base is null)
            and coalesce(formulas.item_id = lines.item_id, formulas.item_id is null)
            and coalesce(formulas.driver = lines.driver, formulas.driver is null)
            and formulas.kind = 'surcharge'
    where not lines.is_made

    {% for driver, variable, constant in [
        ('run_time', 'run_s_per_unit', '0'), ('setup_time', '0', 'setup_s_per_lot')
    ] -%}
    union all

    select
        production_order_id,
        operation_id,
        overhead_id as cost_group_id,
        '{{ driver }}' as driver,
        coalesce(base, '') as line_id,
        true as is_overhead,
        try_cast({{ variable }} as decimal(24, 9)) as variable_quantity,
        try_cast({{ constant }} as decimal(24, 9)) as constant_quantity,
        try_cast(rate as decimal(24, 9)) as unit_price
    from own_hours

    {% endfor -%}
    union all

    select
        own_orders.production_order_id,
        cast(null as varchar) as operation_id,
        formulas.overhead_id as cost_group_id,
        'piece' as driver,
        coalesce(formulas.base, '') as line_id,
        true as is_overhead,
        cast(1 as decimal(24, 9)) as variable_quantity,
        cast(0 as decimal(24, 9)) as constant_quantity,
        try_cast(formulas.rate as decimal(24, 9)) as unit_price
    from own_orders
    inner join formulas
        on
            own_orders.cost_version_id = formulas.cost_version_id
            and formulas.kind = 'per_unit'
            and coalesce(formulas.item_id = own_orders.item_id, formulas.item_id is null)
    left join {{ ref('stg_item') }} as items
        on own_orders.item_id = items.item_id
    where coalesce(formulas.base = items.item_group_id, formulas.base is null)

)
{%- endmacro %}

{% macro planned_lines() -%}
    {#- The cost card by which each changed order is to be made: its own, where it names other versions than its item's. #}
    {%- set columns = [
        'operation_id', 'cost_group_id', 'driver', 'line_id', 'is_overhead', 'variable_quantity', 'constant_quantity',
        'unit_price'
    ] -%}
    select
        production_order_id,
        {{ columns | join(', ') }}
    from {{ of_changed_orders('int_own_line') }}
    where driver is not null

    union all

    select
        orders.production_order_id,
        {% for column in columns -%}
        card.{{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ of_changed_orders('int_order_costing') }} as orders
    inner join {{ ref('int_standard_line') }} as card
        on
            orders.cost_version_id = card.cost_version_id
            and orders.item_id = card.item_id
    anti join {{ of_changed_orders('int_own_line') }} as own_lines
        on orders.production_order_id = own_lines.production_order_id
{%- endmacro %}
