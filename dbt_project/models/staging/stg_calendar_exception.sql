with

source as (

    select *
    from {{ source('reference', 'calendar_exception') }}
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
        ---------- timestamps
        production_date,
        starts_at,
        ends_at
    from source

)

select * from renamed
