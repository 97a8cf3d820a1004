"""Transcripts alone, from the file to the reports."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.audio.metadata import read_metadata
from pipeline.batch import CallOutcome, process_call, run_batch
from pipeline.errors import InputRejected
from pipeline.phrases import load_phrases
from pipeline.records import Analysis, Script
from pipeline.reports.analysis_json import dumps
from pipeline.reports.write import read_call
from pipeline.rescore import rescore_call
from pipeline.script import read_script
from pipeline.transcript_call import analyze_transcript, load_script
from tests import factories

SETTINGS = factories.settings()
ACOUSTIC = (
    *("talk_slowly", "low_tone", "dont_interrupt", "let_them_tell", "active_listening", "no_dead_air"),
    "no_hold_or_transfer",
)
CALL = """\ufeffWEBVTT - a call

NOTE the second block
says nothing

1
00:00.500 --> 00:04.000 align:start
<v Agent>Thank you for calling Lakeside Energy, my name is Robin.

00:04.200 --> 00:09.000
<v Customer>I am furious, you charged my card twice again.

00:06.000 --> 00:06.500
<v Agent>mm-hm

00:09.100 --> 00:12.000
<v Customer>My card number is 4532 0151 1283 0366.

00:12.500 --> 00:20.000
<v Agent>I am so sorry that we charged your card twice. I'll refund it &amp; I will call you on Friday.

