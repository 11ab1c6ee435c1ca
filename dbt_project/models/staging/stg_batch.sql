with

source as (

    select * from {{ source('raw', 'batch') }}

),

renamed as (

    select
        ---------- ids
        site as site_id,
        collector,
        epoch,
        first_seq,
        last_seq,
        first_row,
        ---------- text
        status,
        cause,
        ---------- numbers
        rows as row_count,
        coalesce(quarantined_rows, 0) as quarantined_row_count,
        source_delay_us,
        ---------- timestamps
        first_observed_at,
        last_observed_at,
        first_received_at,
        committed_at
    from source

)

select * from renamed
