{#- What people said late about stops, as it arrived: each entry speaks of a span of the past. #}
{{ config(incremental_strategy='folded', unique_key=['classification_id']) }}
{{ entries_as_they_arrived('$stop_reason', stop_entries_told) }}
