"""Every SQL statement of the pages, one function per question; values are bound.

Belongs here: selecting, filtering and summing what marts hold. `live` reads the head of the lake,
every other module the marts as last published; lists of rows are of the classes beside their
question, what a figure draws is a frame. Does not: what a number means. No KPI and no cost is
computed here: ratios are columns of the marts, also of lines and of the site.

Times are UTC without a zone, `_s` is seconds, ratios are 0 to 1. Amounts are decimals in the
currency asked for; of a variance positive is unfavourable.
"""
