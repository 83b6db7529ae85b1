"""Addresses of the POS."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
