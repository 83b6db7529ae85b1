"""A customer's Django project that takes the edge in: products and photos of its own, the guide's way."""
