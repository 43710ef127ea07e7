"""Two renderers of the same pages: ``quarto`` drives Quarto, ``builtin`` does without it."""
