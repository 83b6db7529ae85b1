"""The edge's tables: one module for each table, or for two that change together. Nothing else writes to them."""

from etalase.edge.sync.storage import checkpoint as checkpoint
from etalase.edge.sync.storage import damage_marks as damage_marks
from etalase.edge.sync.storage import intents as intents
from etalase.edge.sync.storage import made_renditions as made_renditions
from etalase.edge.sync.storage import orders as orders
from etalase.edge.sync.storage import own_objects as own_objects
from etalase.edge.sync.storage import own_photos as own_photos
from etalase.edge.sync.storage import paging as paging
from etalase.edge.sync.storage import photo_rules as photo_rules
from etalase.edge.sync.storage import photo_trials as photo_trials
from etalase.edge.sync.storage import photo_writes as photo_writes
from etalase.edge.sync.storage import photos as photos
from etalase.edge.sync.storage import products as products
from etalase.edge.sync.storage import reclaims as reclaims
from etalase.edge.sync.storage import removals as removals
from etalase.edge.sync.storage import removed_rows as removed_rows
from etalase.edge.sync.storage import rendition_counts as rendition_counts
from etalase.edge.sync.storage import renditions as renditions
from etalase.edge.sync.storage import report_facts as report_facts
from etalase.edge.sync.storage import report_state as report_state
from etalase.edge.sync.storage import retry_list as retry_list
from etalase.edge.sync.storage import runs as runs
from etalase.edge.sync.storage import saved_renditions as saved_renditions
from etalase.edge.sync.storage import savepoints as savepoints
from etalase.edge.sync.storage import state_repair as state_repair
