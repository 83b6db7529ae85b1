"""``/api/v1/``."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from etalase.head_office.api import sync, tokens

urlpatterns = [
    path("token/", tokens.Token.as_view(), name="token"),
    path("token/refresh/", tokens.TokenRefresh.as_view(), name="token-refresh"),
    path("sync/product-photos/", sync.ProductPhotos.as_view(), name="sync-product-photos"),
    path("sync/products/", sync.Products.as_view(), name="sync-products"),
    path("sync/stores/", sync.Stores.as_view(), name="sync-stores"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", metadata_class=None), name="docs"),
]
