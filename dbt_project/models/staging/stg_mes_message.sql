with

source as (

    select * from {{ source('raw', 'mes_message') }}

),

renamed as (

    select
        ---------- ids
        digest as mes_message_id,
        production_order_id,
        ---------- timestamps
        received_at
    from source

)

select * from renamed
