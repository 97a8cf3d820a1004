"""Texts in the language of the report: chosen by key, filled in, counted, and none left in the code."""

import ast
import copy
import pickle
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import records
from pipeline.errors import SettingsError
from pipeline.texts import MINUS, NBSP, Locale, Text, Texts, load_texts
from tests.languages import NOWHERE, english, nowhere, spoken

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "pipeline").rglob("*.py"))
ENGLISH = load_texts("en")
SAID_IN = {"reason", "message", "note", "summary", "title", "why", "try_this", "not_scored"}
"""Names of the record fields that hold texts."""
POLISH = Locale(
    decimal=",",
    thousands=NBSP,
    percent="{number} %",
    forms=("one", "few", "many"),
    plural="n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2",
    list={"comma": ", ", "and": " i ", "clauses": "; ", "sentences": " "},
)
TREE = {
    "rows": {"one": "{count} rząd", "few": "{count} rzędy", "many": "{count} rzędów"},
    "value": "{value:.1f}",
    "signed": "{value:+.1f}",
    "share": "{value:.0%}",
    "plain": "{value}",
    "who": "{who:roles}",
    "roles": {"agent": "konsultant"},
    "list": "{parts:and}",
    "around": "({inner})",
}
TEXTS = Texts("pl", TREE, POLISH)


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 rząd"), (3, "3 rzędy"), (5, "5 rzędów"), (22, "22 rzędy")]
)
def test_a_count_decides_the_form(count: int, said: str) -> None:
    """A language has as many forms as it needs, by a rule of its own."""
    assert TEXTS("rows", count=count) == said


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("value", -1234.56, f"{MINUS}1234,6"),
        ("signed", 0.25, "+0,2"),
        ("share", 0.5, "50 %"),
        ("plain", 12345, f"12{NBSP}345"),
        ("plain", 5.2, "5,2"),
        ("plain", "5.2", "5.2"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(key: str, value: float | str, said: str) -> None:
    """Decimal sign, thousands, percent and a real minus; what comes as a string is left alone."""
    assert TEXTS(key, value=value) == said


def test_codes_lists_texts_and_choices() -> None:
    """A code has its name, an unknown one is spelled out; lists are joined; texts are filled into texts."""
    assert [TEXTS("who", who=who) for who in ("agent", "third_party")] == ["konsultant", "Third party"]
    parts = [Text("value", value=1.0), "b", "c"]
    assert [TEXTS("list", parts=parts[:n]) for n in (1, 2, 3)] == ["1,0", "1,0 i b", "1,0, b i c"]
    assert TEXTS.said(Text("around", inner=Text("rows", count=2))) == "(2 rzędy)"
    assert TEXTS.said("as it is") == "as it is"


@pytest.mark.parametrize("ask", [{"key": "nothing"}, {"key": "rows"}, {"key": "roles"}])
def test_an_unknown_text_is_an_error(ask: dict[str, str]) -> None:
    """A misspelled key, a form without a count and a group are no texts."""
    with pytest.raises(KeyError):
        TEXTS(ask["key"])


@given(st.floats(-1e9, 1e9), st.integers(0, 3))
def test_a_number_can_be_read_back(value: float, decimals: int) -> None:
    """What is written says the number, to its last digit."""
    said = TEXTS.number(value, decimals).replace(NBSP, "").replace(",", ".").replace(MINUS, "-")
    assert float(said) == pytest.approx(round(value, decimals), abs=0.51 * 10**-decimals)


def test_a_text_stays_what_it_is() -> None:
    """Copied or sent to another process, a text keeps its key and values."""
    one = Text("around", inner=Text("rows", count=2))
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):  # noqa: S301
        assert isinstance(other, Text)
        assert (other, other.key) == (one, one.key)
        assert TEXTS.said(other) == "(2 rzędy)"


# --- files --------------------------------------------------------------------------------------------


def test_an_unknown_language_names_those_there_are() -> None:
    """A misspelled language is refused with the ones that can be used."""
    with pytest.raises(SettingsError, match="known: en"):
        load_texts("zz")


def test_another_language_is_one_file(tmp_path: Path) -> None:
    """A file with the same keys is all that it takes."""
    with spoken(tmp_path, nowhere()):
        assert load_texts(NOWHERE)("why.rate_moments", count=1) == "⟦1 faster stretch⟧"


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("why", r"texts\.xx\.yaml: lacks why\.abuse_in_kind, "),
        ("unknown", r"texts\.xx\.yaml: lacks unknown$"),
    ],
)
def test_missing_keys_are_named(tmp_path: Path, key: str, told: str) -> None:
    """What a file lacks is said when it is loaded, not when a report needs it."""
    tree = nowhere()
    del tree[key]
    with spoken(tmp_path, tree), pytest.raises(SettingsError, match=told):
        load_texts(NOWHERE)


def test_misspelled_keys_and_names_are_told(tmp_path: Path) -> None:
    """A key that English does not have, or a placeholder that nothing fills in, is refused."""
    tree = nowhere()
    tree["why"]["said"] = "{nobody}"
    tree["wyh"] = "?"
    with spoken(tmp_path, tree), pytest.raises(SettingsError, match=r"has unknown wyh.*why\.said"):
        load_texts(NOWHERE)


def test_a_wrong_plural_rule_is_refused(tmp_path: Path) -> None:
    """The rule of a language is checked when its file is read."""
    tree = nowhere()
    tree["locale"]["plural"] = "n is 1"
    with spoken(tmp_path, tree), pytest.raises(SettingsError, match=r"texts\.xx\.yaml: locale"):
        load_texts(NOWHERE)


# --- the code -----------------------------------------------------------------------------------------


def calls_of_text() -> Iterator[tuple[str, ast.Call]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_text_in_the_code_is_in_the_file_and_filled_in() -> None:
    """Keys exist, and each placeholder of a text has a value."""
    found = 0
    for place, call in calls_of_text():
        if not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        found += 1
        given_ = {keyword.arg for keyword in call.keywords}
        node = english()
        for part in str(call.args[0].value).split("."):
            assert part in node, f"{place}: {call.args[0].value}"
            node = node[part]
        texts = [node] if isinstance(node, str) else list(node.values())
        wanted = {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
        assert None in given_ or wanted <= given_, f"{place}: {wanted - given_}"
    assert found > 150


def test_no_text_in_the_file_is_unused() -> None:
    """What stages can say is said by some stage."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    for group in ("unmeasured", "quality", "judge", "event", "account", "why", "summary"):
        for key in english()[group]:
            assert f'"{group}.{key}"' in code, f"{group}.{key}"


def test_no_sentence_is_left_in_the_code() -> None:
    """What fills a field of a record, that reports show, is no string literal."""
    of_records = {name for name in vars(records) if name[0].isupper()} | {"Ruling", "replace"}
    for path in SOURCES:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or ast.unparse(call.func).split(".")[-1] not in of_records:
                continue
            literals = [
                each.value
                for keyword in call.keywords
                if keyword.arg in SAID_IN
                for each in ast.walk(keyword.value)
                if isinstance(each, ast.Constant) and " " in str(each.value).strip()
            ]
            assert not literals, f"{path.relative_to(ROOT)}:{call.lineno}: {literals}"
