"""Product photos, from a head office to the edge server in each of its stores, and on to the POS screens."""
