"""Full tier: processes, signals, disk faults, browsers, studies and everything that takes long."""

from support.tiers import mark_directory

pytest_collection_modifyitems = mark_directory(__file__, "full")
