"""How fast this proxy is next to what it could be at best: processes of its own on the loopback, measured side by side in one run."""
