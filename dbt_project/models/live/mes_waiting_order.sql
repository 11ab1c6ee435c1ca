{#- Orders of which messages of the MES are not taken in: what their costs do not know yet. #}
with

decided as (

    select
        mes_message_id,
        outcome,
        detail
    from {{ ref('stg_mes_outcome') }}
    qualify row_number() over (partition by mes_message_id order by decided_at desc, tries desc) = 1

),

waiting as (

    select
        messages.production_order_id,
        messages.received_at,
        decided.outcome,
        decided.detail
    from {{ ref('stg_mes_message') }} as messages
    left join decided
        on messages.mes_message_id = decided.mes_message_id
    where decided.outcome is null or decided.outcome not in ('applied', 'dropped')

)

select
    production_order_id,
    count(*) as waiting_messages,
    count(*) filter (where outcome = 'dead') as dead_letters,
    min(received_at) as first_received_at,
    arg_min(detail, received_at) filter (where outcome is not null) as detail
from waiting
group by production_order_id
