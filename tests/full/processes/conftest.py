"""Full tier, torch only."""

from support.tiers import mark_directory

pytest_collection_modifyitems = mark_directory(__file__, "neutral")
