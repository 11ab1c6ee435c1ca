{#- The moments at which what something costs, or the period that it belongs to, may change. -#}
select valid_from as moment_at
from {{ ref('stg_cost_rate') }}
where valid_from is not null

union

select valid_from as moment_at
from {{ ref('stg_cost_version') }}
where valid_from is not null

union

select unnest([starts_at, ends_at]) as moment_at
from {{ ref('int_period') }}
