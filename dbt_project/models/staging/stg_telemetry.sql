with

source as (

    select
        *,
        snapshot_id
    from {{ source('raw', 'telemetry') }}

),

renamed as (

    select
        ---------- ids
        site as site_id,
        collector,
        epoch,
        row_number,
        equipment as work_unit_id,
        signal,
        snapshot_id,
        ---------- text
        text,
        ---------- numbers
        value as number,
        quality,
        ---------- booleans
        is_historical,
        ---------- timestamps
        observed_at,
        observed_date,
        received_at
    from source

)

select * from renamed
