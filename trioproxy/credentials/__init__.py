"""Which key may be used now."""
