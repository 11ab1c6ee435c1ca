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
        coalesce(line_type, 'component') as line_type,
        burden_kind,
        ---------- numbers
        quantity_per,
        constant_quantity,
        scrap_ratio,
        constant_scrap_quantity,
        cost_share_ratio,
        burden_rate,
        ---------- booleans
        is_phantom,
        ---------- timestamps
        valid_from,
        valid_to
    from source

)

select * from renamed
