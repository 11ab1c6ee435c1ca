with

source as (

    select *
    from {{ source('reference', 'item_cost') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        cost_version_id,
        item_id,
        ---------- numbers
        unit_cost,
        costing_lot_quantity,
        sales_price,
        separable_unit_cost
    from source

)

select * from renamed
