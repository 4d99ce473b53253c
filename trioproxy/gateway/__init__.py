"""One request's life: admitted, routed, attempted, relayed, settled."""
