with

source as (

    select *
    from {{ source('reference', 'reason_code') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        reason_id,
        parent_reason_id,
        ---------- text
        name,
        loss_category,
        ---------- booleans
        is_failure
    from source

)

select * from renamed
