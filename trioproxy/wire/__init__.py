"""Bytes on the wire, as pure code: machines that take bytes or values and return lists. No clock, no sockets."""
