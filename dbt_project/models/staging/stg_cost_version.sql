with

source as (

    select *
    from {{ source('reference', 'cost_version') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        cost_version_id,
        site_id,
        fallback_version_id,
        ---------- text
        type as cost_version_type,
        status,
        currency,
        ---------- timestamps
        valid_from
    from source

)

select * from renamed
