with

source as (

    select * from {{ source('raw', 'quarantine') }}

),

renamed as (

    select
        ---------- ids
        quarantine_id,
        site as site_id,
        collector,
        ---------- text
        reason,
        ---------- numbers
        rows as row_count,
        payload_bytes,
        ---------- timestamps
        quarantined_at
    from source

)

select * from renamed
