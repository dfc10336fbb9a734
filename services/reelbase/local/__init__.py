"""The embedded stack: a development stand-in for the platform, on this machine alone.

The services never import it; it exists for newcomers, tests and CI.
"""
