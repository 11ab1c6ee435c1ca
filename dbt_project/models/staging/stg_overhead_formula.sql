with

source as (

    select *
    from {{ source('reference', 'overhead_formula') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        cost_version_id,
        overhead_id,
        ---------- text
        kind,
        base,
        ---------- numbers
        rate
    from source

)

select * from renamed
