with

{{ running_days() }},

{{ samples_given_meaning(
    running_roles(), reads_from='least(looked_for_events_from, ' ~ reads_a_day_from('day_started_at') ~ ')'
) }},

{{ coverage_closed() }},

{{ orders_planned() }},

{{ states_closed_to_intervals() }},

{{ pieces_attributed() }},

{{ states_told_by_pulses() }},

{{ intervals_attributed(goes_on=true) }},

{{ counters_differenced(goes_on=true) }},

{{ cut_at_hours('intervals', 'counts_of_intervals') }},

{{ intervals_counted('days.day_started_at', 'intervals_of_hours', 'counts_of_hours') }},

{{ shifts_summed(['hour_started_at']) }}

select *
from ({{ hour_kpis(evaluation_time()) }}) as hours
where
    hour_started_at <= {{ evaluation_time() }}
    and hour_started_at > {{ evaluation_time() }} - interval 1 hour
