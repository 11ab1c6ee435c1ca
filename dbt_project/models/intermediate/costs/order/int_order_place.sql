{#- At which work units and in which shifts an order used what it used and made what it made: shares that add up to one
    of `spread_by`: the pieces of an operation (`pieces`), without one those of the order, what it scrapped (`scrap`), the time
    of its machines (`run_time`), what workers of a category booked (`booked`), what was issued or measured of an item
    (`material`); of what a lot needs once (`lot`) the one that worked longest. What was counted and not delivered is
    missing there, too. -#}
{{ config(incremental_strategy='changed_orders') }}
with

uses as (

    select
        production_order_id,
        operation_id,
        work_unit_id,
        production_date,
        shift_id,
        sum(used_s) as used_s,
        sum(sum(used_s)) over (partition by production_order_id, operation_id, work_unit_id) as unit_used_s,
        coalesce(sum(used_s) filter (where category <> 'setup'), 0) as run_s,
        sum(good_quantity) as good_quantity,
        {{ not_negative('sum(scrap_quantity)') }} as scrap_quantity
    from {{ of_changed_orders('int_charged_use') }}
    group by production_order_id, operation_id, work_unit_id, production_date, shift_id

),

longest as (

    select
        production_order_id,
        operation_id,
        arg_max(
            { 'work_unit_id': work_unit_id, 'production_date': production_date, 'shift_id': shift_id },
            (unit_used_s, work_unit_id, used_s, production_date, coalesce(shift_id, ''))
        ) as place,
        sum(good_quantity) as good_quantity
    from uses
    group by production_order_id, operation_id

),

quantities as (

    select *
    from {{ of_changed_orders('int_operation_quantity') }}

),

pieces as (

    {#- They add up to what the operation's costs are measured against. #}
    select
        production_order_id,
        operation_id,
        { 'work_unit_id': work_unit_id, 'production_date': production_date, 'shift_id': shift_id } as place,
        good_quantity as quantity
    from uses

    union all

    select
        longest.production_order_id,
        longest.operation_id,
        longest.place,
        quantities.basis_quantity - longest.good_quantity as quantity
    from longest
    inner join quantities
        on
            longest.production_order_id = quantities.production_order_id
            and longest.operation_id is not distinct from quantities.operation_id

),

last_operations as (

    select
        longest.production_order_id,
        arg_max(longest.operation_id, (coalesce(quantities.sequence, -1), longest.operation_id)) as operation_id
    from longest
    inner join quantities
        on
            longest.production_order_id = quantities.production_order_id
            and longest.operation_id = quantities.operation_id
    group by longest.production_order_id

),

operation_places as (

    {{ places_in_turn(by_operation=true) }}

),

order_places as (

    {{ places_in_turn(by_operation=false) }}

),

booked as (

    {#- A worker may begin before the machine and stay after it: the middle tells the shift. #}
    select
        bookings.*,
        coalesce(
            {{ told_place('bookings') }},
            { 'work_unit_id': work_units.work_unit_id, 'production_date': null, 'shift_id': null }
        ) as place
    from (
        select
            *,
            started_at + to_microseconds({{ microseconds_between('started_at', 'ended_at') }} // 2) as middle_at
        from {{ of_changed_orders('int_booked_time') }}
        where quality_cost_category is null
    ) as bookings
    {{ place_at('bookings', 'bookings.middle_at') }}
    left join (
        select
            production_order_id,
            operation_id,
            min(work_unit_id) as work_unit_id
        from {{ of_changed_orders('int_operation_time') }}
        group by production_order_id, operation_id
    ) as work_units
        on
            bookings.production_order_id = work_units.production_order_id
            and bookings.operation_id = work_units.operation_id

),

quantities_of_places as (

    select
        production_order_id,
        operation_id,
        'pieces' as spread_by,
        '' as driver,
        '' as line_id,
        place,
        quantity
    from pieces

    union all

    select
        pieces.production_order_id,
        null as operation_id,
        'pieces' as spread_by,
        '' as driver,
        '' as line_id,
        pieces.place,
        pieces.quantity
    from pieces
    inner join last_operations
        on
            pieces.production_order_id = last_operations.production_order_id
            and pieces.operation_id = last_operations.operation_id

    union all

    select
        production_order_id,
        operation_id,
        'lot' as spread_by,
        '' as driver,
        '' as line_id,
        place,
        1 as quantity
    from longest

    union all

    {% for spread_by, quantity in [('scrap', 'scrap_quantity'), ('run_time', 'run_s')] -%}
    select
        production_order_id,
        operation_id,
        '{{ spread_by }}' as spread_by,
        '' as driver,
        '' as line_id,
        { 'work_unit_id': work_unit_id, 'production_date': production_date, 'shift_id': shift_id } as place,
        {{ quantity }} as quantity
    from uses

    union all

    {% endfor -%}
    {#- The line without a name is that of an overhead on all hours. #}
    select
        production_order_id,
        operation_id,
        'booked' as spread_by,
        driver,
        unnest([cost_category_id, '']) as line_id,
        place,
        used_s as quantity
    from booked

    union all

    select
        production_order_id,
        operation_id,
        'material' as spread_by,
        '' as driver,
        item_id as line_id,
        { 'work_unit_id': work_unit_id, 'production_date': production_date, 'shift_id': shift_id } as place,
        quantity
    from {{ of_changed_orders('int_used_material') }}
    where quantity_source <> 'backflushed'

),

summed as (

    select
        production_order_id,
        operation_id,
        spread_by,
        driver,
        line_id,
        place,
        sum(quantity) as quantity,
        sum(sum(quantity)) over (
            partition by production_order_id, operation_id, spread_by, driver, line_id
        ) as whole_quantity
    from quantities_of_places
    group by production_order_id, operation_id, spread_by, driver, line_id, place

)

select
    production_order_id,
    operation_id,
    spread_by,
    driver,
    line_id,
    place.work_unit_id,
    place.production_date,
    place.shift_id,
    try_cast({{ money_divide(['quantity'], ['whole_quantity'], 9) }} as decimal(18, 9)) as share
from summed
where
    whole_quantity > 0
    and quantity <> 0
