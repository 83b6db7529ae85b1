"""Defines the URLs below ``/fleet/``."""

from django.urls import path

from etalase.head_office.fleet_pages import access, exports, orders, views

urlpatterns = [
    path("", views.stores, name="fleet"),
    path("login/", access.FleetLogin.as_view(), name="fleet-login"),
    path("logout/", access.FleetLogout.as_view(), name="fleet-logout"),
    path("stores.csv", exports.stores_csv, name="fleet-csv"),
    path("stores.json", exports.stores_json, name="fleet-json"),
    path("stores/<uuid:store_id>/", views.store, name="fleet-page-store"),
    path("stores/<uuid:store_id>/orders/", orders.give, name="fleet-page-order"),
    path("orders/<uuid:order_id>/stop/", orders.stop, name="fleet-page-stop"),
    path("photos/", views.photos, name="fleet-photos"),
    path("photos/<uuid:photo_id>/", views.photo, name="fleet-page-photo"),
]
