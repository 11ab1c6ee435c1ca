with

{{ running_intervals_and_counts() }},

{{ cut_at_hours('intervals', 'counts_of_intervals') }},

{{ intervals_counted('days.day_started_at', 'intervals_of_hours', 'counts_of_hours') }},

{{ shifts_summed(['hour_started_at']) }}

select *
from ({{ hour_kpis(evaluation_time()) }}) as hours
where
    hour_started_at <= {{ evaluation_time() }}
    and hour_started_at > {{ evaluation_time() }} - interval 1 hour
