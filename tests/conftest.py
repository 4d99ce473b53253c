"""What every test shares: how hypothesis works here."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No deadlines: the machine is shared and nothing here asserts times. In CI the examples are the same in every run; elsewhere they differ.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("house"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "house")
