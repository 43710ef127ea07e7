"""Which encoders there are, and how pixels become latents."""
