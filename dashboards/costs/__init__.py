"""What the pages of costs show, one module a part: costs, work in process, standard costs.

Belongs here: what a reader chose, asked of history and put into tables, tiles and figures; what
all these pages share (`outline`, `selected`, `ledger`, and `frame`, which the feed pushes). Does
not: layouts and callbacks (`pages`), SQL (`queries`), and what a cost means.
"""
