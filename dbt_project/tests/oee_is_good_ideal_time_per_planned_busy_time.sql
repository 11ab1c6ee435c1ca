-- Fails if OEE is not the product of its factors, or not good ideal time per planned busy time.
select *
from {{ ref('work_unit_shift') }}
where
    abs(oee_index * planned_busy_time_s - good_ideal_time_s) > 1e-6 * (1 + abs(good_ideal_time_s))
    or abs(oee_index - availability * effectiveness * quality_ratio) > 1e-9 * (1 + abs(oee_index))
