"""Frozen values and pure rules: no I/O, no clock, no randomness.

Everything above may import this; it imports nothing of the project.
"""
