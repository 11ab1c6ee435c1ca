"""What people say of stops and counts, on the page of stops and by `takt stops` and `takt counts`.

Belongs here: which stop or count is meant, what may be said of it and what was said already; the
list of stops that wait. Does not: how an entry travels (`edge.terminal`), and what it does to a
figure.
"""
