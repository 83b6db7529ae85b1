"""Checks that each error has a hint, and each reason its whole policy in one place."""

import ast
import inspect
import pickle
import re
from pathlib import Path

import pytest

from etalase import errors
from etalase.edge.status.messages import TEXTS
from etalase.errors import EtalaseError, Reason, ReasonClass, SettingsError, Side

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "etalase"
TABLE = (ast.Dict, ast.Set, ast.Tuple, ast.List)
ALL_ERRORS = [thing for _, thing in inspect.getmembers(errors, inspect.isclass) if issubclass(thing, EtalaseError)]


T, P, W = ReasonClass.TRANSIENT, ReasonClass.PERMANENT, ReasonClass.WRONG_DATA
STORAGE, EDGE, LINK, HEAD_OFFICE = Side

# The policy of each reason: class, side, and the names of the flags that are set.
POLICIES: dict[Reason, tuple[ReasonClass, Side, set[str]]] = {
    Reason.TIMEOUT: (T, LINK, {"retried"}),
    Reason.CONNECTION_FAILED: (T, LINK, {"retried"}),
    Reason.SERVER_ERROR: (T, HEAD_OFFICE, {"retried"}),
    Reason.THROTTLED: (T, HEAD_OFFICE, {"retried"}),
    Reason.STORE_AWAY: (T, STORAGE, {"retried", "each run", "bucket"}),
    Reason.STORE_FULL: (T, STORAGE, {"retried", "each run", "bucket", "full", "person"}),
    Reason.STORE_CONFLICT: (T, STORAGE, {"retried"}),
    Reason.STORE_ERROR: (T, STORAGE, {"retried"}),
    Reason.SPOOL_FULL: (T, STORAGE, {"each run", "full", "person"}),
    Reason.ROW_REFUSED: (P, EDGE, {"person", "each run"}),
    Reason.ROW_WAITS: (T, EDGE, {"retried", "each run"}),
    Reason.KEY_IS_OWN: (P, EDGE, {"person", "each run"}),
    Reason.WAITS_FOR_SIBLING: (T, EDGE, {"retried"}),
    Reason.UNFORESEEN: (T, EDGE, {"retried"}),
    Reason.ORIGIN_REFUSED: (P, EDGE, {"person"}),
    Reason.REDIRECT_REFUSED: (P, HEAD_OFFICE, {"person"}),
    Reason.ENCODING_REFUSED: (P, HEAD_OFFICE, {"person"}),
    Reason.FORBIDDEN: (P, HEAD_OFFICE, {"person", "stale"}),
    Reason.NOT_FOUND: (P, HEAD_OFFICE, {"person", "stale"}),
    Reason.HTTP_ERROR: (P, HEAD_OFFICE, {"person"}),
    Reason.STORE_DENIED: (P, STORAGE, {"person", "bucket"}),
    Reason.STORE_REFUSED: (P, STORAGE, {"person"}),
    Reason.BAD_KEY: (P, HEAD_OFFICE, {"person"}),
    Reason.BAD_FIELD: (P, HEAD_OFFICE, {"person"}),
    Reason.TOO_LARGE: (P, HEAD_OFFICE, {"person"}),
    Reason.KEY_CONFLICT: (P, HEAD_OFFICE, {"person"}),
    Reason.SIZE_MISMATCH: (W, HEAD_OFFICE, {"retried", "person", "stale"}),
    Reason.CHECKSUM_MISMATCH: (W, HEAD_OFFICE, {"retried", "person", "stale"}),
    Reason.CHECKSUM_MISSING: (W, HEAD_OFFICE, {"retried", "person", "stale"}),
    Reason.TYPE_MISMATCH: (W, HEAD_OFFICE, {"retried", "person", "stale"}),
    Reason.HO_CONTRADICTS_ITSELF: (W, HEAD_OFFICE, {"person", "stale"}),
    Reason.PRODUCT_MISSING: (ReasonClass.PARKED, HEAD_OFFICE, {"retried", "each run"}),
}


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_has_this_policy(reason: Reason) -> None:
    policy = reason.policy
    flags = {
        "retried": policy.is_retried_in_run,
        "each run": policy.is_due_each_run,
        "bucket": policy.concerns_bucket,
        "full": policy.is_full,
        "person": policy.needs_a_person,
        "stale": policy.may_be_stale,
    }
    assert (policy.kind, policy.side, {name for name, is_set in flags.items() if is_set}) == POLICIES[reason]


