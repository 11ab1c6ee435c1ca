"""What the overview shows: above, what happens now, and below, what the chosen period was like.

Belongs here: `board`, which the feed pushes, and `review`, which is asked of history. Does not:
layout and callbacks (`pages`), and what other pages show too.
"""
