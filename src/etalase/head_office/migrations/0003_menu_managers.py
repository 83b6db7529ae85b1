"""The group «Menu managers»: dishes, their photos and where they are sold; no accounts, and no store is changed or deleted."""

from typing import Any

from django.db import migrations

GROUP = "Menu managers"
RIGHTS = {
    "product": ("view", "add", "change", "delete"),
    "photo": ("view", "add", "change", "delete"),
    "assortment": ("view", "add", "change", "delete"),
    "store": ("view",),
    "company": ("view",),
}


def make_group(apps: Any, _schema_editor: Any) -> None:
    """Make the group where it is missing. Django makes its permissions after the last migration only, so they are made here."""
    content_types = apps.get_model("contenttypes", "ContentType")
    permissions = apps.get_model("auth", "Permission")
    group, created = apps.get_model("auth", "Group").objects.get_or_create(name=GROUP)
    if not created:
        return
    for model, rights in RIGHTS.items():
        kind, _ = content_types.objects.get_or_create(app_label="head_office", model=model)
        for right in rights:
            name = f"Can {right} {apps.get_model('head_office', model)._meta.verbose_name}"
            permission, _ = permissions.objects.get_or_create(
                content_type=kind, codename=f"{right}_{model}", defaults={"name": name}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("head_office", "0002_feed"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_group, migrations.RunPython.noop)]
