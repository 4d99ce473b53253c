"""The file a user writes: read with every problem at once, resolved to one frozen snapshot, swapped whole."""
