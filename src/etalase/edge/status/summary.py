"""Writes verdict and facts as sentences, for the terminal and the page, so that both have the same. Pure.

First the action, then the state, then details. Commands, settings and errors are separate, for technicians.
"""

from dataclasses import dataclass

from etalase.edge.pos.messages import Language
from etalase.edge.status.advice import Advice, Todo
from etalase.edge.status.details import CommandLine, Details
from etalase.edge.status.localize import Words
from etalase.edge.status.problems import Problems
from etalase.edge.status.sentences import StatusItem
from etalase.edge.status.snapshot import Facts, Trouble
from etalase.edge.status.verdict import Level, State, Verdict


@dataclass(frozen=True, slots=True)
class Summary:
    """All sentences: ``todo`` (actions), ``holds`` (problems, worst first), ``facts``, and ``noticed`` (notices of runs).

    ``hints`` and ``commands`` are for technicians. ``contact`` is set if there is a problem. ``progress`` is the number of
    photos here and the number of all, while photos are on their way.
    """

    state: State
    level: Level
    word: str
    todo: tuple[Todo, ...]
    sentence: str
    holds: tuple[StatusItem, ...] = ()
    facts: tuple[StatusItem, ...] = ()
    noticed: tuple[StatusItem, ...] = ()
    hints: tuple[StatusItem, ...] = ()
    commands: tuple[CommandLine, ...] = ()
    contact: str = ""
    language: Language = "en"
    progress: tuple[int, int] | None = None


def summarize(
    facts: Facts | None, verdict: Verdict, language: Language, *, max_names: int, contact: str = "", refuses: bool = False
) -> Summary:
    """Returns all sentences in ``language``, with at most ``max_names`` names in each list, and the support ``contact``.

    ``refuses``: the database, which gave no facts, answers and refuses, as before `migrate`.
    """
    words = Words(language, facts.zone) if facts else Words(language)
    contact = contact if verdict.level is not Level.GREEN else ""
    state = verdict.state
    if facts is None:
        key = "database_refuses" if refuses else state
        return Summary(
            state,
            verdict.level,
            words.say(f"word_{key}"),
            (Todo(words.say(f"todo_{key}")),),
            words.say(key),
            hints=(StatusItem(words.say(f"{key}_hint")),),
            contact=contact,
            language=language,
        )
    details, known = Details(facts, verdict, words, max_names), facts.known
    return Summary(
        state,
        verdict.level,
        words.say(f"word_{_word(state, facts)}"),
        Advice(facts, verdict, words, max_names).todo(),
        details.sentence(state),
        holds=tuple(Problems(facts, verdict, words, max_names).items()),
        facts=tuple(details.items()),
        noticed=tuple(StatusItem(words.notice(notice)) for notice in facts.notices),
        hints=tuple(details.hints()),
        commands=tuple(details.commands()),
        contact=contact,
        language=language,
        progress=(known.here, known.listed) if known and state is State.FILLING else None,
    )


def _word(state: State, facts: Facts) -> str:
    """Returns the key of the first word: a photo store that answers is not away."""
    if state is not State.BUCKET_AWAY or facts.bucket.trouble is Trouble.AWAY:
        return state
    return "bucket_denied" if facts.bucket.trouble is Trouble.DENIED else "bucket_answers"
