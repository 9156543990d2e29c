"""Settings from the environment and documents from YAML: every mistake found at once, with its place and cure."""
