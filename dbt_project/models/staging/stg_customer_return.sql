with

source as (

    select *
    from {{ source('reference', 'customer_return') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        return_id,
        site_id,
        item_id,
        production_order_id,
        reason_id,
        ---------- text
        currency,
        ---------- numbers
        quantity,
        amount,
        ---------- timestamps
        returned_at
    from source

)

select * from renamed
