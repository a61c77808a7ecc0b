"""Helpers for several test files: small networks, small data, other processes, test tiers."""
