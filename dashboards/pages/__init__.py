"""One module a page: a title, a layout and callbacks of one line."""
