with

source as (

    select *
    from {{ source('reference', 'signal_map') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        site_id,
        equipment_id as work_unit_id,
        value_map_id,
        material_item_id,
        ---------- text
        signal,
        role,
        counter_mode,
        ---------- numbers
        counter_bits,
        units_per_pulse,
        scale,
        pulse_gap_cycles,
        ---------- timestamps
        valid_from,
        valid_to
    from source

)

select * from renamed
