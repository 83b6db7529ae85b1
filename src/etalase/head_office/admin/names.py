"""Names models and fields in the person's language."""

from typing import Any

from django.contrib import admin
from django.db.models import Model

from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.messages import lazy_text
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store

admin.site.site_header = lazy_text("head_office")
admin.site.site_title = "Etalase"
admin.site.index_title = lazy_text("index")
# Names in the person's language. They are set here and not on the models, where they would become part of migrations.
_NAMES: tuple[tuple[type[Model], str, str], ...] = (
    (Company, "company", "companies"),
    (Store, "store", "stores"),
    (Product, "product", "products"),
    (Photo, "photo", "photos"),
    (Assortment, "sale", "sales"),
    (Account, "account", "accounts"),
    (AuditEntry, "audit_entry", "audit"),
)
_FIELDS: tuple[tuple[type[Model], str, str], ...] = (
    (Company, "name", "name"),
    (Store, "company", "company"),
    (Store, "code", "code"),
    (Store, "name", "name"),
    (Store, "region", "region"),
    (Product, "company", "company"),
    (Product, "name", "name"),
    (Product, "category", "category"),
    (Product, "updated_at", "changed"),
    (Product, "stores", "stores"),
    (Photo, "product", "product"),
    (Photo, "is_primary", "primary"),
    (Photo, "sort_order", "sort_order"),
    (Photo, "filename", "file_name"),
    (Photo, "size", "size"),
    (Photo, "version", "version"),
    (Photo, "content_type", "file_type"),
    (Photo, "updated_at", "changed"),
    (Assortment, "store", "store"),
    (Assortment, "product", "product"),
    (Assortment, "updated_at", "changed"),
    (Account, "store", "store"),
    (Account, "companies", "companies"),
    (AuditEntry, "at", "audit_at"),
    (AuditEntry, "username", "audit_person"),
    (AuditEntry, "address", "audit_address"),
    (AuditEntry, "action", "audit_action"),
    (AuditEntry, "object_kind", "audit_kind"),
    (AuditEntry, "object_name", "audit_object"),
    (AuditEntry, "details", "audit_details"),
)
for named, one, many in _NAMES:
    options: Any = named._meta  # noqa: SLF001 - Django's documented way to a model's options
    options.verbose_name, options.verbose_name_plural = lazy_text(one), lazy_text(many)
for named, name, key in _FIELDS:
    named._meta.get_field(name).verbose_name = lazy_text(key)  # type: ignore[union-attr]  # noqa: SLF001
Store._meta.get_field("region").help_text = lazy_text("region_help")  # noqa: SLF001
Account._meta.get_field("companies").help_text = lazy_text("companies_help")  # noqa: SLF001
Store._meta.get_field("code").help_text = lazy_text("code_help")  # noqa: SLF001
Product._meta.get_field("category").help_text = lazy_text("category_help")  # noqa: SLF001
