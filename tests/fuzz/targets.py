"""What any bytes may do to everything that reads them: nothing but the documented errors.

Each target takes bytes and a folder. It passes, raises an ``AssertionError`` where a promise is broken, or
whatever else the code under it wrongly raises. ``python -m tests.fuzz`` runs them under atheris,
``tests/test_hostile_input.py`` with hypothesis.
"""

import csv
import dataclasses
import io
import os
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from markdown_it import MarkdownIt

from pipeline.audio.decode import decode
from pipeline.audio.discover import discover
from pipeline.audio.headers import read_mp3_length_s, read_riff_length
from pipeline.audio.metadata import read_metadata
from pipeline.correction import corrected
from pipeline.errors import InputRejected, SettingsError
from pipeline.phrases import load_phrases
from pipeline.planning import stored_analysis
from pipeline.printable import printable
from pipeline.records import Metadata
from pipeline.reports import analysis_json, captions, html, markdown, pages, playback, site, table
from pipeline.reports.naming import folder_name
from pipeline.script import read_script
from pipeline.settings import load_settings
from tests import factories

Target = Callable[[bytes, Path], None]

SETTINGS = load_settings()
SHORT = SETTINGS.audio.model_copy(update={"max_duration_s": 60.0})
BEGINNINGS = (
    *(b"", b"RIFF\x24\x10\x00\x00WAVEfmt \x10\x00\x00\x00", b"OggS\x00\x02", b"fLaC\x00\x00\x00\x22"),
    *(
        b"ID3\x03",
        b"#!AMR\n",
        b"\xff\xfb\x90\x64",
        b"\x00\x00\x00\x20ftypM4A ",
        b"\x1aE\xdf\xa3",
        b"caff\x00\x01",
    ),
    *(
        b".snd\x00\x00\x00\x18",
        b"FORM\x00\x00\x10\x00AIFFCOMM",
        b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel",
    ),
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
ACTING = ("script", "style", "link", "meta", "base", "iframe", "object", "embed", "form", "input", "button")
SCHEMES = ("http:", "https:", "javascript:", "data:text", "file:")


def sound(data: bytes, folder: Path) -> None:
    """A file is a recording within the limits, or refused."""
    path = folder / "call.wav"
    path.write_bytes(BEGINNINGS[data[0] % len(BEGINNINGS)] + data[1:] if data else b"")
    try:
        found = decode(path, SHORT)
    except InputRejected:
        return
    assert np.isfinite(found.samples).all()
    assert found.duration_s <= SHORT.max_duration_s + 1


def headers(data: bytes, folder: Path) -> None:
    """What a header claims is a length, or not known."""
    for start in (b"", b"RIFF\0\0\0\0WAVE", b"RF64\0\0\0\0WAVE", b"ID3\x03\x00\x00"):
        riff, mp3_s = read_riff_length(io.BytesIO(start + data)), read_mp3_length_s(io.BytesIO(start + data))
        assert riff is None or riff.declared_s is None or riff.declared_s >= 0
        assert mp3_s is None or mp3_s > 0


def sidecar(data: bytes, folder: Path) -> None:
    """Metadata in JSON are ids that can be kept and shown, or refused."""
    (folder / "call.json").write_bytes(data)
    _metadata(folder / "call.wav", folder)


def calls_table(data: bytes, folder: Path) -> None:
    """So are those of a table."""
    (folder / "calls.csv").write_bytes(
        (b"file,call_id,agent_id,queue,started_at\n" if data[:1] < b"\x80" else b"") + data
    )
    _metadata(folder / "call.wav", folder)
    _metadata(folder / "a", folder)


def file_name(data: bytes, folder: Path) -> None:
    """A recording's name, whatever its bytes, stays in the folder of the reports."""
    name = data.replace(b"\0", b"").replace(b"/", b"")[:255]
    if name not in (b"", b".", b".."):
        _metadata(folder / os.fsdecode(name), folder)


def json_transcript(data: bytes, folder: Path) -> None:
    """A transcript in JSON is turns in order, or refused."""
    _transcript(folder / "call.json", data)


def captions_in(data: bytes, folder: Path) -> None:
    """So is one in WebVTT."""
    _transcript(folder / "call.vtt", (b"WEBVTT\n\n" if data[:1] < b"\xc0" else b"") + data)


def settings_file(data: bytes, folder: Path) -> None:
    """Settings are as they should be, or named with what is wrong."""
    path = folder / "settings.yaml"
    path.write_bytes(data)
    text = data.decode("utf-8", "replace").replace("\0", "")
    for config, given in ((path, ()), (None, (text,)), (None, (f"audio.max_duration_s={text}",))):
        with suppress(SettingsError):
            load_settings(config, given)


def stored(data: bytes, folder: Path) -> None:
    """What lies in the folder of the reports may be damaged by hand."""
    for name in ("analysis.json", "correction.json"):
        (folder / name).write_bytes(data)
    stored_analysis(folder)
    playback.load_digest(data, 10, None)
    with suppress(InputRejected):
        corrected(Metadata(call_id=folder.name), folder.parent, "0" * 64)
    with suppress(InputRejected):
        analysis_json.loads(data)


def written(data: bytes, folder: Path) -> None:
    """Text of a call, anywhere in its report, is shown as text."""
    text = data.decode("utf-8", "replace")
    _is_text_in_markdown(text)
    line = captions._cue_block(captions.Cue(0.0, 1.0, "agent", (text.replace("\n", " "),)))
    assert line.count("-->") == 1
    assert "<" not in line.split("\n", 1)[1].removeprefix("<v Agent>")
    _is_data_in_csv(text, folder)
    assert not CONTROL.search(printable(text))


def pages_of(data: bytes, folder: Path) -> None:
    """The pages have no tags but those that they have for harmless words, and lead nowhere else."""
    text = f"x{data.decode('utf-8', 'replace')}"
    harmless, tags = harmless_tags(), Counter(Tags(_report(text)).found)
    assert tags.keys() <= harmless.keys()  # how many depends on what is taken for a speech act
    assert all(tags[each] == harmless[each] for each in harmless if each[0] in ACTING)
    row = table.call_row(factories.analysis()) | dict.fromkeys(("call_id", "agent_id", "queue"), text)
    entry = site.BatchEntry(text, folder_name(text), row, None, text)
    site.write_batch(folder / "out", [entry], SETTINGS)
    written_there = {
        path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*") if path.is_file()
    }
    assert pages.agent_path(str(row["agent_id"])) in written_there
    assert len(written_there) == 7
    for name in written_there:
        (folder / "out" / name).unlink()


SEEDS: dict[str, tuple[bytes, ...]] = {
    "sidecar": (
        b'{"call_id": "a", "agent_id": "b", "customer_id": 7, "language": "en", "agent_channel": 0}',
        b'{"started_at": "2026-03-01T09:30:00+01:00", "customer_channel": "left"}',
    ),
    "calls_table": (b"call.wav,7,ann,billing,2026-03-01\n", b"a;b\n", b"\xef\xbb\xbffile\tqueue\na\tb\n"),
    "file_name": (b"..", b"a.wav.json", b"\xe9.wav", b"con", b"summary.csv"),
    "json_transcript": (
        b'{"turns": [{"speaker": "Agent", "start_s": 0, "end_s": 1.5, "text": "Good morning", "words": '
        b'[{"word": "Good", "start_s": 0, "end_s": 0.5, "probability": 0.9}]}]}',
        b'{"transcript": {"turns": []}}',
    ),
    "captions_in": (
        b"1\n00:01.000 --> 00:04.000 align:left\n<v Agent>Good &lt;\n\n00:05.000 --> 00:06.000\n<v.x B>Hi\n",
        b"00:01.000 --> 00:04.000\nAgent: Good\nCustomer: Hi\n\nNOTE x\n",
    ),
    "settings_file": (
        b"audio:\n  max_duration_s: 1\n",
        b"rate: {slow_sps: 9}\n",
        b"acts: [1, 2]\n",
        b"? 1\n",
    ),
    "stored": (
        analysis_json.dumps(factories.empty()),
        b'{"peaks": [[0, 1]], "levels_db": [[0]], "audio_bytes": null}',
        b'{"sha256": "0", "agent_channel": 0, "agent_speech": [[0, 1]]}',
    ),
    "written": (b"- a", b"<b>&amp;", b"[a](http://b)", b"1. a", b"=1+1", b"--> x", b"a | b", b"~~a~~ **b**"),
    "pages_of": (b"</script><b>", b"javascript:alert(1)", b"../x", b'" onload="x'),
}
"""Where atheris starts; the other targets start from nothing."""

TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (
        *(sound, headers, sidecar, calls_table, file_name, json_transcript, captions_in, settings_file),
        *(stored, written, pages_of),
    )
}


