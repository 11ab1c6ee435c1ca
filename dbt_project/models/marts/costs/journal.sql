{#- The postings as entries of a general ledger: each debits one account and credits another, so every period
    balances. A negative amount changes sides. -#}
{{ config(incremental_strategy='changed_orders') }}
with

postings as (

    select
        postings.*,
        coalesce(
            maps.debit_account,
            case when postings.measure in ('material', 'conversion', 'overhead', 'subcontract') then 'wip' end,
            postings.measure
        ) as debit_account,
        coalesce(
            maps.credit_account,
            case when postings.measure not in ('material', 'conversion', 'overhead', 'subcontract') then 'wip' end,
            postings.measure
        ) as credit_account
    from {{ of_changed_orders('period_posting') }} as postings
    left join {{ ref('stg_account_map') }} as maps
        on
            postings.measure = maps.measure
            and coalesce(maps.cost_group_id, postings.cost_group_id) = postings.cost_group_id
    qualify
        row_number() over (
            partition by
                postings.period_id, postings.origin_period_id, postings.production_order_id, postings.cost_group_id,
                postings.measure, postings.is_posted
            order by maps.cost_group_id is null asc
        ) = 1

)

{% for side, other in [('debit', 'credit'), ('credit', 'debit')] -%}
select
    period_id,
    origin_period_id,
    production_order_id,
    cost_group_id,
    measure,
    {{ side }}_account as account,
    {{ cents('greatest(amount, 0)' if side == 'debit' else 'greatest(-amount, 0)') }} as debit_amount,
    {{ cents('greatest(-amount, 0)' if side == 'debit' else 'greatest(amount, 0)') }} as credit_amount,
    currency,
    is_adjustment,
    is_posted
from postings
{{ 'union all' if not loop.last }}
{% endfor %}
