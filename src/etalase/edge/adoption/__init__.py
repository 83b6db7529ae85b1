"""Adopts an edge that another program has filled, such as the guide's sample code: looks, asks, records (docs/adr/0023)."""
