with

source as (

    select * from {{ source('raw', 'transport_repeat') }}

),

renamed as (

    select
        ---------- ids
        site as site_id,
        collector,
        epoch,
        ---------- numbers
        rows as row_count,
        ---------- timestamps
        counted_at
    from source

)

select * from renamed
