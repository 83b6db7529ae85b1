"""Reads the structure of pictures, and decodes them in a process of its own. Shared by head office and the edge."""
