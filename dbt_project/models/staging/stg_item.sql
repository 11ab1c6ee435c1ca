with

source as (

    select *
    from {{ source('reference', 'item') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        item_id,
        item_group_id,
        cost_group_id,
        ---------- text
        name,
        unit,
        strategy,
        joint_cost_method,
        ---------- booleans
        is_phantom
    from source

)

select * from renamed
