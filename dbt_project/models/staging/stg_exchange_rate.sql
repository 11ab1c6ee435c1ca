with

source as (

    select *
    from {{ source('reference', 'exchange_rate') }}
    where closed_at is null

),

renamed as (

    select
        ---------- text
        currency,
        ---------- numbers
        rate,
        ---------- timestamps
        valid_from
    from source

)

select * from renamed
