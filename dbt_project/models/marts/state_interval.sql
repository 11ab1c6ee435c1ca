{{ config(incremental_strategy='affected_days', is_sliced=true) }}
with

{{ affected_days() }},

{{ stop_entries_of_affected_days() }},

{{ samples_given_meaning(told_roles(), pulse_roles()) }},

{{ coverage_closed() }},

{{ orders_planned() }},

{{ states_closed_to_intervals() }},

{{ pieces_attributed() }},

{{ states_told_by_pulses() }},

{{ intervals_attributed() }}

{{ state_interval_columns() }}
from intervals
