"""``/api/v1/``."""

import threading
from typing import Any

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from etalase.head_office.api import sync, tokens

_generating = threading.Lock()


class Schema(SpectacularAPIView):
    """The OpenAPI document. At the first request drf-spectacular imports its extensions, which two threads must not at once."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """The document."""
        with _generating:
            return super().dispatch(request, *args, **kwargs)


urlpatterns = [
    path("token/", tokens.Token.as_view(), name="token"),
    path("token/refresh/", tokens.TokenRefresh.as_view(), name="token-refresh"),
    path("sync/product-photos/", sync.ProductPhotos.as_view(), name="sync-product-photos"),
    path("sync/products/", sync.Products.as_view(), name="sync-products"),
    path("sync/stores/", sync.Stores.as_view(), name="sync-stores"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", metadata_class=None), name="docs"),
]
