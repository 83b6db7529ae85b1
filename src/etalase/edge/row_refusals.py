"""Tells the refusal of one row from a fault that every statement would meet.

The SQLSTATE decides. A trigger of the customer's may raise any, so that the place of the error decides, too: PostgreSQL's
diagnostics have a context only for an error inside a function. Its sentences are not read, because ``lc_messages`` sets their
language.
"""

import re
from typing import Any, Final

from etalase.errors import RowRefused
from etalase.postgres import IN_UTF8, sqlstate_of

# Integrity, data exception, check option, PL/pgSQL's RAISE, a generated column, and an index entry that is too long.
_OF_A_ROW: Final = ("22", "23", "44", "P0", "428C9", "54000")
# A character that the database's encoding lacks (etalase.W001). PostgreSQL refuses the statement before it knows the table.
_OF_ENCODING: Final = ("22P05", "22021")
# Connection, authorization, transaction, resources, locks, shutdown, disk, damage: these end the run, from wherever.
_OF_EVERY_STATEMENT: Final = ("08", "25", "26", "28", "3D", "40", "53", "55", "57", "58", "F0", "XX")
# The function of PostgreSQL's source that checks the policies of row security. A missing right has the same SQLSTATE.
_CHECKS_POLICIES: Final = "ExecWithCheckOptions"
_OUR_TABLES: Final = "etalase_"
_FUNCTION: Final = re.compile(r"""([\w.$"]+)\(""")


def row_refusal(error: BaseException) -> RowRefused | None:
    """Returns Django's or psycopg's ``error`` as the refusal of a row, None if it is another fault."""
    cause: Any = error if hasattr(error, "diag") else error.__cause__
    state, diagnostics = sqlstate_of(error), getattr(cause, "diag", None)
    if not state or diagnostics is None:
        return None
    table, constraint, column = (getattr(diagnostics, name) or "" for name in ("table_name", "constraint_name", "column_name"))
    context, text = diagnostics.context or "", diagnostics.message_primary or str(cause)
    if state in _OF_ENCODING:
        return RowRefused("the database's encoding", f"{text} ({state})", state=state, hint=IN_UTF8)
    checks_policies = diagnostics.source_function == _CHECKS_POLICIES
    is_raised_inside = bool(context) and not state.startswith(_OF_EVERY_STATEMENT)
    if table.startswith(_OUR_TABLES) or not (state.startswith(_OF_A_ROW) or checks_policies or is_raised_inside):
        return None
    match = _FUNCTION.search(context)
    function = match[1] if match else ""
    of_table = f" of {table}" if table not in {"", "product_photo"} else ""
    if constraint:
        rule = f"constraint {constraint}{of_table}"
    elif column:
        rule = f"column {column}{of_table}"
    elif function:
        rule = f"function {function}"
    else:
        rule = "row security" if checks_policies else ""
    return RowRefused(
        rule, f"{text} ({state})", state=state, table=table, constraint=constraint, function=function.split(".")[-1].strip('"')
    )
