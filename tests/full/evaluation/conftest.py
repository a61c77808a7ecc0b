"""Full tier; neutral: nothing here depends on the backend."""

from support.tiers import mark_directory

pytest_collection_modifyitems = mark_directory(__file__, "neutral")
