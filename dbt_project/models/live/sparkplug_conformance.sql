{#- How well Sparkplug edge nodes keep to the specification, from the events of their collectors. Each event holds
    what was counted since the one before, so that hours add up; one that is no JSON object counts as nothing. #}
{%- set measures = [
    'messages', 'metrics', 'repeats', 'rebirths_requested', 'gaps', 'missing_messages', 'late_messages',
    'duplicate_seqs', 'without_seq', 'unknown_metrics', 'alias_conflicts', 'data_before_birth',
    'deaths_of_other_sessions', 'refused_metrics', 'refused_equipment', 'undecodable', 'retained'
] %}
with

events as (

    select
        site_id,
        collector,
        observed_at,
        number as faults,
        try_cast(text as json) as counted
    from {{ ref('stg_telemetry') }}
    where signal = '$conformance'

),

named_events as (

    select
        *,
        counted ->> 'source' as source,
        counted ->> 'group' as group_id,
        counted ->> 'node' as edge_node_id,
        try_cast(counted ->> 'clock_offset_s' as decimal(18, 6)) as clock_offset_s
    from events
    where json_type(counted) = 'OBJECT'

)

select
    site_id as site,
    collector,
    source,
    group_id,
    edge_node_id,
    date_trunc('hour', observed_at) as hour,
    cast(sum(faults) as bigint) as faults,
    {% for measure in measures -%}
    cast(coalesce(sum(try_cast(counted ->> '{{ measure }}' as bigint)), 0) as bigint) as {{ measure }},
    {% endfor -%}
    min(clock_offset_s) as clock_offset_min_s,
    max(clock_offset_s) as clock_offset_max_s,
    min(observed_at) filter (where faults > 0) as first_fault_at,
    max(observed_at) filter (where faults > 0) as last_fault_at,
    arg_max(cast(counted as varchar), observed_at) filter (where faults > 0) as last_fault_detail
from named_events
group by all
