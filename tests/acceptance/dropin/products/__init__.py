"""The customer's products."""