def test_a_failure_of_the_whole_bucket_can_turn_out_to_be_one_photos_own() -> None:
    own = {reason: Reason[reason.policy.of_one_photo] for reason in Reason if reason.policy.of_one_photo}
    assert own == {Reason.STORE_AWAY: Reason.STORE_ERROR, Reason.STORE_DENIED: Reason.STORE_REFUSED}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (204, Reason.HTTP_ERROR), (206, Reason.HTTP_ERROR), (302, Reason.REDIRECT_REFUSED), (304, Reason.HTTP_ERROR),
        (399, Reason.REDIRECT_REFUSED), (403, Reason.FORBIDDEN), (404, Reason.NOT_FOUND), (408, Reason.TIMEOUT),
        (410, Reason.NOT_FOUND), (418, Reason.HTTP_ERROR), (429, Reason.THROTTLED), (500, Reason.SERVER_ERROR),
        (599, Reason.SERVER_ERROR), (600, Reason.HTTP_ERROR),
    ],
)  # fmt: skip
def test_a_status_has_one_reason(status: int, reason: Reason) -> None:
    assert Reason.of_status(status) is reason
    assert sum(status in known.policy.statuses for known in Reason) <= 1


def test_a_reason_equals_its_code() -> None:
    assert {reason: reason.value for reason in Reason} == {reason: str(reason) for reason in Reason}
    assert pickle.loads(pickle.dumps(Reason.TIMEOUT)) is Reason.TIMEOUT


def reasons_named(tree: ast.AST) -> list[str]:
    return [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    ]


def test_a_new_reason_takes_a_line_in_errors_its_words_and_its_raiser() -> None:
    """No other module has a table of reasons, and none is missing in the texts, in the documents or at its raiser."""
    raised, tables = {name for reason in Reason if (name := reason.policy.of_one_photo)}, []
    raised |= {Reason.of_status(status).name for status in range(200, 600)}
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        if path.name != "errors.py":
            raised.update(reasons_named(tree))
            keys = [
                node.keys if isinstance(node, ast.Dict) else node.elts for node in ast.walk(tree) if isinstance(node, TABLE)
            ]
            tables += [path for some in keys if sum(len(reasons_named(key)) for key in some if key is not None) > 1]
        else:  # an error of the object store carries the reason of the photo that met it
            classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name != "Reason"]
            raised.update(name for node in classes for name in reasons_named(node))
    assert tables == []
    assert [reason for reason in Reason if reason.name not in raised] == []
    for language in TEXTS:
        assert [reason for reason in Reason if f"reason_{reason}" not in TEXTS[language]] == []
    explained = re.findall(r"^\| (`[a-z_`, ]+`) \| ([a-z ]+) \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    classes_told = {code: kind for codes, kind in explained for code in re.findall(r"`([a-z_]+)`", codes)}
    assert {reason: classes_told.get(reason) for reason in Reason} == {
        reason: reason.policy.kind.replace("_", " ") for reason in Reason
    }


@pytest.mark.parametrize("error", ALL_ERRORS)
def test_every_error_has_a_documented_exit_status(error: type[EtalaseError]) -> None:
    assert error.exit_status in {1, 2, 4, 75}


@pytest.mark.parametrize("error", ALL_ERRORS)
def test_every_error_is_in_the_tree_of_the_module_docstring(error: type[EtalaseError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


def test_an_error_gives_its_message_and_then_its_hint() -> None:
    assert str(EtalaseError("It broke.", hint="Mend it.")) == "It broke. Mend it."
    assert str(EtalaseError("It broke.")) == "It broke."


def test_wrong_settings_are_named_one_by_one() -> None:
    error = SettingsError(["ETALASE_HO_URL is missing.", "ETALASE_WORKERS «x»: …"])
    assert error.exit_status == 2
    assert str(error).count("\n") == 2
