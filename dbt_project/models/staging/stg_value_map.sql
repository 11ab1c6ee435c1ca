{#- Rows that are loaded go before the code tables that ship with Takt; what is said of one operation mode leaves the
    others as they are. -#}
with

source as (

    select *
    from {{ source('reference', 'value_map') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        value_map_id,
        ---------- text
        raw_value,
        operation_mode,
        mapped_value
    from source

),

shipped as (

    {{ state_codes() }}

)

select * from renamed

union all by name

select shipped.*
from shipped
left join renamed
    on
        shipped.value_map_id = renamed.value_map_id
        and shipped.raw_value = renamed.raw_value
        and renamed.operation_mode is null
where
    renamed.value_map_id is null
    and shipped.mapped_value <> ''
