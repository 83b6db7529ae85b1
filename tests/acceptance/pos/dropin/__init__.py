"""Another customer's Django project that uses the edge, with its own products."""
