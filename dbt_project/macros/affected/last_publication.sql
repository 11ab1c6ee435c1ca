{% macro published_snapshot_id() -%}
    {#- The lake's snapshot whose marts people see, while it is kept; else -1. -#}
    {%- if execute and adapter.get_relation('lake', 'pipeline', 'publication') -%}
        {%- set found = run_query(
            'select coalesce(max(publication.snapshot_id), -1) from lake.pipeline.publication as publication'
            " semi join ducklake_snapshots('lake') as kept on publication.snapshot_id = kept.snapshot_id"
        ) -%}
        {{ found.rows[0][0] }}
    {%- else -%}
        -1
    {%- endif -%}
{%- endmacro %}

{% macro as_published(mart, snapshot_id) -%}
    {#- The mart as people see it; as it is now when nothing is published. -#}
    (select * from {{ mart }}{% if snapshot_id | int >= 0 %} at (version => {{ snapshot_id }}){% endif %})
{%- endmacro %}

{% macro cause_of_restatement(causes) -%}
    {#- Of a full rebuild everything has arrived since: nobody can say what changed a figure. -#}
    {%- if flags.FULL_REFRESH -%}
        'rebuild'
    {%- else -%}
        coalesce(nullif(array_to_string({{ causes }}, ', '), ''), 'rebuild')
    {%- endif -%}
{%- endmacro %}
