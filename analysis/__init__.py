"""Latent spectra of images, and the time-step shift that equal signal-to-noise asks for."""
