{#- Time booked on operations, split so that no second of a worker is paid twice: what a worker booked twice on one
    operation counts once, and who tends several operations at a time divides the time between them. To work, to examine
    and to prevent are tended each, whatever a route says: else the route of one order would change the shares of others.
    What `quality_cost_category` names is no work of the order: to examine it where its route plans no inspection, or to
    prevent failures. -#}
with

bookings as (

    select
        bookings.production_order_id,
        bookings.operation_id,
        bookings.worker_id,
        coalesce(bookings.cost_category_id, '{{ var("labour_cost_category") }}') as cost_category_id,
        case when bookings.kind = 'setup' then 'setup_time' else 'run_time' end as driver,
        case when bookings.kind in ('inspection', 'prevention') then bookings.kind else 'work' end as activity,
        bookings.started_at,
        least(coalesce(bookings.finished_at, run.evaluated_at), run.evaluated_at) as ended_at
    from {{ ref('stg_labour_booking') }} as bookings
    cross join {{ ref('int_run') }} as run
    where bookings.started_at < run.evaluated_at

),

cuts as (

    {#- Where anything of the worker begins or ends, and where a cost or the period changes. #}
    select worker_id, started_at as cut_at from bookings
    union
    select worker_id, ended_at as cut_at from bookings
    union
    select
        bookings.worker_id,
        moments.moment_at as cut_at
    from bookings
    inner join {{ ref('int_cost_moment') }} as moments
        on
            bookings.started_at < moments.moment_at
            and bookings.ended_at > moments.moment_at

),

pieces as (

    select
        worker_id,
        cut_at as started_at,
        lead(cut_at) over (
            partition by worker_id
            order by cut_at
        ) as ended_at
    from cuts

),

tended as (

    {#- Of several bookings of a worker on one operation at a time the setup counts, then the first category. #}
    select
        bookings.production_order_id,
        bookings.operation_id,
        bookings.activity,
        bookings.worker_id,
        pieces.started_at,
        pieces.ended_at,
        min(bookings.cost_category_id) as cost_category_id,
        max(bookings.driver) as driver
    from bookings
    inner join pieces
        on
            bookings.worker_id = pieces.worker_id
            and bookings.started_at < pieces.ended_at
            and bookings.ended_at > pieces.started_at
    group by
        bookings.production_order_id, bookings.operation_id, bookings.activity, bookings.worker_id,
        pieces.started_at, pieces.ended_at

),

shares as (

    {#- Whole microseconds: what does not divide goes to the first. #}
    select
        *,
        {{ microseconds_between('started_at', 'ended_at') }} as length_us,
        count(*) over (partition by worker_id, started_at) as shares_tended,
        row_number() over (
            partition by worker_id, started_at
            order by production_order_id, operation_id, activity
        ) as place
    from tended

)

select
    shares.production_order_id,
    shares.operation_id,
    shares.worker_id,
    shares.cost_category_id,
    shares.driver,
    case
        when shares.activity = 'prevention' then 'prevention'
        when shares.activity = 'inspection' and inspections.operation_id is null then 'appraisal'
    end as quality_cost_category,
    shares.started_at,
    shares.ended_at,
    {{ seconds(
        'shares.length_us // shares.shares_tended'
        ' + case when shares.place <= shares.length_us % shares.shares_tended then 1 else 0 end'
    ) }} as used_s
from shares
left join {{ ref('int_inspection_operation') }} as inspections
    on
        shares.production_order_id = inspections.production_order_id
        and shares.operation_id = inspections.operation_id
