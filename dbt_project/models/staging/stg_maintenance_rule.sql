with

source as (

    select *
    from {{ source('reference', 'maintenance_rule') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        site_id,
        equipment_id,
        rule_id,
        ---------- text
        name,
        per,
        ---------- numbers
        interval as interval_quantity,
        ---------- timestamps
        last_done_at,
        valid_from,
        valid_to
    from source

)

select * from renamed
