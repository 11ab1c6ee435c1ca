{{ config(incremental_strategy='affected_days', pre_hook="{{ bound_by_affected_days() }}") }}
with

{{ affected_days() }},

{{ samples_given_meaning() }},

{{ coverage_closed() }},

{{ orders_planned() }},

{{ states_closed_to_intervals() }},

{{ pieces_attributed() }},

{{ states_told_by_pulses() }},

{{ intervals_attributed() }}

{{ state_interval_columns() }}
from intervals
