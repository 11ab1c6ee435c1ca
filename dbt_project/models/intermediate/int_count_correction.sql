{#- What people said of counts afterwards, as it arrived: each entry speaks of one result at a moment of the past. #}
{{ config(incremental_strategy='folded', unique_key=['entry_id']) }}
{{ entries_as_they_arrived('$count_correction', count_corrections_told) }}
