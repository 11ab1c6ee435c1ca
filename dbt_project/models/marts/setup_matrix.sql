{#- How long it takes to set a work unit up from one item to another, as measured; complete changeovers only. #}
{{ config(materialized='view') }}
select
    site_id,
    work_unit_id,
    from_item_id,
    to_item_id,
    count(*) as changeover_count,
    cast(sum(setup_time_s) as decimal(18, 6)) as setup_time_s,
    cast(round({{ ratio('sum(setup_time_s)', 'count(*)') }}, 6) as decimal(18, 6)) as mean_setup_s,
    cast(round(median(cast(setup_time_s as double)), 6) as decimal(18, 6)) as median_setup_s,
    cast(min(setup_time_s) as decimal(18, 6)) as shortest_setup_s,
    cast(max(setup_time_s) as decimal(18, 6)) as longest_setup_s,
    arg_max(planned_setup_s, started_at) as planned_setup_s,
    max(started_at) as last_changeover_at
from {{ ref('changeover') }}
where
    is_complete
    and kind <> 'within_order'
group by site_id, work_unit_id, from_item_id, to_item_id
