"""One suite a port: subclass it, provide its fixture, and pytest runs every fact against your adapter."""
