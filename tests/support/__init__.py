"""Test helpers: small networks, small data, processes, short runs, test tiers."""

import pytest

pytest.register_assert_rewrite("support.lstm_runs")  # so that its assertions show the difference
