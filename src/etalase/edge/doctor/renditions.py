"""Says who makes the small pictures of this store. Never a fault: without them the tills show the photos."""

from ctypes.util import find_library
from importlib.util import find_spec

from etalase.edge.sync.rendition_making import missing_hint
from etalase.settings.edge import EdgeSettings

MADE_BY = {
    "auto": "head office's where it offers them, otherwise made here",
    "head-office": "head office's alone",
    "edge": "made here",
    "off": "none",
}


def renditions(settings: EdgeSettings) -> str:
    """Returns who makes them, and what to install where this machine cannot."""
    makers = f"{MADE_BY[settings.RENDITIONS]} (ETALASE_RENDITIONS={settings.RENDITIONS})"
    if settings.RENDITIONS in {"auto", "edge"} and not _has_libvips():
        return f"{makers}; libvips is not on this machine, so that none are made here: {missing_hint()}"
    return makers


def _has_libvips() -> bool:
    """Returns whether pyvips is installed with a libvips, its own or the machine's."""
    return find_spec("pyvips") is not None and (find_spec("_libvips") is not None or find_library("vips") is not None)
