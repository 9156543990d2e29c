"""What ships for tests: contracts that every adapter of a port passes, ours and anybody's."""
