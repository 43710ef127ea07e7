"""One file a figure: ``fig-snr-match`` is drawn by ``snr_match.draw(results)``."""
