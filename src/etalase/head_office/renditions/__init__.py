"""Makes the renditions of photos at head office (ADR 0030)."""
