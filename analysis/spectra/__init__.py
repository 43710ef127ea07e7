"""How a spectrum is estimated: windows, periodograms, rings, bands, fits."""
