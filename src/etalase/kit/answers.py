"""Collects the answers of an init: from flags, the environment, a file, an earlier init, or a person at a terminal.

A question's name is that of the setting, so that an answers file, the environment and the settings file look alike.
"""

import difflib
import getpass
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from etalase.errors import EtalaseError, SettingsError, UsageError
from etalase.protocol import printable
from etalase.redaction import keep_secret, keep_url_secret
from etalase.settings.reading import PREFIX, Settings, parse_settings

Answers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``default`` returns the proposal, or None without one; an optional answer may be empty.

    ``check`` looks at the world with all answers so far; it raises an error that says what to do. A wrong one puts the
    questions in ``again`` once more. A made answer is never asked for.
    """

    name: str
    text: str
    default: Callable[[Answers], str | None] = lambda _: None
    check: Callable[[Answers], object] | None = None
    again: tuple[str, ...] = ()
    is_secret: bool = False
    is_made: bool = False
    is_kept: bool = True
    # For an answer that is not kept: its default counts once this other answer is.
    until: str = ""
    # Shown in place of a secret default.
    proposal: str = "a new one"
    is_asked_if: Callable[[Answers], bool] = lambda _: True

    @property
    def flag(self) -> str:
        """Returns the flag; a secret has none, since every user of the machine sees a command line."""
        return "" if self.is_secret else "--" + self.name.removeprefix(PREFIX).lower().replace("_", "-")


@dataclass(slots=True)
class Sources:
    """Where answers come from, the strongest first. ``kept`` are those of an earlier init, and of head office.

    With ``takes_proposals`` a person is asked only where there is no proposal. The world is not asked about ``unchecked`` ones.
    """

    flags: Mapping[str, str] = field(default_factory=dict)
    file: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    kept: Mapping[str, str] = field(default_factory=dict)
    takes_proposals: bool = field(default=False, kw_only=True)
    unchecked: Collection[str] = field(default=frozenset(), kw_only=True)

    def find(self, name: str) -> str | None:
        """Returns the answer, or None. An empty one counts as absent, except where it was kept or stands in the file."""
        for source in (self.flags, self.file, self.environment):
            if source.get(name):
                return source[name]
        return self.file.get(name, self.kept.get(name))

    def misspelt(self, known: Collection[str]) -> list[str]:
        """Returns a line for each name in the file, and of an earlier init, that is none of ``known``."""
        problems = []
        for name in dict.fromkeys([*self.file, *self.kept]):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                problems.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "."))
        return problems

    def further(self, questions: Sequence[Question], screens: Sequence[type[Settings]]) -> Answers:
        """Returns the settings that no question asks for: checks and the settings file need them, too."""
        asked = {question.name for question in questions}
        names = [PREFIX + name for screen in screens for name in screen.model_fields]
        return {name: value for name in names if name not in asked and (value := self.find(name))}


def collect(questions: Sequence[Question], sources: Sources, screens: Sequence[type[Settings]]) -> Answers:
    """Returns an answer for each question, without a person. Raises one :class:`UsageError` with every missing or wrong one."""
    answers = sources.further(questions, screens)
    problems = [problem for name, value in answers.items() if (problem := form_problem(name, value, screens))]
    for question in questions:
        if not question.is_asked_if(answers):
            continue
        given = sources.find(question.name)
        answer = question.default(answers) if given is None else given
        if answer is None:
            problems.append(f"{question.name} is missing: {question.text}.")
            continue
        problem = form_problem(question.name, answer, screens)
        answers[question.name] = answer
        hide(question, answer)
        if not problem and not problems and question.name not in sources.unchecked:
            problem = _world_problem(question, answers)
        problems += [problem] if problem else []
    if problems:
        raise UsageError(
            "Some answers are missing or wrong:\n" + "\n".join(f"  {problem}" for problem in problems) + "\n",
            hint="Give them by flags, in the environment or in a file (--answers FILE: lines NAME=VALUE; secrets only so).",
        )
    return answers


def interview(
    questions: Sequence[Question],
    sources: Sources,
    screens: Sequence[type[Settings]],
    *,
    ask: "Asker",
    keep: Callable[[Answers], object],
) -> Answers:
    """Returns an answer for each question; asks a person for those that no source has, and again for those that are wrong.

    ``keep`` stores the answers after each new one, so that an interrupted interview goes on.
    """
    answers = sources.further(questions, screens)
    refused: set[str] = set()
    earlier: Answers = {}
    position = 0
    while position < len(questions):
        question = questions[position]
        position += 1
        if not question.is_asked_if(answers):
            continue
        given = None if question.name in refused else sources.find(question.name)
        if given is None and sources.kept.get(question.until):
            given = question.default(answers)
        answer = given
        if answer is None:
            # Of answers that are wrong together, those that can be shown are proposed again.
            proposal = earlier.pop(question.name, None) or question.default(answers)
            is_taken = question.is_made or (sources.takes_proposals and question.name not in refused)
            answer = proposal if is_taken and proposal is not None else ask(question, proposal)
        problem = form_problem(question.name, answer, screens)
        if not problem:
            answers[question.name] = answer
            hide(question, answer)
            problem = "" if question.name in sources.unchecked else _world_problem(question, answers)
        if problem:
            ask.say(problem)
            wrong = {question.name, *question.again}
            refused |= wrong
            earlier = {one.name: answers[one.name] for one in questions if one.name in question.again and not one.is_secret}
            position = min(number for number, one in enumerate(questions) if one.name in wrong)
        elif given is None:
            refused.discard(question.name)
            keep(answers)
    return answers


def hide(question: Question, answer: str) -> None:
    """Hides a secret from all output."""
    if question.name.endswith("_URL"):
        keep_url_secret(answer)
    elif question.is_secret:
        keep_secret(answer)


def form_problem(name: str, answer: str, screens: Sequence[type[Settings]]) -> str:
    """Returns the problem with the form of an answer, or an empty text."""
    if not answer.isprintable():
        return f"{name}: has a line break or another control character."
    field_name = name.removeprefix(PREFIX)
    for screen in screens:
        if field_name not in screen.model_fields:
            continue
        try:
            parse_settings(screen, {field_name: answer})
        except SettingsError as error:
            mine = [p for p in error.problems if p.startswith(name) and not p.startswith(f"{name} is missing")]
            return printable(mine[0]) if mine else ""
    return ""


def _world_problem(question: Question, answers: Answers) -> str:
    try:
        if question.check is not None:
            question.check(answers)
    except EtalaseError as error:
        return f"{question.name}: {error}"
    return ""


class Asker:
    """Asks a person at the terminal. Secrets are not echoed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say

    def __call__(self, question: Question, default: str | None) -> str:
        """Returns the answer to ``question``; an empty one is the default."""
        shown = question.proposal if question.is_secret else default
        proposal = f" [{shown}]" if default else "" if default is None else " [none]"
        while True:
            prompt = f"{question.text}{proposal}: "
            if question.is_secret:
                answer = getpass.getpass(prompt, stream=sys.stderr)
            else:
                sys.stderr.write(prompt)
                sys.stderr.flush()
                answer = sys.stdin.readline()
                if not answer:
                    raise UsageError("The input ended before the last answer.", hint="Run it again: given answers are kept.")
                answer = answer.strip()
            if answer or default is not None:
                return answer or default or ""
            self.say("This one is needed.")
