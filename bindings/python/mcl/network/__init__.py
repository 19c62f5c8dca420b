"""Broadcasters and listeners."""
