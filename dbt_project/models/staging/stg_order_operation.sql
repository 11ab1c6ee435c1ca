with

source as (

    select *
    from {{ source('reference', 'order_operation') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        production_order_id,
        operation_id,
        work_unit_id,
        ---------- numbers
        good_quantity,
        scrap_quantity,
        rework_quantity,
        complete_ratio,
        ---------- timestamps
        started_at,
        finished_at
    from source

)

select * from renamed
