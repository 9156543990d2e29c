"""What the steps ask of the outside world: small protocols, readers apart from writers."""
