"""Questions and their sources, as tables: which source wins, what is asked again, and what is named as missing."""

from collections.abc import Iterator

import pytest

from etalase.errors import UsageError
from etalase.kit.answers import Answers, Asker, Question, Sources, collect, form_problem, interview
from etalase.settings.edge import EdgeServerSettings, EdgeSettings

SCREENS = (EdgeSettings, EdgeServerSettings)


class Person(Asker):
    """A person who types these answers, in their order."""

    def __init__(self, *typed: str) -> None:
        self.told: list[str] = []
        super().__init__(self.told.append)
        self._typed: Iterator[str] = iter(typed)
        self.asked: list[str] = []

    def __call__(self, question: Question, default: str | None) -> str:
        self.asked.append(question.name)
        return next(self._typed) or default or ""


def refuse(_: Answers) -> None:
    raise UsageError("the world says no.")


def test_a_flag_wins_over_the_file_the_environment_and_what_is_kept() -> None:
    levels = [{"A": value} for value in ("flag", "file", "environment", "kept")]
    empty: dict[str, str] = {}
    for number, expected in enumerate(("flag", "file", "environment", "kept")):
        assert Sources(*[empty] * number, *levels[number:]).find("A") == expected


def test_all_that_is_missing_or_malformed_is_named_at_once() -> None:
    questions = [Question("ETALASE_HO_URL", "a"), Question("ETALASE_STORE_ID", "b"), Question("ETALASE_TIME_ZONE", "c")]
    sources = Sources(file={"ETALASE_STORE_ID": "no id", "ETALASE_TIME_ZONE": "Asia/Jakart"}, environment={})
    with pytest.raises(UsageError) as raised:
        collect(questions, sources, SCREENS)
    text = str(raised.value)
    assert "ETALASE_HO_URL is missing" in text
    assert "ETALASE_STORE_ID «no id»" in text
    assert "did you mean Asia/Jakarta" in text


def test_the_world_is_asked_only_where_every_form_is_right() -> None:
    questions = [Question("ETALASE_HO_URL", "a"), Question("BIND", "b", check=refuse)]
    with pytest.raises(UsageError) as raised:
        collect(questions, Sources(file={"BIND": "x"}, environment={}), SCREENS)
    assert "the world says no" not in str(raised.value)
    with pytest.raises(UsageError, match="BIND: the world says no"):
        collect(questions[1:], Sources(file={"BIND": "x"}, environment={}), SCREENS)


def test_a_kept_answer_is_not_asked_again_and_a_made_one_never() -> None:
    questions = [Question("A", "a"), Question("B", "b"), Question("C", "c", default=lambda _: "made", is_made=True)]
    person = Person("typed")
    answers = interview(questions, Sources(environment={}, kept={"A": "kept"}), SCREENS, ask=person, keep=lambda _: None)
    assert answers == {"A": "kept", "B": "typed", "C": "made"}
    assert person.asked == ["B"]


def test_a_wrong_answer_is_asked_again_with_those_that_belong_to_it() -> None:
    def check(answers: Answers) -> None:
        if answers["PASSWORD"] != "right":
            refuse(answers)

    questions = [Question("USER", "u"), Question("PASSWORD", "p", check=check, again=("USER",))]
    person = Person("me", "wrong", "me again", "right")
    answers = interview(questions, Sources(environment={}), SCREENS, ask=person, keep=lambda _: None)
    assert answers == {"USER": "me again", "PASSWORD": "right"}
    assert person.asked == ["USER", "PASSWORD", "USER", "PASSWORD"]
    assert person.told == ["PASSWORD: the world says no."]


def test_a_wrong_answer_from_a_source_is_asked_for() -> None:
    questions = [Question("ETALASE_HO_URL", "a")]
    person = Person("https://ho.example.com")
    answers = interview(
        questions, Sources(environment={"ETALASE_HO_URL": "nonsense"}), SCREENS, ask=person, keep=lambda _: None
    )
    assert answers["ETALASE_HO_URL"] == "https://ho.example.com"


def test_each_answer_of_a_person_is_stored_at_once() -> None:
    stored: list[Answers] = []
    questions = [Question("A", "a"), Question("B", "b")]
    interview(questions, Sources(environment={}), SCREENS, ask=Person("1", "2"), keep=lambda given: stored.append(dict(given)))
    assert stored == [{"A": "1"}, {"A": "1", "B": "2"}]


def test_a_question_may_depend_on_another_answer() -> None:
    questions = [Question("A", "a"), Question("B", "b", is_asked_if=lambda answers: answers["A"] == "yes")]
    assert collect(questions, Sources(environment={"A": "no"}), SCREENS) == {"A": "no"}


def test_no_flag_carries_a_secret() -> None:
    assert Question("ETALASE_HO_URL", "a").flag == "--ho-url"
    assert not Question("ETALASE_HO_PASSWORD", "a", is_secret=True).flag


@pytest.mark.parametrize(
    ("name", "answer", "problem"),
    [
        ("ETALASE_HO_URL", "ftp://x", "is not an address"),
        ("ETALASE_S3_SECRET_KEY", "minioadmin", "public guide"),
        ("DATABASE_URL", "mysql://x", "postgresql://"),
        ("BIND", "two\nlines", "control character"),
        ("ETALASE_HO_URL", "https://ho.example.com", ""),
        ("BIND", "anything", ""),
    ],
)
def test_the_form_of_an_answer_is_that_of_the_setting(name: str, answer: str, problem: str) -> None:
    found = form_problem(name, answer, SCREENS)
    assert problem in found
    assert bool(found) is bool(problem)


def test_a_made_secret_is_not_shown_in_the_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts: list[str] = []

    def answer_nothing(prompt: str, stream: object) -> str:
        prompts.append(prompt)
        return ""

    monkeypatch.setattr("getpass.getpass", answer_nothing)
    question = Question("ETALASE_S3_SECRET_KEY", "Secret key", is_secret=True)
    assert Asker(print)(question, "made-secret") == "made-secret"
    assert prompts == ["Secret key [a new one]: "]
    assert "made-secret" not in "".join(capsys.readouterr())


def test_of_answers_that_are_wrong_together_those_that_can_be_shown_are_proposed_again() -> None:
    def check(answers: Answers) -> None:
        if answers["PASSWORD"] != "right":
            refuse(answers)

    questions = [Question("USER", "u"), Question("PASSWORD", "p", is_secret=True, check=check, again=("USER", "PASSWORD"))]
    person = Person("me", "wrong", "", "right")
    assert interview(questions, Sources(environment={}), SCREENS, ask=person, keep=lambda _: None)["USER"] == "me"


def test_what_is_not_kept_is_asked_for_until_its_work_is_done() -> None:
    questions = [Question("ADMIN", "a", default=lambda _: "local", is_kept=False, until="MADE")]
    assert interview(questions, Sources(environment={}), SCREENS, ask=Person("other"), keep=lambda _: None) == {
        "ADMIN": "other"
    }
    sources = Sources(environment={}, kept={"MADE": "x"})
    assert interview(questions, sources, SCREENS, ask=Person(), keep=lambda _: None) == {"ADMIN": "local"}


def test_an_empty_answer_is_kept() -> None:
    person = Person()
    sources = Sources(environment={}, kept={"CONTACT": ""})
    assert interview([Question("CONTACT", "c", default=lambda _: "")], sources, SCREENS, ask=person, keep=lambda _: None)
    assert person.asked == []
