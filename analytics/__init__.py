"""What the measurements mean: pure functions over nouns and arrays."""
