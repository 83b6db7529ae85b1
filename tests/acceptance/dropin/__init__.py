"""A customer's Django project that uses the edge, with its own product and photo models as in the guide."""
