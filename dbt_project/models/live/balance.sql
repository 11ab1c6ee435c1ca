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

ranges as (

    {# A committed range with rows that were refused is one batch. #}
    select
        *,
        first_row + row_count as end_row,
        case status
            when 'committed' then row_count - quarantined_row_count
            else 0
        end as committed_rows,
        case status
            when 'committed' then quarantined_row_count
            when 'quarantined' then row_count
            else 0
        end as quarantined_rows,
        case when status = 'declared_lost' then row_count else 0 end as declared_lost_rows
    from {{ ref('stg_batch') }}

),

ledger as (

    select
        *,
        sum(committed_rows) over so_far as all_committed_rows,
        sum(quarantined_rows) over so_far as all_quarantined_rows,
        sum(declared_lost_rows) over so_far as all_declared_lost_rows
    from ranges
    window so_far as (
        partition by site_id, collector, epoch
        order by first_row, first_seq
        rows between unbounded preceding and current row
    )

),

known_at_report as (

    select
        health.site_id,
        health.collector,
        health.epoch,
        health.hour,
        health.accepted_rows,
        health.spool_rows,
        ledger.* exclude (site_id, collector, epoch),
        greatest(ledger.end_row - health.spool_first_row, 0) as rows_beyond
    from hourly_health as health
    asof left join ledger
        on
            health.site_id = ledger.site_id
            and health.collector = ledger.collector
            and health.epoch = ledger.epoch
            and health.spool_first_row > ledger.first_row

),

settled as (

    {# A range of the ledger may reach beyond what the spool had trimmed when it reported. #}
    select
        site_id,
        collector,
        epoch,
        hour,
        accepted_rows,
        spool_rows,
        coalesce(all_committed_rows - least(committed_rows, rows_beyond), 0) as committed_rows,
        coalesce(all_quarantined_rows - least(quarantined_rows, rows_beyond), 0) as quarantined_rows,
        coalesce(all_declared_lost_rows - least(declared_lost_rows, rows_beyond), 0) as declared_lost_rows
    from known_at_report

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
