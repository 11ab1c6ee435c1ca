with

source as (

    select * from {{ source('raw', 'mes_outcome') }}

),

renamed as (

    select
        ---------- ids
        digest as mes_message_id,
        ---------- text
        outcome,
        detail,
        ---------- numbers
        tries,
        ---------- timestamps
        decided_at
    from source

)

select * from renamed
