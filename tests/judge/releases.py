"""Releases of Prometheus, as tuples of numbers."""

# Of what the main branch has, and no release yet.
NEVER_RELEASED = (99, 0, 0)
