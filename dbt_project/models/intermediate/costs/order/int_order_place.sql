{#- At which work units and in which shifts an order used what it used and made what it made: quantities of `spread_by`,
    and their shares of all.

    Of an operation:
    - `pieces`: its good pieces. Those counted and not delivered, or delivered and not counted, are where it took longest,
      so that all are what its costs are measured against.
    - `counted`: the good pieces that machines counted.
    - `scrap`, `scrap_missing`: pieces scrapped at it or later, where that was and where it had made them.
    - `run_time`: the time of its machines, of all and of each cost category that it is charged in.
    - `booked`: what its workers booked, likewise, as it is charged.
    - `material`: what was issued or measured of an item.
    - `lot`: what a lot needs once, where the operation took longest.

    Without an operation: of the order, where its last operation was. -#}
{{ config(incremental_strategy='changed_orders') }}
{%- set place = "{ 'work_unit_id': work_unit_id, 'production_date': production_date, 'shift_id': shift_id }" -%}
{%- set place_of_scrap -%}
{
            'work_unit_id': scrapped.work_unit_id,
            'production_date': scrapped.production_date,
            'shift_id': scrapped.shift_id
        }
{%- endset -%}
with

uses as (

    {#- Time off the operations is no place of what the order as a whole needs. #}
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
    qualify operation_id is not null or count(operation_id) over (partition by production_order_id) = 0

),

quantities as (

    select
        *,
        {#- As they are told from last to first. #}
        row_number() over (
            partition by production_order_id
            order by sequence asc nulls first, operation_id asc
        ) as place
    from {{ of_changed_orders('int_operation_quantity') }}

),

longest as (

    select
        production_order_id,
        operation_id,
        arg_max({{ place }}, (unit_used_s, work_unit_id, used_s, production_date, coalesce(shift_id, ''))) as place,
        sum(good_quantity) as good_quantity
    from uses
    group by production_order_id, operation_id

),

last_operations as (

    select
        longest.production_order_id,
        arg_max(longest.operation_id, quantities.place) as operation_id
    from longest
    inner join quantities
        on
            longest.production_order_id = quantities.production_order_id
            and longest.operation_id = quantities.operation_id
    group by longest.production_order_id

),

operations_and_orders as (

    select
        production_order_id,
        operation_id,
        operation_id as of_operation_id
    from longest

    union all

    select
        production_order_id,
        operation_id,
        null as of_operation_id
    from last_operations

),

pieces as (

    {#- They add up to what the costs of the operation, or of the order, are measured against. #}
    select
        operations.production_order_id,
        operations.of_operation_id as operation_id,
        {{ place }} as place,
        uses.good_quantity as quantity
    from uses
    inner join operations_and_orders as operations
        on
            uses.production_order_id = operations.production_order_id
            and uses.operation_id is not distinct from operations.operation_id

    union all

    select
        operations.production_order_id,
        operations.of_operation_id as operation_id,
        longest.place,
        quantities.basis_quantity - longest.good_quantity as quantity
    from longest
    inner join operations_and_orders as operations
        on
            longest.production_order_id = operations.production_order_id
            and longest.operation_id is not distinct from operations.operation_id
    inner join quantities
        on
            operations.production_order_id = quantities.production_order_id
            and operations.of_operation_id is not distinct from quantities.operation_id

),

scrapped as (

    {#- What was scrapped later on had gone through here; what is on no route is scrapped where it is. #}
    select
        quantities.production_order_id,
        quantities.operation_id,
        uses.work_unit_id,
        uses.production_date,
        uses.shift_id,
        uses.scrap_quantity,
        coalesce(uses.operation_id = quantities.operation_id, false) as is_here
    from uses
    inner join quantities as scrapping
        on
            uses.production_order_id = scrapping.production_order_id
            and uses.operation_id = scrapping.operation_id
    inner join quantities
        on scrapping.production_order_id = quantities.production_order_id
    where
        uses.scrap_quantity <> 0
        and (
            quantities.operation_id is null
            or quantities.operation_id = uses.operation_id
            or (quantities.sequence is not null and scrapping.place > quantities.place)
        )

),

charged as (

    select
        *,
        coalesce({{ amount_of('used_s', 'rate', 'driver') }}, 0) as amount
    from {{ of_changed_orders('int_charged_time') }}
    where time_source in ('machine', 'booked')

),

shifts_in_turn as (

    {{ shifts_in_turn() }}

),

bookings as (

    {#- Each lies between two moments at which a rate may change. #}
    select
        bookings.*,
        started_at + to_microseconds({{ microseconds_between('started_at', 'ended_at') }} // 2) as middle_at,
        coalesce(moments.moment_at, timestamp '-infinity') as moment_at,
        sum(used_s) over (
            partition by
                production_order_id, operation_id, driver, cost_category_id,
                coalesce(moments.moment_at, timestamp '-infinity')
        ) as whole_used_s
    from {{ of_changed_orders('int_booked_time') }} as bookings
    asof left join {{ ref('int_cost_moment') }} as moments
        on bookings.started_at >= moments.moment_at
    where bookings.quality_cost_category is null

),

booked as (

    {#- A worker may begin before the machine and stay after it: the middle tells the shift. #}
    select
        bookings.production_order_id,
        bookings.operation_id,
        bookings.driver,
        bookings.cost_category_id,
        case when shifts.production_order_id is null then work_units.work_unit_id end as work_unit_id,
        shifts.production_date,
        shifts.shift_id,
        {{ money_divide(['bookings.used_s', 'charged.used_s'], ['bookings.whole_used_s', '1'], 9) }} as used_s,
        {{ placed_amount('charged.amount', money_divide(['bookings.used_s'], ['bookings.whole_used_s'], 9)) }} as amount
    from bookings
    asof left join shifts_in_turn as shifts
        on
            bookings.production_order_id = shifts.production_order_id
            and bookings.operation_id = shifts.operation_id
            and bookings.middle_at >= shifts.began_at
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
    left join charged
        on
            bookings.production_order_id = charged.production_order_id
            and bookings.operation_id = charged.operation_id
            and bookings.driver = charged.driver
            and bookings.cost_category_id = charged.cost_category_id
            and bookings.moment_at = charged.moment_at
            and charged.time_source = 'booked'

),

told as (

    {#- The line without a name is that of an overhead on all hours. #}
    select
        production_order_id,
        operation_id,
        'booked' as spread_by,
        driver,
        unnest([cost_category_id, '']) as line_id,
        work_unit_id,
        production_date,
        shift_id,
        used_s as quantity,
        amount
    from booked

    union all

    select
        production_order_id,
        operation_id,
        'material' as spread_by,
        '' as driver,
        item_id as line_id,
        work_unit_id,
        production_date,
        shift_id,
        quantity,
        amount
    from {{ of_changed_orders('int_used_material') }}
    where quantity_source <> 'backflushed'

),

unit_shares as (

    {#- What is told of an operation is of all its work units of that shift, as long as each was at it. #}
    select
        production_order_id,
        operation_id,
        production_date,
        shift_id,
        work_unit_id,
        coalesce(
            {{ money_divide(['used_s'], ['whole_used_s'], 9) }}, {{ money_divide(['1'], ['work_units'], 9) }}
        ) as share
    from (
        select
            *,
            sum(used_s) over one_shift as whole_used_s,
            count(*) over one_shift as work_units
        from uses
        window one_shift as (partition by production_order_id, operation_id, production_date, shift_id)
    ) as units

),

told_of_units as (

    select
        told.production_order_id,
        told.operation_id,
        told.spread_by,
        told.driver,
        told.line_id,
        {
            'work_unit_id': coalesce(told.work_unit_id, units.work_unit_id),
            'production_date': told.production_date,
            'shift_id': told.shift_id
        } as place,
        {{ bom_quantity('cast(told.quantity as decimal(24, 9)) * coalesce(units.share, 1)') }} as quantity,
        {{ placed_amount('told.amount', 'coalesce(units.share, 1)') }} as amount
    from told
    left join unit_shares as units
        on
            told.production_order_id = units.production_order_id
            and case when told.work_unit_id is null then told.operation_id end = units.operation_id
            and told.production_date = units.production_date
            and told.shift_id is not distinct from units.shift_id

),

quantities_of_places as (

    select
        production_order_id,
        operation_id,
        'pieces' as spread_by,
        '' as driver,
        '' as line_id,
        place,
        {{ bom_quantity('quantity') }} as quantity,
        null as amount
    from pieces

    union all

    {% for spread_by, relation, quantity in [
        ('counted', 'uses', not_negative('good_quantity')), ('lot', 'longest', '1')
    ] -%}
    select
        operations.production_order_id,
        operations.of_operation_id as operation_id,
        '{{ spread_by }}' as spread_by,
        '' as driver,
        '' as line_id,
        {{ place if relation == 'uses' else 'places.place' }} as place,
        {{ bom_quantity(quantity) }} as quantity,
        null as amount
    from {{ relation }} as places
    inner join operations_and_orders as operations
        on
            places.production_order_id = operations.production_order_id
            and places.operation_id is not distinct from operations.operation_id

    union all

    {% endfor -%}
    select
        production_order_id,
        operation_id,
        'scrap' as spread_by,
        '' as driver,
        '' as line_id,
        {{ place }} as place,
        {{ bom_quantity('scrap_quantity') }} as quantity,
        null as amount
    from scrapped

    union all

    {#- Good when they left here. #}
    select
        scrapped.production_order_id,
        scrapped.operation_id,
        'scrap_missing' as spread_by,
        '' as driver,
        '' as line_id,
        if(scrapped.is_here, {{ place_of_scrap }}, longest.place) as place,
        {{ bom_quantity('scrapped.scrap_quantity') }} as quantity,
        null as amount
    from scrapped
    inner join operations_and_orders as operations
        on
            scrapped.production_order_id = operations.production_order_id
            and scrapped.operation_id is not distinct from operations.of_operation_id
    inner join longest
        on
            operations.production_order_id = longest.production_order_id
            and operations.operation_id is not distinct from longest.operation_id

    union all

    select
        production_order_id,
        operation_id,
        'run_time' as spread_by,
        '' as driver,
        '' as line_id,
        {{ place }} as place,
        {{ bom_quantity('run_s') }} as quantity,
        null as amount
    from uses

    union all

    select
        production_order_id,
        operation_id,
        'run_time' as spread_by,
        '' as driver,
        cost_category_id as line_id,
        {{ place }} as place,
        {{ bom_quantity('used_s') }} as quantity,
        amount
    from charged
    where
        time_source = 'machine'
        and driver = 'run_time'
        and operation_id is not null

    union all

    select * from told_of_units

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
        sum(amount) as amount,
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
    {{ bom_quantity('quantity') }} as quantity,
    {#- What it cost, where it is of one line of the card. #}
    case when line_id <> '' then try_cast(amount as decimal(28, 6)) end as amount,
    case
        when whole_quantity > 0
            then try_cast({{ money_divide(['quantity'], ['whole_quantity'], 9) }} as decimal(18, 9))
    end as share
from summed
where
    quantity <> 0
    or amount <> 0
