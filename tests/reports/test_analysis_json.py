"""``analysis.json`` holds what the contract promises, and comes back as it was."""

import dataclasses
import json
import math
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from pipeline.errors import InputRejected
from pipeline.records import Analysis, Threshold
from pipeline.reports import analysis_json
from tests import factories

# The key tree of the contract, by hand. A list holds the keys of its items.
SPEAKER = {
    "talk_s", "talk_share", "words", "turns", "longest_turn_s", "speech_rate_wpm", "articulation_rate_sps",
    "f0_median_hz", "f0_median_st", "f0_range_st", "f0_baseline_hz", "f0_vs_baseline_st",
    "loudness_median_db", "loudness_vs_baseline_db",
    "interruptions", "backchannels", "response_latency_median_s",
}  # fmt: skip
EVIDENCE = {"turn", "start_s", "end_s", "quote", "note"}
POINT = {"title", "why", "source", "start_s", "end_s", "quote", "try_this"}
SPEAKER_TREE = dict.fromkeys(SPEAKER) | {
    "rate_windows": [{"start_s", "end_s", "wpm"}],
    "pitch_windows": [{"start_s", "end_s"}],
}
CONTRACT: dict[str, Any] = {
    "schema_version": None,
    "call": {
        "call_id", "source", "sha256", "agent_id", "customer_id", "queue", "started_at", "duration_s",
        "sample_rate_hz", "channels", "codec", "language",
    },
    "separation": {"method", "role_method", "role_confidence", "agent_label"},
    "quality": {"warnings": [{"code", "message", "start_s", "end_s"}]},
    "transcript": {
        "turns": [
            {"turn": None, "speaker": None, "start_s": None, "end_s": None, "text": None, "backchannel": None,
             "words": [{"word", "start_s", "end_s", "probability"}]}
        ]
    },
    "speech": {"segments": [{"speaker", "start_s", "end_s"}]},
    "measures": {
        "agent": SPEAKER_TREE,
        "customer": SPEAKER_TREE,
        "call": {
            "duration_s": None, "speech_s": None, "overlap_s": None, "overlap_share": None, "silence_s": None,
            "silence_share": None, "talk_ratio_agent": None,
            "gaps": [{"start_s", "end_s", "kind"}],
            "holds": [{"start_s", "end_s", "announced", "reason", "consent"}],
        },
    },
    "interruptions": [
        {"by", "of", "start_s", "end_s", "overlap_s", "kind", "yielded", "confidence", "quote"}
    ],
    "tension": {
        "curve": [{"t_s", "level"}],
        "spans": [{"start_s", "end_s", "peak", "agent_response", "outcome"}],
    },
    "guidance": [
        {"id": None, "source": None, "verdict": None, "score": None, "weight": None, "reason": None}
    ],
    "effort": {
        "estimate": None,
        "signals": [{"id": None, "weight": None, "count": None, "evidence": [EVIDENCE]}],
    },
    "promises": [{"who", "what", "when", "start_s", "quote"}],
    "scores": {
        "overall": None, "how_said": None, "what_said": None, "not_scored": None,
        "ldal": {"listen", "diffuse", "act", "impression"},
    },
    "coaching": {"summary": None, "keep": [POINT], "change": [POINT]},
    "redactions": [{"kind", "start_s", "end_s", "turn"}],
    "provenance": {
        "product_version": None, "config_sha256": None, "stage_seconds": None, "created_at": None,
        "models": [{"role", "name", "sha256", "source"}],
    },
}  # fmt: skip


def full() -> Analysis:
    """An analysis with something in every list."""
    one = factories.analysis()
    warning = factories.empty().quality
    return dataclasses.replace(one, quality=warning, redactions=(factories.redaction(14.5, 15.0, 4),))


def assert_keys(tree: Any, promised: Any, at: str = "") -> None:
    if promised is None:
        return
    if isinstance(promised, list):
        assert tree, f"{at} is empty, so its keys cannot be checked"
        for item in tree:
            assert_keys(item, promised[0], f"{at}[]")
        return
    assert set(promised) <= set(tree), f"{at} lacks {set(promised) - set(tree)}"
    if isinstance(promised, dict):
        for key, below in promised.items():
            assert_keys(tree[key], below, f"{at}.{key}")


