"""Long runs: providers that fail in every way, and what becomes of the requests."""
