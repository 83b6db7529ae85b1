class Photos:
    """Sends the photos to a database of their own, for a check."""

    def db_for_write(self, model, **hints):
        return "photos" if model._meta.db_table == "product_photo" else None
