with

{{ running_days('list_concat(earlier_intervals, latest_intervals)') }},

{{ samples_given_meaning(
    told_roles(), pulse_roles(), reads_from='least(looked_for_events_from, ' ~ reads_a_day_from('day_started_at') ~ ')'
) }},

{{ coverage_closed() }},

{{ orders_planned() }},

{{ states_closed_to_intervals() }},

{{ pieces_attributed() }},

{{ states_told_by_pulses() }},

{{ intervals_attributed(goes_on=true) }}

{{ state_interval_columns() }}
from intervals
