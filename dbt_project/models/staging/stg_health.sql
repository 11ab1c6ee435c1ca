with

source as (

    select * from {{ source('raw', 'health') }}

),

renamed as (

    select
        ---------- ids
        site as site_id,
        collector,
        epoch,
        ---------- numbers
        accepted_rows,
        spool_first_row,
        spool_rows,
        ---------- booleans
        online as is_online,
        ---------- timestamps
        reported_at
    from source

)

select * from renamed
