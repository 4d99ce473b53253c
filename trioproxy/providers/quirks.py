QUIRKS: dict[str, object] = {"system-to-instructions": 1, "fill-anthropic-answer": 1}
