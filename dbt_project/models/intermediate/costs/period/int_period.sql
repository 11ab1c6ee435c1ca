{#- The accounting periods: those of the business file, and without any the calendar months of the site's time. -#}
with

stated as (

    select
        period_id,
        starts_at,
        ends_at
    from {{ ref('stg_period') }}

),

site as (

    {#- Periods are of the whole company: of several sites the first by name has the clock. #}
    select arg_min(time_zone, site_id) as time_zone
    from {{ ref('stg_equipment') }}
    where level = 'site'

),

months as (

    select
        unnest(
            generate_series(
                date_trunc('month', coalesce(min(observed_date), current_date)) - interval 1 month,
                date_trunc('month', (select max(evaluated_at) from {{ ref('int_run') }})) + interval 1 month,
                interval 1 month
            )
        ) as month_started_at
    from {{ ref('int_day_carry') }}

)

select
    period_id,
    starts_at,
    ends_at
from stated

union all

select
    strftime(months.month_started_at, '%Y-%m') as period_id,
    {{ utc_from_local("site.time_zone", "months.month_started_at") }} as starts_at,
    {{ utc_from_local("site.time_zone", "(months.month_started_at + interval 1 month)") }} as ends_at
from months
cross join site
where not exists (select 1 from stated)
