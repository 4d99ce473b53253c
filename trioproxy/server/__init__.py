"""The door to clients: sockets in, exchanges out. The only room that imports h11."""