01:00:20.500 --> 01:00:22.000
<v Customer>Great, that solves it, thank you.
"""


def written(folder: Path, content: str, name: str = "call.vtt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content.encode())
    return path


def script(path: Path) -> Script:
    return read_script(path, SETTINGS, load_phrases("en"))


def analyzed(path: Path, *assignments: str) -> Analysis:
    settings = factories.settings("acts.meaning=false", *assignments)
    metadata, _ = read_metadata(path, settings.audio)
    found, language = load_script(path, metadata, settings)
    return analyze_transcript(found, language, metadata, settings)


def speakers(analysis: Analysis) -> list[str]:
    return [turn.speaker for turn in analysis.transcript.turns]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_captions_become_turns(tmp_path: Path, ending: str) -> None:
    """Notes, hours, overlaps and either line ending are read; captions of one turn are joined."""
    lines = script(written(tmp_path, CALL.replace("\n", ending))).lines
    assert [(one.speaker, one.start_s, one.end_s, one.backchannel) for one in lines] == [
        ("Agent", 0.5, 4.0, False),
        ("Customer", 4.2, 12.0, False),
        ("Agent", 6.0, 6.5, True),
        ("Agent", 12.5, 20.0, False),
        ("Customer", 3620.5, 3622.0, False),
    ]
    words = lines[1].words
    assert (words[0].start_s, words[-1].end_s) == (4.2, 12.0)
    assert all(before.end_s <= after.start_s for before, after in pairwise(words))
    assert all(word.interpolated for word in words)
    assert "&" in [word.word for word in lines[3].words]


def test_what_was_said_is_judged_and_nothing_else(tmp_path: Path) -> None:
    """Words are judged and redacted; whatever needs sound is empty, with the reason."""
    found = analyzed(written(tmp_path, CALL))
    verdicts = {finding.id: finding for finding in found.guidance}
    assert verdicts["apology"].verdict == verdicts["follow_up"].verdict == "met"
    assert verdicts["ask_feedback"].verdict == "missed"
    assert {verdicts[name].verdict for name in ACOUSTIC} == {"not_scored"}
    assert all(verdicts[name].reason for name in ACOUSTIC)
    assert found.tension.peak is not None
    assert found.tension.peak > 0.3
    assert found.effort.estimate is not None
    assert [promise.who for promise in found.promises] == ["agent"]
    assert found.scores.what_said is not None
    assert found.scores.how_said is None
    assert found.coaching.change
    assert "[CARD_NUMBER]." in found.transcript.turns[1].text
    assert "4532" not in dumps(found).decode()
    call = found.measures.call
    assert not found.measures.by_role()
    empty = [call.speech_s, call.overlap_s, call.silence_s, call.talk_ratio_agent, call.listening]
    assert empty == [None] * len(empty)
    assert {"agent", "customer", "speech_s", "gaps", "holds", "listening"} <= set(call.not_scored)
    assert not found.speech.segments
    assert [warning.code for warning in found.quality.warnings] == ["no_sound"]


@pytest.mark.parametrize(
    ("names", "metadata", "method", "expected"),
    [
        (("Agent", "Customer"), {}, "metadata", ["agent", "customer"]),
        (("CALLER", "Rep 2"), {}, "metadata", ["customer", "agent"]),
        (("Robin", "Client"), {}, "metadata", ["agent", "customer"]),
        (("Robin", "Ana"), {"agent_id": "ana"}, "metadata", ["customer", "agent"]),
        (("Robin", "Ana"), {}, "transcript", ["agent", "customer"]),
        (("Agent 1", "Agent 2"), {}, "transcript", ["agent", "customer"]),
    ],
)
def test_roles_by_names_else_by_words(
    tmp_path: Path, names: tuple[str, str], metadata: dict[str, str], method: str, expected: list[str]
) -> None:
    """What a transcript calls its speakers says who the agent is; where it does not, their words do."""
    first, second = names
    lines = [
        (first, "Thank you for calling Lakeside Energy, this is Robin, how can I help you today?"),
        (second, "Hi, I'm calling about my bill. It is twice as high as last month."),
        (first, "Let me pull up your account. Can I have your account number please?"),
        (second, "I already gave it to the last one."),
    ]
    turns = [
        {"speaker": who, "start_s": 5 * n, "end_s": 5 * n + 4.5, "text": text}
        for n, (who, text) in enumerate(lines)
    ]
    found = analyzed(written(tmp_path, json.dumps({"turns": turns, **metadata}), "a.json"))
    assert found.separation.role_method == method
    assert speakers(found)[:2] == expected
    assert found.call.agent_id == metadata.get("agent_id")


def test_names_before_a_colon(tmp_path: Path) -> None:
    """Names that come up again are speakers; a colon within what is said is none."""
    content = (
        "WEBVTT\n\n00:01.000 --> 00:05.000\nRobin: Hello. Listen: it is late.\nReference: 12\n\n"
        "00:05.000 --> 00:07.000\nAna Lee: Yes?\n\n00:07.000 --> 00:09.000\nand more\n\n"
        "00:10.000 --> 00:12.000\nRobin: Bye.\nAna Lee: Bye.\n"
    )
    lines = script(written(tmp_path, content)).lines
    said = [(one.speaker, " ".join(word.word for word in one.words)) for one in lines]
    assert said == [
        ("Robin", "Hello. Listen: it is late. Reference: 12"),
        ("Ana Lee", "Yes? and more"),
        ("Robin", "Bye."),
        ("Ana Lee", "Bye."),
    ]


def test_times_of_words_are_kept(tmp_path: Path) -> None:
    """A transcript that times its words, such as an analysis of ours, keeps them."""
    turn = factories.turn(0, ("agent", 1.0, 3.0, "Good morning, Lakeside Energy."))
    words = [{"word": word.word, "start_s": word.start_s, "end_s": word.end_s} for word in turn.words]
    document = {"transcript": {"turns": [{"speaker": "agent", "start_s": 1.0, "end_s": 3.0, "words": words}]}}
    (line,) = script(written(tmp_path, json.dumps(document), "a.json")).lines
    assert [(word.word, word.start_s) for word in line.words] == [(w.word, w.start_s) for w in turn.words]


def test_further_speakers_are_left_out(tmp_path: Path) -> None:
    """A third speaker is in no turn, and the report says so."""
    found = analyzed(written(tmp_path, CALL + "\n01:00:23.000 --> 01:00:24.000\n<v System>Goodbye.\n"))
    assert set(speakers(found)) == {"agent", "customer"}
    assert "more_than_two_voices" in {warning.code for warning in found.quality.warnings}


TURN = '{"speaker": "a", "start_s": 1, "end_s": 2, "text": "hi"}'


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.vtt", "00:01.000 --> 00:02.000\nhi", "does not begin with WEBVTT"),
        ("a.vtt", "WEBVTT\n\n00:01 --> 00:02\n<v A>hi", "line 3: '00:01 --> 00:02' is not a pair of times"),
        ("a.vtt", "WEBVTT\n\n00:03.000 --> 00:02.000\n<v A>hi", "line 3: the cue ends before it starts"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nhi", "line 3: does not say who speaks"),
        ("a.vtt", "WEBVTT\n\nhello", "line 3: a cue without times"),
        ("a.vtt", "WEBVTT\n", "has no words"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[" * 100_000, "is nested too deeply"),
        ("a.json", "[]", "turns: input should be a valid list"),
        ("a.json", '{"turns": []}', "has no words"),
        ("a.json", f'{{"turns": [{TURN.replace("1", "null")}]}}', "turns.0.start_s: input should be a valid"),
        ("a.json", f'{{"turns": [{TURN.replace("1", "NaN")}]}}', "turns.0.start_s: input should be a finite"),
        ("a.json", f'{{"turns": [{TURN.replace("2", "0")}]}}', "turns.0: ends before it starts"),
        ("a.json", f'{{"turns": [{TURN.replace("2", "1e9")}]}}', "audio.max_duration_s"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, name: str, content: str, expected: str) -> None:
    """What is wrong with a transcript is said with the file and the place."""
    path = written(tmp_path, content, name)
    with pytest.raises(InputRejected) as refused:
        script(path)
    assert str(path) in str(refused.value)
    assert expected in str(refused.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file in another encoding is refused rather than misread."""
    path = tmp_path / "a.vtt"
    path.write_bytes("WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>h\xe9".encode("latin-1"))
    with pytest.raises(InputRejected, match="is not UTF-8"):
        script(path)


