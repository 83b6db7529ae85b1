"""The paths of head office's API that the edge requests."""

TOKEN_PATH = "/api/v1/token/"  # noqa: S105 - an address, no password
REFRESH_PATH = "/api/v1/token/refresh/"
PHOTOS_PATH = "/api/v1/sync/product-photos/"
PRODUCTS_PATH = "/api/v1/sync/products/"