class Tags(HTMLParser):
    """The tags of a page with their attributes, values only of those that load or lead somewhere."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(sorted(name for name, _ in attrs))))
        for name, value in attrs:
            if name in ("href", "src", "action"):
                assert not (value or "").strip().lower().startswith(SCHEMES), value


@cache
def harmless_tags() -> Counter[tuple[str, tuple[str, ...]]]:
    """Those of a report of words that say nothing; and of what is said in one, none that acts."""
    found = Counter(Tags(_report("said")).found)
    spoken = Tags(html.render_call(factories.analysis(factories.LATE_BILL), None, None, SETTINGS)).found
    return found | Counter({each: 1 for each in spoken if each[0] not in ACTING})


def _metadata(path: Path, folder: Path) -> None:
    try:
        found, _ = read_metadata(path, SETTINGS.audio)
    except InputRejected:
        return
    out = folder / "out"
    for name in (found.call_id, folder_name(found.call_id), folder_name(found.agent_id or "x")):
        assert name not in ("", ".", "..")
        assert (out / name).parent == out
        assert os.path.normpath(out / name) == str(out / name)
    assert len(folder_name(found.call_id).encode()) <= 120
    for value in dataclasses.asdict(found).values():
        if isinstance(value, str):
            value.encode()  # a database, Parquet and JSON can hold it
            assert not CONTROL.search(value)
            assert len(value) <= 1000


def _transcript(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    discover([path.parent])
    try:
        found = read_script(path, SETTINGS, load_phrases("en"))
    except InputRejected:
        return
    times = [line.start_s for line in found.lines]
    assert times == sorted(times)
    for line in found.lines:
        line.speaker.encode()
        assert 0 <= line.start_s <= line.end_s <= SETTINGS.audio.max_duration_s
        for word in line.words:
            word.word.encode()
            assert word.word.strip()
            assert 0 <= word.start_s <= word.end_s


def _is_text_in_markdown(text: str) -> None:
    """Laid out as a paragraph, a list item and a cell, the text makes no element of its own."""
    plain = markdown.escape(text)
    reader = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    for before, after, expected in (
        ("", "", {"paragraph"}),
        ("- **", "** (x)", {"bullet_list", "list_item", "paragraph", "strong"}),
        ("| a | b |\n| --- | --- |\n| ", " | x |", {"table", "thead", "tbody", "tr", "th", "td"}),
    ):
        found = reader.parse(before + plain + after)
        kinds = {part.type for token in found for part in (token, *(token.children or ()))}
        names = {kind.removesuffix("_open").removesuffix("_close") for kind in kinds}
        assert names - {"inline", "text", "text_special", "softbreak"} <= expected, (plain, names)


def _is_data_in_csv(text: str, folder: Path) -> None:
    row = table.call_row(factories.empty()) | {"agent_id": text, "summary": text}
    table.write_csv([row], folder / "summary.csv")
    with (folder / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        (read,) = csv.DictReader(file)
    assert not read["agent_id"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert len(read) == len(row)


def _report(text: str) -> str:
    """A report in which everything that comes from outside is ``text``."""
    lines: list[factories.Line] = [(*line[:3], "".join(text.split())) for line in factories.LATE_BILL[:2]]
    made = factories.analysis(lines)
    facts = dataclasses.replace(made.call, call_id=text, agent_id=text, queue=text, source=text)
    warnings = dataclasses.replace(
        made.quality, warnings=(factories.QualityWarning(code=text, message=text),)
    )
    return html.render_call(dataclasses.replace(made, call=facts, quality=warnings), None, None, SETTINGS)
