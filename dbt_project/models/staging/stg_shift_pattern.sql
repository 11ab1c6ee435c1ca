with

source as (

    select *
    from {{ source('reference', 'shift_pattern') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        site_id,
        equipment_id,
        shift_id,
        ---------- text
        kind,
        ---------- numbers
        weekday,
        ---------- timestamps
        starts_local,
        ends_local,
        valid_from,
        valid_to
    from source

)

select * from renamed
