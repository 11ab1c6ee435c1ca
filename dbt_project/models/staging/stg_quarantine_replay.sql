with

source as (

    select * from {{ source('raw', 'quarantine_replay') }}

),

renamed as (

    select
        ---------- ids
        quarantine_id,
        ---------- text
        outcome,
        ---------- timestamps
        replayed_at
    from source

)

select * from renamed
