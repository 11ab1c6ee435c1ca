with

source as (

    select *
    from {{ source('reference', 'stock') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        site_id,
        item_id,
        ---------- numbers
        quantity,
        ---------- timestamps
        counted_at
    from source

)

select * from renamed
