"""The same Quarto pages, rendered without Quarto.

In the order in which a page flows through: ``project`` (what ``_quarto.yml`` and the front matter
may say) -> ``page`` (a file becomes prose and cells; **its docstring is the table of what a page
may contain**) -> ``kernel`` (the cells run, once) -> ``markdown`` (prose and results become one
text) -> ``pandoc`` (with ``subset.lua``, ``number.lua`` and ``output.lua``) -> ``html`` and
``pdf``. ``site`` is the composer.

Anything outside the written subset is an error with its file and line, never passed through: a
page that renders here means the same in Quarto.
"""
