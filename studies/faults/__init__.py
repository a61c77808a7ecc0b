"""Faults done to runs on purpose, and what is left of the runs afterwards."""
