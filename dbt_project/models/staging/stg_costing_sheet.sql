with

source as (

    select *
    from {{ source('reference', 'costing_sheet') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        line_id,
        parent_line_id,
        cost_group_id,
        ---------- text
        name,
        ---------- numbers
        sequence
    from source

)

select * from renamed
