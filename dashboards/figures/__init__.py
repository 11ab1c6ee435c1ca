"""Figures, by their form: what a question of `queries` answered in, figure out.

Belongs here: drawing, one module a form. Where nothing is to be drawn a figure says what is
missing. Does not: asking, and what a number means.
"""
