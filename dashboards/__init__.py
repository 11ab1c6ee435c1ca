"""The pages people look at: live over a WebSocket, history at the last published snapshot.

Belongs here: asking the lake (`queries`), drawing (`figures`, `components`) and pushing (`live`).
Does not: what a number means. Every KPI is computed in `dbt_project`; pages only show it.
"""
