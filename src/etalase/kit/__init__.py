"""Sets up a bare machine: ``etalase edge init`` and ``remove``, and the same for head office."""
