"""WebSocket (RFC 6455) over a stream, at either end of it. Knows: handshakes, frames, closing. Refuses to know: what is said."""
