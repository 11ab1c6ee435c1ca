{% macro get_incremental_folded_sql(arguments) -%}
    {#- Replaces the rows whose keys come again. #}
    {%- set target = arguments.target_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
    delete from {{ target }} as known
    where exists (
        select 1 from {{ arguments.temp_relation }} as folded
        where {% for key in arguments.unique_key %}{{ 'and ' if not loop.first }}folded.{{ key }} = known.{{ key }} {% endfor %}
    );
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ arguments.temp_relation }};
{%- endmacro %}

{% macro get_incremental_affected_days_sql(arguments) -%}
    {#- Replaces every row of the affected (work unit, production day) pairs, also by nothing. #}
    {%- set target = arguments.target_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
    delete from {{ target }} as known
    where exists (
        select 1 from {{ ref('int_affected_day') }} as day
        where
            day.site_id = known.site_id
            and day.work_unit_id = known.work_unit_id
            and day.production_date = known.production_date
    );
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ arguments.temp_relation }};
{%- endmacro %}

{% macro get_incremental_touched_days_sql(arguments) -%}
    {#- As affected_days, and every row of the other days that were computed anew. #}
    {%- set target = arguments.target_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
    delete from {{ target }} as known
    where
        exists (
            select 1 from {{ ref('int_affected_day') }} as day
            where
                day.site_id = known.site_id
                and day.work_unit_id = known.work_unit_id
                and day.production_date = known.production_date
        )
        or exists (
            select 1 from {{ arguments.temp_relation }} as computed
            where
                computed.site_id = known.site_id
                and computed.work_unit_id = known.work_unit_id
                and computed.production_date = known.production_date
        );
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ arguments.temp_relation }};
{%- endmacro %}

{% macro get_incremental_touched_spans_sql(arguments) -%}
    {#- Replaces the rows that touch a span of int_affected_day in time; the new rows contain what stays. #}
    {%- set target = arguments.target_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
    delete from {{ target }} as known
    where
        {{ touches_affected_day('known') }}
        or exists (
            select 1 from {{ arguments.temp_relation }} as computed
            where
                computed.site_id = known.site_id
                and computed.work_unit_id = known.work_unit_id
                and computed.started_at = known.started_at
        );
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ arguments.temp_relation }};
{%- endmacro %}

{% macro touched_spans() -%}
    {#- What of the time of work units a model of wholes computes anew: the affected days, and the wholes that reach into
        them. #}
    select
        site_id,
        work_unit_id,
        started_at,
        ended_at
    from {{ ref('int_affected_day') }}

    {% if is_incremental() -%}
    union all

    select
        known.site_id,
        known.work_unit_id,
        known.whole_started_at as started_at,
        coalesce(known.whole_ended_at, timestamp 'infinity') as ended_at
    from {{ this }} as known
    where {{ touches_affected_day('known') }}
    {%- endif %}
{%- endmacro %}

{% macro touches_affected_day(known) -%}
    {#- By the whole of what was cut into `known`; also what began in a part of the day that the calendar has no more. #}
    exists (
        select 1 from {{ ref('int_affected_day') }} as day
        where
            day.site_id = {{ known }}.site_id
            and day.work_unit_id = {{ known }}.work_unit_id
            and (
                {{ known }}.whole_started_at <= day.ended_at
                and coalesce({{ known }}.whole_ended_at, timestamp 'infinity') >= day.started_at
                or {{ known }}.production_date = day.production_date
            )
    )
{%- endmacro %}

{% macro get_incremental_changed_orders_sql(arguments) -%}
    {#- Replaces every row of the orders that this run costs anew, also by nothing. #}
    {%- set target = arguments.target_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
    delete from {{ target }} as known
    where exists (
        select 1 from {{ ref('int_changed_order') }} as changed
        where changed.production_order_id = known.production_order_id
    );
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ arguments.temp_relation }};
{%- endmacro %}

{% macro get_incremental_replaced_sql(arguments) -%}
    {#- Replaces all rows, or in a refresh that is not full does nothing when they are the same. -#}
    {%- set target = arguments.target_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
    {%- set ours = 'select ' ~ columns ~ ' from ' ~ target -%}
    {%- set new = 'select ' ~ columns ~ ' from ' ~ arguments.temp_relation -%}
    {%- set is_same = is_incremental() and not run_query(
        '(' ~ ours ~ ' except all ' ~ new ~ ') union all (' ~ new ~ ' except all ' ~ ours ~ ') limit 1'
    ).rows -%}
    {%- if is_same -%}
    select 'unchanged'
    {%- else -%}
    delete from {{ target }};
    insert into {{ target }} ({{ columns }}) {{ new }};
    {%- endif -%}
{%- endmacro %}

{% macro get_incremental_since_publication_sql(arguments) -%}
    {#- Adds rows; those of the same days that a run since the same publication has added are replaced. #}
    {%- set target = arguments.target_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='name') | join(', ') -%}
    delete from {{ target }} as known
    where
        known.published_snapshot_id = {{ published_snapshot_id() }}
        and exists (
            select 1 from {{ ref('int_affected_day') }} as day
            where
                day.site_id = known.site_id
                and day.work_unit_id = known.work_unit_id
                and day.production_date = known.production_date
        );
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ arguments.temp_relation }};
{%- endmacro %}
