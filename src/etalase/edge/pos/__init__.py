"""The POS: an API that names each product's photo, and the page that shows them. Reads rows only (hazard 45)."""
