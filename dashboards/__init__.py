"""The pages people look at: live over a WebSocket, history at the last published snapshot.

Belongs here: asking the lake (`queries`, a module a subject), drawing (`figures`, a module a form,
and `components`), pushing (`live`), the pages (`pages`, a module a page) and what they show
(`overview`, `stops` and `costs`; what these share stands beside them).
Does not: what a number means. Every KPI is computed in `dbt_project`; pages only show it.
"""