@pytest.mark.parametrize(
    ("said", "language"),
    [
        (("Thank you for calling. How can I help you?", "I would like to know why it is so slow."), "en"),
        (
            ("Guten Tag. Wie kann ich Ihnen helfen?", "Ich wüsste gern, warum das Internet langsam ist."),
            "und",
        ),
        (
            ("Buenos días. ¿En qué puedo ayudarle?", "No me funciona la conexión desde hace dos semanas."),
            "und",
        ),
    ],
)
def test_the_language_of_a_text_is_told_by_its_function_words(
    tmp_path: Path, said: tuple[str, str], language: str
) -> None:
    """A transcript without a stated language is judged where its words are of a language with rules only."""
    turns = [
        {"speaker": speaker, "start_s": 10.0 * n, "end_s": 10.0 * n + 5, "text": text}
        for n, (speaker, text) in enumerate(zip(("agent", "customer"), said, strict=True))
    ]
    found = analyzed(written(tmp_path, json.dumps({"turns": turns}), "a.json"))
    assert found.call.language == language
    codes = {warning.code for warning in found.quality.warnings}
    assert ("language_without_rules" in codes) == ("not_redacted" in codes) == (language == "und")
    assert {finding.verdict for finding in found.guidance} == {"not_scored"} or language == "en"


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CallOutcome]]:
    """A folder with a transcript and a broken one, through worker processes without any model of speech."""
    folder = tmp_path_factory.mktemp("calls")
    paths = [written(folder, CALL), written(folder, "WEBVTT\n", "broken.vtt")]
    settings = factories.settings(
        "acts.meaning=false", "recognizer.model=./none", f"store.url=sqlite:///{folder}/store.sqlite"
    )
    outcomes = run_batch(paths, folder / "out", settings, on_outcome=lambda _: None)
    return folder / "out", outcomes


def test_batch_needs_no_model_of_speech(batch: tuple[Path, list[CallOutcome]]) -> None:
    """Transcripts are analyzed where no recognizer is; a broken one fails alone."""
    out, outcomes = batch
    assert {Path(one.source).name: one.status for one in outcomes} == {
        "call.vtt": "done",
        "broken.vtt": "failed",
    }
    assert read_call(out / "call").call.codec == "vtt"


def test_reports_without_sound(batch: tuple[Path, list[CallOutcome]]) -> None:
    """Every report is written, says that there is no sound, and has no player."""
    folder = batch[0] / "call"
    assert {path.name for path in folder.iterdir()} >= {
        *("report.html", "report.md", "transcript.vtt", "contact_lens.json", "analysis.json"),
    }
    assert not (folder / "audio.ogg").exists()
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "<audio" not in html
    assert "A transcript without its recording" in html
    assert "none: a transcript alone (vtt)" in html
    assert "No speech was found" not in html
    assert "this call has no such speaker" not in (folder / "report.md").read_text(encoding="utf-8")


def test_swapped_roles_hold(tmp_path: Path) -> None:
    """Roles that a user exchanges stay so when the transcript is analyzed again, and nothing is made up."""
    settings = factories.settings("acts.meaning=false", f"store.url=sqlite:///{tmp_path}/store.sqlite")
    path, out = written(tmp_path / "in", CALL), tmp_path / "out"
    assert process_call(path, out, settings).done
    assert speakers(read_call(out / "call"))[0] == "agent"
    swapped = rescore_call(out / "call", settings, swap_roles=True)
    assert speakers(swapped)[0] == "customer"
    assert swapped.measures.call.gaps == ()
    assert process_call(path, out, settings).done
    assert speakers(read_call(out / "call"))[0] == "customer"
