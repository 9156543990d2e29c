"""Expansion connector: billing → opportunities → CRM."""
