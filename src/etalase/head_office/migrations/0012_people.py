"""The people of head office: their companies, and the groups of operators, menu managers, auditors and admins."""

from typing import Any, Final

from django.db import migrations, models

EVERYTHING: Final = ("view", "add", "change", "delete")
MENU: Final = ("company", "store", "product", "photo", "assortment")
# Menu managers have their group since migration 0003.
RIGHTS: Final[dict[str, dict[tuple[str, str], tuple[str, ...]]]] = {
    "Operators": {("head_office", model): ("view",) for model in MENU},
    "Auditors": {("head_office", model): ("view",) for model in MENU},
    "Admins": {
        **{("head_office", model): EVERYTHING for model in (*MENU, "account")},
        ("axes", "accessattempt"): ("view", "delete"),
    },
}


def make_groups(apps: Any, _schema_editor: Any) -> None:
    """Makes missing groups with their permissions, which Django itself makes after the last migration only."""
    for name, rights in RIGHTS.items():
        group, created = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        if created:
            for place, verbs in rights.items():
                grant(apps, group, place, verbs)


def grant(apps: Any, group: Any, place: tuple[str, str], verbs: tuple[str, ...]) -> None:
    """Gives the group the permissions ``verbs`` for the model ``place``: its app's label and its name."""
    app_label, model = place
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app_label, model=model)
    for verb in verbs:
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=kind, codename=f"{verb}_{model}", defaults={"name": f"Can {verb} {model}"}
        )
        group.permissions.add(permission)


def keep_what_staff_see(apps: Any, _schema_editor: Any) -> None:
    """Gives every present company to the staff that are there: they see all of them until now."""
    companies = list(apps.get_model("head_office", "Company").objects.values_list("id", flat=True))
    for account in apps.get_model("head_office", "Account").objects.filter(is_staff=True, is_superuser=False):
        account.companies.set(companies)


class Migration(migrations.Migration):
    dependencies = [
        ("head_office", "0011_challenges"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="companies",
            field=models.ManyToManyField(
                blank=True,
                help_text="What a person at head office sees. Empty: nothing; an admin sees every company.",
                to="head_office.company",
            ),
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
        migrations.RunPython(keep_what_staff_see, migrations.RunPython.noop),
    ]
