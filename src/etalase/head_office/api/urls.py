"""``/api/v1/``."""

import threading
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.encoding import force_bytes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from etalase.head_office.api import tokens, views

_making = threading.Lock()
_made: dict[str, bytes] = {}


class Schema(SpectacularAPIView):
    """The OpenAPI document. It is the same for everybody, so that it is made once in each of its forms.

    Nothing of the query is in it: drf-spectacular would put ``version`` into a header of the answer.
    """

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The document in the form asked for. Two threads must not import drf-spectacular's extensions at once."""
        renderer = request.accepted_renderer
        form = type(renderer).__name__
        with _making:
            if form not in _made:
                generator: Any = self.generator_class()
                _made[form] = force_bytes(renderer.render(generator.get_schema(public=True), renderer_context={}))
        disposition = f'inline; filename="etalase-head-office.{renderer.format}"'
        return HttpResponse(_made[form], content_type=renderer.media_type, headers={"Content-Disposition": disposition})


urlpatterns = [
    path("token/", tokens.Token.as_view(), name="token"),
    path("token/refresh/", tokens.TokenRefresh.as_view(), name="token-refresh"),
    path("sync/product-photos/", views.ProductPhotos.as_view(), name="sync-product-photos"),
    path("sync/products/", views.Products.as_view(), name="sync-products"),
    path("sync/stores/", views.Stores.as_view(), name="sync-stores"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", metadata_class=None), name="docs"),
]
