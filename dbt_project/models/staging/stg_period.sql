with

source as (

    select *
    from {{ source('reference', 'period') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        period_id,
        ---------- timestamps
        starts_at,
        ends_at
    from source

)

select * from renamed
