with

source as (

    select *
    from {{ source('reference', 'value_map') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        value_map_id,
        ---------- text
        raw_value,
        operation_mode,
        mapped_value
    from source

)

select * from renamed
