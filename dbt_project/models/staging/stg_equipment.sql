with

source as (

    select *
    from {{ source('reference', 'equipment') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        site_id,
        equipment_id,
        parent_id,
        ---------- text
        level,
        name,
        time_zone,
        ---------- timestamps
        valid_from,
        valid_to
    from source

)

select * from renamed
