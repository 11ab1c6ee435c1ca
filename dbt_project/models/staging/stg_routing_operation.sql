with

source as (

    select *
    from {{ source('reference', 'routing_operation') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        item_id,
        operation_id,
        work_unit_id,
        cost_category_id,
        ---------- text
        route_version,
        ---------- numbers
        sequence,
        planned_run_s_per_unit,
        planned_setup_s,
        crew_size,
        scrap_ratio,
        ---------- booleans
        is_subcontract,
        is_inspection,
        ---------- timestamps
        valid_from,
        valid_to
    from source

)

select * from renamed
