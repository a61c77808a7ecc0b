"""Helpers for several test files: small networks, small data, other processes, test tiers."""

import pytest

pytest.register_assert_rewrite("support.lstm_runs")  # so that its comparison says what differs
