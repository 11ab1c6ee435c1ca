with

source as (

    select *
    from {{ source('reference', 'material_movement') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        movement_id,
        production_order_id,
        operation_id,
        item_id,
        replaces_item_id,
        lot_id,
        ---------- text
        currency,
        ---------- numbers
        quantity,
        unit_price,
        ---------- booleans
        is_return,
        coalesce(is_output, false) as is_output,
        ---------- timestamps
        moved_at
    from source

)

select * from renamed
