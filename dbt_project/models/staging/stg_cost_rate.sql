with

source as (

    select *
    from {{ source('reference', 'cost_rate') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        cost_version_id,
        cost_category_id,
        work_unit_id,
        ---------- text
        kind,
        ---------- numbers
        rate,
        ---------- timestamps
        valid_from
    from source

)

select * from renamed
