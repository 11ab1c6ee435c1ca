with

source as (

    select *
    from {{ source('reference', 'bom_line') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        item_id,
        line_id,
        component_item_id,
        operation_id,
        ---------- text
        bom_version,
        ---------- numbers
        quantity_per,
        constant_quantity,
        scrap_ratio,
        constant_scrap_quantity,
        ---------- booleans
        is_phantom,
        ---------- timestamps
        valid_from,
        valid_to
    from source

)

select * from renamed
