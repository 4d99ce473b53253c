"""Vendors as data: who they are, which wires they speak at which paths, how they want the key, what is odd about them."""
