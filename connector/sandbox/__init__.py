"""Local stand-ins for the vendors' HTTP APIs and a demo company: one code for `connector sandbox`, demo and tests.

Nothing in production imports this package; the adapters reach a stand-in only because a base URL points at it.
"""