def test_every_key_of_the_contract_is_there() -> None:
    """People's scripts read these names."""
    assert_keys(json.loads(analysis_json.dumps(full())), CONTRACT)


def test_guidance_evidence_has_the_keys_of_the_contract() -> None:
    """Evidence may be empty for one finding, so it is checked where there is some."""
    findings = json.loads(analysis_json.dumps(full()))["guidance"]
    items = [item for finding in findings for item in finding["evidence"]]
    assert items
    assert all(set(item) >= EVIDENCE for item in items)


@pytest.mark.parametrize("make", [full, factories.empty, factories.analysis])
def test_round_trip_is_exact(make: Any) -> None:
    """What is read back is what was written, and writes the same bytes."""
    analysis = make()
    content = analysis_json.dumps(analysis)
    assert analysis_json.loads(content) == analysis
    assert analysis_json.dumps(analysis_json.loads(content)) == content


@pytest.mark.parametrize("make", [full, factories.empty])
def test_schema_accepts_the_output(make: Any) -> None:
    """The published schema is a valid one and describes what is written."""
    schema = analysis_json.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(analysis_json.dumps(make())), schema)


def test_schema_refuses_an_unknown_key() -> None:
    """A misspelled key must not pass as valid."""
    tree = json.loads(analysis_json.dumps(full()))
    tree["call"]["agentid"] = "x"
    with pytest.raises(jsonschema.ValidationError, match="agentid"):
        jsonschema.validate(tree, analysis_json.json_schema())


def test_text_form() -> None:
    """Indented UTF-8 with a last newline and three decimals, so that it can be read and compared."""
    one = factories.analysis(call_id="número-☎", duration_s=66.000499999)
    content = analysis_json.dumps(one)
    assert content.endswith(b"}\n")
    assert "número-☎" in content.decode()
    assert json.loads(content)["call"]["duration_s"] == 66.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_what_is_not_a_number_is_refused(value: float) -> None:
    """NaN would make the file unreadable for most JSON readers; the message names the key."""
    one = factories.analysis()
    call = dataclasses.replace(one.measures.call, overlap_share=value)
    broken = dataclasses.replace(one, measures=dataclasses.replace(one.measures, call=call))
    with pytest.raises(ValueError, match=r"measures\.call\.overlap_share"):
        analysis_json.dumps(broken)


def test_numpy_numbers_are_written_as_numbers() -> None:
    """A stage that forgets float() must not lose the call."""
    one = factories.analysis()
    call = dataclasses.replace(one.measures.call, overlap_share=cast(float, np.float32(0.25)))
    held = dataclasses.replace(one, measures=dataclasses.replace(one.measures, call=call))
    assert analysis_json.loads(analysis_json.dumps(held)).measures.call.overlap_share == 0.25


def test_small_thresholds_are_not_rounded_away() -> None:
    """A limit of 0.0004 must not be reported as 0."""
    one = factories.analysis()
    limits = (Threshold(key="audio.clipped_share", value=0.0004, unit="", source=""),)
    kept = analysis_json.loads(analysis_json.dumps(dataclasses.replace(one, thresholds=limits)))
    assert kept.thresholds[0].value == 0.0004


def changed(**top: Any) -> bytes:
    return json.dumps(json.loads(analysis_json.dumps(factories.analysis())) | top).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "is not JSON"),
        (b"[]", "expected one JSON object"),
        (changed(schema_version="2"), "schema_version is '2'"),
        (changed(schema_version=None), "schema_version is None"),
        (changed(extra=1), "extra: is not a known key"),
        (changed(call={}), r"call\.call_id"),
        (changed(interruptions="none"), "interruptions"),
    ],
)
def test_other_documents_are_refused(content: bytes, message: str) -> None:
    """The message says what is wrong, where."""
    with pytest.raises(InputRejected, match=message):
        analysis_json.loads(content)
