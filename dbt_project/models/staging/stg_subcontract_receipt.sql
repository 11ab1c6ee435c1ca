with

source as (

    select *
    from {{ source('reference', 'subcontract_receipt') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        receipt_id,
        production_order_id,
        operation_id,
        vendor_id,
        ---------- text
        currency,
        ---------- numbers
        quantity,
        rejected_quantity,
        unit_price,
        ---------- timestamps
        received_at
    from source

)

select * from renamed
