"""Full tier: processes, signals, disk faults, browsers, studies and slow tests."""

from support.tiers import mark_directory

pytest_collection_modifyitems = mark_directory(__file__, "full")
