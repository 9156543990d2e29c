"""Ibis expressions and models: built here, executed elsewhere. No connection is opened below `adapters`."""
