"""The door to providers: connections, pools, recordings. The only room that imports httpcore2."""
