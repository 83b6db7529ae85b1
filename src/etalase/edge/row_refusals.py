"""Tells the refusal of one row from a fault that every statement would meet.

The SQLSTATE decides. A trigger of the customer's may raise any, also the one of a lock or of a full disk, so that the place
of the error decides, too: PostgreSQL's diagnostics have a context only for an error inside a function, and name the function of
its source that reports RAISE. Its sentences are not read, because ``lc_messages`` sets their language.
"""

import re
from typing import Any, Final

from etalase.errors import RowRefused
from etalase.postgres import IN_UTF8, sqlstate_of

# Integrity, data exception, check option, PL/pgSQL's RAISE, a generated column, and an index entry that is too long.
_OF_A_ROW: Final = ("22", "23", "44", "P0", "428C9", "54000")
# A character that the database's encoding lacks (etalase.W001). PostgreSQL refuses the statement before it knows the table.
_OF_ENCODING: Final = ("22P05", "22021")
# Connection, authorization, transaction, resources, locks, shutdown, disk, damage: these end the run, also from inside a
# function, unless the function's own code raises them.
_OF_EVERY_STATEMENT: Final = ("08", "25", "26", "28", "3D", "40", "53", "55", "57", "58", "F0", "XX")
# Of these, a server that responds within our session reports only what a function did: a connection to elsewhere, a write of
# its own, an extension's error. Real damage is XX001 and XX002.
_OF_A_FUNCTION: Final = ("08", "25006", "XX000")
# The functions of PostgreSQL's source that report RAISE of PL/pgSQL, and plpy.error() of PL/Python.
_RAISE: Final = frozenset({"exec_stmt_raise", "PLy_output", "PLy_elog_impl"})
# The function of PostgreSQL's source that checks the policies of row security. A missing right has the same SQLSTATE.
_CHECKS_POLICIES: Final = "ExecWithCheckOptions"
_OUR_TABLES: Final = "etalase_"
_FUNCTION: Final = re.compile(r"""([\w.$"]+)\(""")
# A line of a context about a function; others have a statement, in which brackets mean other things.
_IN_FUNCTION: Final = re.compile(r"^.*\bPL/\w+.*$", re.MULTILINE)


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
    functions = _functions(context)
    is_raised_inside = bool(context) and (
        diagnostics.source_function in _RAISE
        or not state.startswith(_OF_EVERY_STATEMENT)
        or bool(functions and state.startswith(_OF_A_FUNCTION))
    )
    if table.startswith(_OUR_TABLES) or not (state.startswith(_OF_A_ROW) or checks_policies or is_raised_inside):
        return None
    function = functions[0] if functions else ""
    of_table = f" of {table}" if table not in {"", "product_photo"} else ""
    if constraint:
        rule = f"constraint {constraint}{of_table}"
    elif column:
        rule = f"column {column}{of_table}"
    elif function:
        rule = f"function {function}"
    else:
        rule = "row security" if checks_policies else ""
    # The last one is the trigger's: it may call another one, or write to a table that has triggers.
    outermost = functions[-1].split(".")[-1].strip('"') if functions else ""
    return RowRefused(rule, f"{text} ({state})", state=state, table=table, constraint=constraint, function=outermost)


def _functions(context: str) -> list[str]:
    """Returns the functions of a context, from the innermost one."""
    lines = _IN_FUNCTION.findall(context) or context.splitlines()
    return [match[1] for line in lines if (match := _FUNCTION.search(line))]
