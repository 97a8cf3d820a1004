"""The audit log: every change of it is found, but for a lost end, which needs a record kept elsewhere."""

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.privacy.audit_log import GENESIS, Head, append, verify
from pipeline.privacy.place import Place
from pipeline.privacy.receipts import known_records, write_receipt


def log_of(folder: Path, records: int) -> tuple[Place, list[Head]]:
    place = Place(folder / "privacy")
    return place, [append(place, "rescore", done=number, out="out") for number in range(records)]


def test_records_follow_each_other(tmp_path: Path) -> None:
    """Each record has its number and the digest of the one before; a whole log has no problem."""
    place, heads = log_of(tmp_path, 3)
    records = [json.loads(line) for line in place.audit_log.read_text().splitlines()]
    assert [record["before"] for record in records] == [GENESIS, heads[0].sha256, heads[1].sha256]
    assert [record["facts"]["done"] for record in records] == [0, 1, 2]
    found = verify(place.audit_log)
    assert (found.head, found.problems, found.unfinished) == (heads[-1], (), ())
    assert place.audit_log.stat().st_mode & 0o777 == 0o600
    assert place.folder.stat().st_mode & 0o777 == 0o700


def test_nothing_is_a_whole_log(tmp_path: Path) -> None:
    """Before the first record there is nothing to be wrong."""
    assert verify(tmp_path / "audit.jsonl").problems == ()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_changed_removed_added_or_moved_is_found(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No line can be tampered with unnoticed, whichever it is and whatever is done to it."""
    place, _ = log_of(tmp_path_factory.mktemp("log"), 5)
    lines = place.audit_log.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(0, 4), "line")
    kind = data.draw(st.sampled_from(("change", "remove", "swap", "repeat", "insert")), "kind")
    if kind == "change":
        byte = data.draw(st.integers(0, len(lines[at]) - 2), "byte")
        value = data.draw(st.integers(0, 255).filter(lambda one: one != lines[at][byte]), "value")
        lines[at] = lines[at][:byte] + bytes([value]) + lines[at][byte + 1 :]
    elif kind == "remove":
        del lines[min(at, 3)]  # the last is the end
    elif kind == "swap":
        other = data.draw(st.integers(0, 4).filter(lambda one: one != at), "other")
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "repeat":
        lines.insert(data.draw(st.integers(0, 5), "place"), lines[at])
    else:
        lines.insert(at, data.draw(st.binary(max_size=20).filter(lambda one: b"\n" not in one)) + b"\n")
    place.audit_log.write_bytes(b"".join(lines))
    assert verify(place.audit_log).problems


def test_a_lost_end_is_found_by_what_is_kept_elsewhere(tmp_path: Path) -> None:
    """A log without its last records is whole; a receipt, or a noted record, tells that it was longer."""
    place, heads = log_of(tmp_path, 4)
    write_receipt(place, {"kind": "call"}, heads[2])
    lines = place.audit_log.read_bytes().splitlines(keepends=True)
    place.audit_log.write_bytes(b"".join(lines[:2]))
    assert verify(place.audit_log).problems == ()
    assert verify(place.audit_log, known_records(place)).problems == (
        "record 3 is missing; the log ends with record 2",
    )
    place.audit_log.unlink()
    for number in range(4):  # written anew
        append(place, "rescore", done=-number, out="out")
    assert verify(place.audit_log).problems == ()
    (problem,) = verify(place.audit_log, {4: heads[3].sha256}).problems
    assert problem.startswith("line 4: record 4 is not the one")


def test_a_line_that_a_crash_cut_off_is_sealed(tmp_path: Path) -> None:
    """The next record goes on from there; the unfinished line is told, and cannot be changed later."""
    place, _ = log_of(tmp_path, 2)
    place.audit_log.write_bytes(place.audit_log.read_bytes()[:-30])
    assert verify(place.audit_log).unfinished == (2,)
    append(place, "rescore", done=9)
    found = verify(place.audit_log)
    assert (found.problems, found.unfinished, found.head.number) == ((), (2,), 3)
    content = place.audit_log.read_bytes()
    place.audit_log.write_bytes(content.replace(b'"done":1', b'"done":7'))
    assert verify(place.audit_log).problems


@pytest.mark.parametrize("line", [b"[" * 200_000, b"{}", b"[1]"])
def test_a_line_that_is_no_record_is_told(tmp_path: Path, line: bytes) -> None:
    """Whatever stands at the end, nested without end even, is a problem of the log, and not of the check."""
    place, _ = log_of(tmp_path, 2)
    place.append(place.audit_log, line + b"\n")
    assert verify(place.audit_log).problems == ("line 3: is no record",)


def _write(folder: str, records: int) -> None:
    for number in range(records):
        append(Place(Path(folder)), "rescore", done=number)


def test_processes_at_the_same_time_write_one_chain(tmp_path: Path) -> None:
    """Records of two processes are in one order, none is lost, and they have one key."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_write, args=(str(tmp_path / "privacy"), 20)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    found = verify(tmp_path / "privacy/audit.jsonl")
    assert (found.problems, found.head.number) == ((), 40)
