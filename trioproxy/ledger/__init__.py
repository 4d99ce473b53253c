"""What each exchange came to."""
