"""Names the scheduled tasks, by their own names and the guide's as aliases, and the standalone queue. Loads without Celery."""

OWN_PREFIX, GUIDE_PREFIX = "etalase.edge.tasks", "sync_api.tasks"
_FUNCTIONS = ("sync_product_photos", "sync_product_photos_full")
GUIDE_TASKS = frozenset(f"{GUIDE_PREFIX}.{name}" for name in _FUNCTIONS)
OUR_TASKS = GUIDE_TASKS | {f"{OWN_PREFIX}.{name}" for name in _FUNCTIONS}
QUEUE = "etalase"
