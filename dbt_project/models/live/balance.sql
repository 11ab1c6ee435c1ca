{#- The balance sheet of samples at each health message that ends an hour: what the ledger has of the rows that
    the spool no longer holds. Cumulative, over all epochs of a collector. #}
with

hourly_health as (

    select
        *,
        date_trunc('hour', reported_at) as hour
    from {{ ref('stg_health') }}
    qualify row_number() over (
        partition by site_id, collector, epoch, date_trunc('hour', reported_at)
        order by reported_at desc, accepted_rows desc
    ) = 1

),

ledger as (

    select
        *,
        first_row + row_count as end_row,
        {% for status in ['committed', 'quarantined', 'declared_lost'] -%}
        coalesce(sum(row_count) filter (where status = '{{ status }}') over so_far, 0) as {{ status }}_rows
        {%- if not loop.last %},
        {% endif %}
        {%- endfor %}
    from {{ ref('stg_batch') }}
    window so_far as (
        partition by site_id, collector, epoch
        order by first_row, first_seq
        rows between unbounded preceding and current row
    )

),

settled as (

    {# A range of the ledger may reach beyond what the spool had trimmed when it reported. #}
    select
        health.site_id,
        health.collector,
        health.epoch,
        health.hour,
        health.accepted_rows,
        health.spool_rows,
        {% for status in ['committed', 'quarantined', 'declared_lost'] -%}
        coalesce(ledger.{{ status }}_rows, 0) - case
            when ledger.status = '{{ status }}' then greatest(ledger.end_row - health.spool_first_row, 0)
            else 0
        end as {{ status }}_rows
        {%- if not loop.last %},
        {% endif %}
        {%- endfor %}
    from hourly_health as health
    asof left join ledger
        on
            health.site_id = ledger.site_id
            and health.collector = ledger.collector
            and health.epoch = ledger.epoch
            and health.spool_first_row > ledger.first_row

),

collector_hours as (

    select distinct site_id, collector, hour
    from hourly_health

),

epochs as (

    select distinct site_id, collector, epoch
    from hourly_health

),

repeats as (

    select
        site_id,
        collector,
        counted_at,
        sum(row_count) over (
            partition by site_id, collector
            order by counted_at
        ) as repeated_rows
    from {{ ref('stg_transport_repeat') }}

),

epoch_hours as (

    select
        collector_hours.site_id,
        collector_hours.collector,
        collector_hours.hour,
        settled.* exclude (site_id, collector, epoch, hour)
    from (
        select
            collector_hours.*,
            epochs.epoch
        from collector_hours
        inner join epochs
            on
                collector_hours.site_id = epochs.site_id
                and collector_hours.collector = epochs.collector
    ) as collector_hours
    asof inner join settled
        on
            collector_hours.site_id = settled.site_id
            and collector_hours.collector = settled.collector
            and collector_hours.epoch = settled.epoch
            and collector_hours.hour >= settled.hour

),

collector_totals as (

    select
        site_id,
        collector,
        hour,
        cast(sum(accepted_rows) as bigint) as accepted,
        cast(sum(committed_rows) as bigint) as committed,
        cast(sum(quarantined_rows) as bigint) as quarantined,
        cast(sum(declared_lost_rows) as bigint) as declared_lost,
        cast(sum(spool_rows) as bigint) as in_spool
    from epoch_hours
    group by site_id, collector, hour

)

select
    totals.site_id as site,
    totals.collector,
    totals.hour,
    totals.accepted,
    totals.committed,
    totals.quarantined,
    totals.declared_lost,
    totals.in_spool,
    cast(coalesce(repeats.repeated_rows, 0) as bigint) as transport_repeats,
    totals.accepted - totals.committed - totals.quarantined - totals.declared_lost - totals.in_spool as difference
from collector_totals as totals
asof left join repeats
    on
        totals.site_id = repeats.site_id
        and totals.collector = repeats.collector
        and totals.hour + interval 1 hour > repeats.counted_at
