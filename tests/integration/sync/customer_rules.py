"""Rules that a customer may add to ``product_photo``: constraints, triggers, keys, columns."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

FORBIDDEN = "terlarang"


@dataclass(frozen=True)
class Rule:
    """DDL that adds a rule and DDL that drops it. ``named`` is the part of the detail that names it."""

    add: str
    drop: str
    named: str

    def __str__(self) -> str:
        return self.named.replace(" ", "-")


def trigger(name: str, body: str, *, when: str = "BEFORE INSERT OR UPDATE", kind: str = "TRIGGER") -> Rule:
    """Returns a trigger for each row, whose function has this body."""
    return Rule(
        f"CREATE FUNCTION f_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
        f" CREATE {kind} {name} {when} ON product_photo {'DEFERRABLE INITIALLY DEFERRED' if 'CONSTRAINT' in kind else ''}"
        f" FOR EACH ROW EXECUTE FUNCTION f_{name}()",
        f"DROP TRIGGER {name} ON product_photo; DROP FUNCTION f_{name}()",
        f"trigger {name}",
    )


def constraint(name: str, body: str) -> Rule:
    """Returns a constraint of the table."""
    return Rule(
        f"ALTER TABLE product_photo ADD CONSTRAINT {name} {body}",
        f"ALTER TABLE product_photo DROP CONSTRAINT {name}",
        f"constraint {name}",
    )


IS_FORBIDDEN = f"NEW.filename LIKE '{FORBIDDEN}%'"
# Each refuses a photo whose file name begins with the forbidden word, and a second photo of a product with the same order.
REFUSING = [
    constraint("no_forbidden", f"CHECK (filename NOT LIKE '{FORBIDDEN}%')"),
    constraint("one_order", "UNIQUE (product_id, sort_order)"),
    constraint("one_order_deferred", "UNIQUE (product_id, sort_order) DEFERRABLE INITIALLY DEFERRED"),
    constraint("one_file", "EXCLUDE (filename WITH =) WHERE (sort_order > 0)"),
    Rule("CREATE UNIQUE INDEX one_name ON product_photo (lower(filename))", "DROP INDEX one_name", "constraint one_name"),
    Rule(
        "ALTER TABLE product_photo ALTER filename TYPE varchar(20)",
        "ALTER TABLE product_photo ALTER filename TYPE varchar(255)",
        "column filename character varying(20)",
    ),
    Rule(
        "ALTER TABLE product_photo ALTER size TYPE smallint",
        "ALTER TABLE product_photo ALTER size TYPE integer",
        "column size smallint",
    ),
    Rule(
        f"ALTER TABLE product_photo ADD share int GENERATED ALWAYS AS (1 / CASE WHEN filename LIKE '{FORBIDDEN}%'"
        " THEN 0 ELSE 1 END) STORED",
        "ALTER TABLE product_photo DROP share",
        "division by zero",
    ),
    Rule(
        f"CREATE DOMAIN kind AS varchar(255) CONSTRAINT no_bad_kind CHECK (VALUE NOT LIKE '{FORBIDDEN}%');"
        " ALTER TABLE product_photo ALTER filename TYPE kind",
        "ALTER TABLE product_photo ALTER filename TYPE varchar(255); DROP DOMAIN kind",
        "constraint no_bad_kind",
    ),
    trigger("guard", f"IF {IS_FORBIDDEN} THEN RAISE 'not this one'; END IF; RETURN NEW;"),
    trigger("guard_after", f"IF {IS_FORBIDDEN} THEN RAISE 'not this one'; END IF; RETURN NULL;", when="AFTER INSERT OR UPDATE"),
    trigger("odd_state", f"IF {IS_FORBIDDEN} THEN RAISE 'no' USING ERRCODE = 'ET001'; END IF; RETURN NEW;"),
    trigger("as_privilege", f"IF {IS_FORBIDDEN} THEN RAISE 'no' USING ERRCODE = '42501'; END IF; RETURN NEW;"),
    trigger(
        "at_commit",
        f"IF {IS_FORBIDDEN} THEN RAISE 'not this one'; END IF; RETURN NULL;",
        when="AFTER INSERT OR UPDATE",
        kind="CONSTRAINT TRIGGER",
    ),
    trigger("swallows", f"IF {IS_FORBIDDEN} THEN RETURN NULL; END IF; RETURN NEW;"),
    trigger("other_key", f"IF {IS_FORBIDDEN} THEN NEW.object_key = 'products/elsewhere.jpg'; END IF; RETURN NEW;"),
    trigger("other_checksum", f"IF {IS_FORBIDDEN} THEN NEW.checksum = upper(NEW.checksum); END IF; RETURN NEW;"),
]
# Codes with which PostgreSQL itself reports locks, limits, shutdown, disk, damage and lost connections
FOREIGN_STATES = [
    trigger(f"as_{state.lower()}", f"IF {IS_FORBIDDEN} THEN RAISE 'no' USING ERRCODE = '{state}'; END IF; RETURN NEW;")
    for state in ("55P03", "57014", "40001", "40P01", "25006", "53100", "08006", "57P01", "58030", "XX000", "XX001")
]
REFUSING += FOREIGN_STATES
# One of each way to refuse: a check, at the commit, a narrow column, a trigger, a row that is not there, another value.
DAILY_REFUSING = [REFUSING[0], REFUSING[2], REFUSING[5], REFUSING[9], *REFUSING[13:16], FOREIGN_STATES[0]]
# Lets each row in, in another form where it's not essential.
CHANGING = trigger("tidies", f"IF {IS_FORBIDDEN} THEN NEW.filename = 'tidy.jpg'; END IF; RETURN NEW;")
NEEDS_A_VALUE = Rule(
    "ALTER TABLE product_photo ADD caption text NOT NULL DEFAULT ''; ALTER TABLE product_photo ALTER caption DROP DEFAULT",
    "ALTER TABLE product_photo DROP caption",
    "column caption",
)
# Each blocks the deletion of the photo that the banner shows.
_BANNER = "CREATE TABLE promo_banner (id serial PRIMARY KEY, photo_id uuid REFERENCES product_photo (id) {})"
BLOCKING = [
    Rule(_BANNER.format(""), "DROP TABLE promo_banner", "constraint promo_banner_photo_id_fkey of promo_banner"),
    Rule(
        _BANNER.format("DEFERRABLE INITIALLY DEFERRED"),
        "DROP TABLE promo_banner",
        "constraint promo_banner_photo_id_fkey of promo_banner",
    ),
    Rule(
        _BANNER.format("ON DELETE RESTRICT"), "DROP TABLE promo_banner", "constraint promo_banner_photo_id_fkey of promo_banner"
    ),
    trigger("stays", "IF OLD.is_primary THEN RAISE 'it stays'; END IF; RETURN OLD;", when="BEFORE DELETE"),
    trigger("keeps", "IF OLD.is_primary THEN RETURN NULL; END IF; RETURN OLD;", when="BEFORE DELETE"),
]


@contextmanager
def added(*rules: Rule) -> Iterator[None]:
    """Adds the rules for the block."""
    there: list[Rule] = []
    try:
        for rule in rules:
            execute(rule.add)
            there.append(rule)
        yield
    finally:
        for rule in reversed(there):
            execute(rule.drop)


def execute(sql: str) -> None:
    """Executes statements as another program would."""
    with connection.cursor() as db:
        db.execute(sql)
