{#- What each kind of counter told in each interval, and by how much people corrected it: pieces and cycles, with the
    reason that came with them, those of a running day's open end apart; and material, item by item. All that is counted
    of a day is made of it. #}
{{ config(incremental_strategy='affected_days', is_sliced=true) }}
with

{{ affected_days() }},

intervals as (

    select state_interval.*
    from {{ ref('state_interval') }} as state_interval
    semi join days
        on
            state_interval.site_id = days.site_id
            and state_interval.work_unit_id = days.work_unit_id
            and state_interval.production_date = days.production_date

),

{{ count_corrections_of_affected_days() }},

{{ samples_given_meaning(counted_roles()) }},

{{ counters_differenced(counted_roles()) }}

select
    site_id,
    work_unit_id,
    production_date,
    started_at,
    role,
    material_item_id,
    reason_id,
    is_settled,
    quarter_started_at,
    quantity,
    cycles
from counts_of_intervals
