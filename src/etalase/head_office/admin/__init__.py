"""Django's admin for companies, stores, products, sales, photos and accounts. Uploads go through ingest.

Pages show the impact on tills before they remove anything; each action checks its own permission.
"""

from etalase.head_office.admin import accounts, audit, names, photos, products, stores

__all__ = ["accounts", "audit", "names", "photos", "products", "stores"]
