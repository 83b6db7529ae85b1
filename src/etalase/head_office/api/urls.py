"""Defines the URLs below ``/api/v1/``, and serves the OpenAPI document."""

import threading
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import path
from django.utils.encoding import force_bytes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

from etalase.head_office.api import fleet, joining, orders, reports, tokens, views

_rendering = threading.Lock()


class Schema(SpectacularAPIView):
    """The OpenAPI document, the same for everybody, rendered once per format.

    Ignores the query: drf-spectacular would copy ``version`` from it into a response header.
    """

    rendered: ClassVar[dict[str, bytes]] = {}

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Returns the document in the requested format."""
        renderer = request.accepted_renderer
        form = type(renderer).__name__
        # Two threads must not import drf-spectacular's extensions at once.
        with _rendering:
            if form not in self.rendered:
                generator: Any = self.generator_class()
                self.rendered[form] = force_bytes(renderer.render(generator.get_schema(public=True), renderer_context={}))
        disposition = f'inline; filename="etalase-head-office.{renderer.format}"'
        return HttpResponse(self.rendered[form], content_type=renderer.media_type, headers={"Content-Disposition": disposition})


urlpatterns = [
    path("token/", tokens.Token.as_view(), name="token"),
    path("token/refresh/", tokens.TokenRefresh.as_view(), name="token-refresh"),
    path("join/", joining.Join.as_view(), name="join"),
    path("sync/product-photos/", views.ProductPhotos.as_view(), name="sync-product-photos"),
    path("sync/products/", views.Products.as_view(), name="sync-products"),
    path("sync/report/", reports.StoreReports.as_view(), name="sync-report"),
    path("sync/stores/", views.Stores.as_view(), name="sync-stores"),
    path("fleet/stores/", fleet.FleetStores.as_view(), name="fleet-stores"),
    path("fleet/stores/<uuid:store_id>/", fleet.FleetStore.as_view(), name="fleet-store"),
    path("fleet/photos/<uuid:photo_id>/", fleet.FleetPhoto.as_view(), name="fleet-photo"),
    path("fleet/coverage/", fleet.FleetCoverage.as_view(), name="fleet-coverage"),
    path("fleet/incidents/", fleet.FleetIncidents.as_view(), name="fleet-incidents"),
    path("fleet/orders/", orders.Orders.as_view(), name="fleet-orders"),
    path("fleet/orders/<uuid:order_id>/", orders.OneOrder.as_view(), name="fleet-order"),
    path("fleet/orders/<uuid:order_id>/cancel/", orders.CancelledOrder.as_view(), name="fleet-order-cancel"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema", metadata_class=None), name="docs"),
]
