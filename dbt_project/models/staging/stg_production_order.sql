with

source as (

    select *
    from {{ source('reference', 'production_order') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        production_order_id,
        site_id,
        item_id,
        cost_version_id,
        production_flow_id,
        project_id,
        ---------- text
        bom_version,
        route_version,
        mode,
        strategy,
        status,
        ---------- numbers
        order_quantity,
        ---------- timestamps
        released_at,
        ended_at,
        due_at
    from source

)

select * from renamed
