with

source as (

    select *
    from {{ source('reference', 'labour_booking') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        booking_id,
        production_order_id,
        operation_id,
        worker_id,
        cost_category_id,
        ---------- text
        kind,
        ---------- timestamps
        started_at,
        finished_at
    from source

)

select * from renamed
