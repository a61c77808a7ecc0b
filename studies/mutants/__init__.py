"""Mutation study of the tests: which seeded faults they catch."""
