"""The vocabulary in the middle: what a conversation, an answer and a stream *are*, in no protocol's words."""
