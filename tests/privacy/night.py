"""A real night over short recordings, whose analysis is written by hand; importable by worker processes."""

import dataclasses
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.nightly import Night as Done
from pipeline.nightly import run_night
from pipeline.privacy.place import Place
from pipeline.privacy.traces import Sought, Trace, in_bytes, in_folder, in_texts
from pipeline.records import Analysis, Baseline, Metadata, Recording
from pipeline.settings import Settings
from pipeline.store import tombstones
from pipeline.store.database import open_store
from tests import factories, fakes

CALLS = (
    ("call-1001", "robin", "cust-4711", "2026-03-02T09:00:00+01:00"),
    ("call-1002", "robin", "cust-4712", "2026-03-12T09:00:00+01:00"),
    ("2026-03-22-robin-x9", "robin", "cust-4711", "2026-03-22T09:00:00+01:00"),
    ("call-2001", "kim", "cust-4713", "2026-03-23T09:00:00+01:00"),
)
"""Call, agent, customer and start; every agent says "my name is Robin"."""


def analyze(
    recording: Recording,
    metadata: Metadata,
    settings: Settings,
    *,
    agent_channel: int | None = None,
    baseline: Baseline | None = None,
    earlier: Sequence[str] = (),
) -> Analysis:
    """A call with words, quotes, holds, promises and coaching; a call id with ``bug`` fails."""
    if "bug" in metadata.call_id:
        raise KeyError(metadata.customer_id)
    made = fakes.analyze(recording, metadata, settings)
    rich = factories.analysis(call_id=metadata.call_id)
    return dataclasses.replace(
        rich,
        call=dataclasses.replace(made.call, language="en", codec="pcm_s16le"),
        provenance=made.provenance,
        thresholds=made.thresholds,
    )


class Night:
    """Recordings, an output, originals, kept transcripts, a store and Prefect's database."""

    def __init__(self, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.calls, self.out = folder, folder / "recordings", folder / "out"
        self.state = folder / "state"
        monkeypatch.setenv("XDG_STATE_HOME", str(self.state))
        monkeypatch.delenv("PREFECT_HOME", raising=False)
        self.assignments = (
            f"store.url={url}",
            f"batch.out={self.out}",
            f"privacy.folder={folder}/privacy",
            f"redaction.original_dir={folder}/originals",
            "output.audio_bitrate_bps=8000",
        )
        self.settings = factories.settings(*self.assignments)
        self.place = Place.of(self.settings)

    def finish(self) -> None:
        for call_id, agent, customer, started_at in CALLS:
            self.recorded(call_id, agent_id=agent, customer_id=customer, started_at=started_at)
        self.run()
        for path in self.out.glob("*/analysis.json"):
            self._keep_more(json.loads(path.read_bytes())["call"])

    def recorded(self, call_id: str, **metadata: str) -> Path:
        (path,) = fakes.record(self.calls, call_id)
        path.with_suffix(".json").write_text(json.dumps({"call_id": call_id, **metadata}))
        return path

    def run(self, *assignments: str, **options: Any) -> Done:
        settings = factories.settings(*self.assignments, *assignments)
        return run_night(settings, source=str(self.calls), analyze=analyze, **options)

    def ids(self) -> set[str]:
        """The calls in the output."""
        return {path.parent.name for path in self.out.glob("*/analysis.json")}

    def traces(self, *words: str) -> list[Trace]:
        """Everything that holds one of these words: a search of the test's own places, not of the product's.

        Recordings are left out: they are their owner's archive.
        """
        sought = Sought(words, words)
        found: list[Trace] = []
        for name in ("out", "originals", "privacy", "state"):
            found += in_folder(self.folder / name, name, sought)
            found += in_bytes((path for path in (self.folder / name).rglob("*.db")), name, sought)
        found += in_bytes((self.folder / "store").rglob("*"), "store file", sought)
        with open_store(self.settings.store).session() as session:
            found += in_texts(tombstones.texts(session), sought)
        return found

    def _keep_more(self, call: dict[str, Any]) -> None:
        """What a crash, a user and Prefect would have left of a call."""
        transcripts = self.state / "callcoach/transcripts"
        transcripts.mkdir(parents=True, exist_ok=True)
        (transcripts / f"{call['sha256']}.key.json").write_text(json.dumps({"words": "my name is Robin"}))
        originals = self.folder / "originals" / call["call_id"]
        originals.mkdir(parents=True)
        (originals / "turns.json").write_text(json.dumps([{"text": "my name is Robin"}]))
        (originals / "audio.ogg").write_bytes(b"OggS")
        (self.out / call["call_id"] / "report.pdf").write_bytes(b"%PDF my name is Robin")
        prefect = self.state / "callcoach/prefect"
        prefect.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(prefect / "prefect.db") as database:
            database.execute("CREATE TABLE IF NOT EXISTS task_run (name TEXT, log TEXT)")
            log = json.dumps({"message": f"{call['call_id']} done in 2.0 s"})
            database.execute("INSERT INTO task_run VALUES (?, ?)", (call["call_id"], log))
        database.close()
