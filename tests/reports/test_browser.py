"""The report in a real browser, opened from the disk as a coach does."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from pipeline.files import Modes
from pipeline.reports import site, table, write
from pipeline.reports.pdf import write_pdf
from tests import factories
from tests.programs import missing

CANDIDATES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PAGES = (
    "late-bill-001/report.html",
    "index.html",
    "team.html",
    "effort_audit.html",
    "agents/robin.k.html",
)
SETTINGS = factories.settings()


def chromium() -> str:
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CANDIDATES)), None)
    if found is None:
        missing(
            "no Chromium was found: install it (Debian: apt-get install chromium; "
            "macOS: brew install chromium) or set CHROMIUM to its path"
        )
    return str(found)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch folder with one call."""
    out = tmp_path_factory.mktemp("batch")
    one = factories.analysis()
    folder = write.write_call(one, factories.recording(one), out, SETTINGS)
    row = table.call_row(one)
    rows = [row | {"call_id": f"n{n:04d}", "duration_s": float(n)} for n in range(450)]
    entries = [
        site.BatchEntry(str(each["call_id"]), folder.name, each, None, "x.wav") for each in [row, *rows]
    ]
    site.write_batch(out, entries, SETTINGS)
    return out


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test on any console error or request that is not for a local file."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    trouble: list[str] = []
    opened.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on(
        "request",
        lambda made: None if made.url.startswith("file:") else trouble.append(f"request {made.url}"),
    )
    yield opened
    context.close()
    assert trouble == []


def open_report(page: Page, batch: Path) -> None:
    page.goto((batch / "late-bill-001" / "report.html").as_uri())
    page.wait_for_function("document.getElementById('audio').readyState >= 1")


def current_time_s(page: Page) -> float:
    return float(page.evaluate("document.getElementById('audio').currentTime"))


def test_play_button_starts_two_seconds_before(page: Page, batch: Path) -> None:
    """The button of the interruption at 10.5 s seeks to 8.5 s and plays."""
    open_report(page, batch)
    page.evaluate("document.getElementById('audio').playbackRate = 0.0625")  # so that it hardly moves on
    page.get_by_role("button", name="Play Interruption at 0:10, starting 2 s before").click()
    page.wait_for_function("!document.getElementById('audio').paused")
    assert current_time_s(page) == pytest.approx(8.5, abs=0.3)


@pytest.mark.parametrize(
    ("name", "start_s"),
    [
        ("Play Failed attempt at 0:24, starting 2 s before", 22.0),
        ("Play Hold at 0:30, starting 2 s before", 28.0),
        ("Play announced it at 0:25, starting 2 s before", 23.2),
        ("Play First account of the problem at 0:04, starting 2 s before", 2.6),
    ],
)
def test_other_moments_start_two_seconds_before(page: Page, batch: Path, name: str, start_s: float) -> None:
    """Holds, what was said about them and the customer's account play like interruptions."""
    open_report(page, batch)
    page.evaluate("document.getElementById('audio').playbackRate = 0.0625")
    page.get_by_role("button", name=name).click()
    page.wait_for_function("!document.getElementById('audio').paused")
    assert current_time_s(page) == pytest.approx(start_s, abs=0.3)


def test_audio_is_in_time(page: Page, batch: Path) -> None:
    """The player's clock covers the whole call: no offset or stretch from the codec."""
    open_report(page, batch)
    duration_s = page.evaluate("document.getElementById('audio').duration")
    assert duration_s == pytest.approx(66.0, abs=0.05)


def test_word_and_time_line_seek(page: Page, batch: Path) -> None:
    """A click on a word plays that word; a click on the time line plays from there."""
    open_report(page, batch)
    page.evaluate("document.getElementById('audio').playbackRate = 0.0625")
    page.locator("#turn-4 p span").nth(3).click()
    assert current_time_s(page) == pytest.approx(15.52, abs=0.4)
    track = page.locator(".lane-quiet .track")
    box = track.bounding_box()
    assert box is not None
    track.click(position={"x": box["width"] * 0.8, "y": 1})
    assert current_time_s(page) == pytest.approx(52.8, abs=0.5)
    assert page.locator(".turn.now").get_attribute("id") == "turn-9"


def test_search_hides_other_turns(page: Page, batch: Path) -> None:
    """Typing a word leaves the turns that hold it."""
    open_report(page, batch)
    page.get_by_label("Search the transcript").fill("third time")
    assert page.locator(".turn:visible").count() == 1
    assert page.locator("#found").inner_text() == "1 of 11 turns"


def test_keyboard_reaches_the_player_and_the_moments(page: Page, batch: Path) -> None:
    """Everything that plays can be reached and pressed without a mouse."""
    open_report(page, batch)
    button = page.locator("section.coaching .play").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("!document.getElementById('audio').paused")
    assert current_time_s(page) >= 19.4


def test_waveform_is_drawn_and_seeks(page: Page, batch: Path) -> None:
    """The player draws both speakers; a click on it plays from there."""
    open_report(page, batch)
    page.locator("#wave canvas").first.wait_for()
    page.evaluate("document.getElementById('audio').playbackRate = 0.0625")
    wave = page.locator("#wave")
    wave.scroll_into_view_if_needed()
    box = wave.bounding_box()
    assert box is not None
    wave.click(position={"x": box["width"] / 2, "y": 40})
    page.locator(".timeline.playing").wait_for()
    assert current_time_s(page) == pytest.approx(33.0, abs=0.5)


def test_link_names_a_moment(page: Page, batch: Path) -> None:
    """A link from another page opens the report at its moment."""
    page.goto((batch / "late-bill-001" / "report.html").as_uri() + "#t=20.5")
    page.locator(".timeline.playing").wait_for()
    assert current_time_s(page) == pytest.approx(20.5, abs=0.1)


def test_transcript_shows_only_what_is_asked_for(page: Page, batch: Path) -> None:
    """Filters leave the turns with interruptions, of a tense customer, or with evidence."""
    open_report(page, batch)
    everything = page.locator(".turn:visible").count()
    for kind in ("interruption", "tense", "evidence"):
        box = page.locator(f"[data-only={kind}]")
        box.check()
        shown = page.locator(".turn:visible").count()
        assert 0 < shown < everything
        assert page.locator(f".turn.has-{kind}:visible").count() == shown
        box.uncheck()
    assert page.locator(".turn:visible").count() == everything


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_accessible(browser: Browser, batch: Path, scheme: Literal["light", "dark"], width: int) -> None:
    """axe-core finds nothing serious on any page, light or dark, phone or desk."""
    viewport: ViewportSize = {"width": width, "height": 900}
    # axe styles the page while it looks, which the pages' policy would not allow
    with browser.new_context(bypass_csp=True, color_scheme=scheme, viewport=viewport) as context:
        page = context.new_page()
        for file in PAGES:
            page.goto((batch / file).as_uri())
            found = Axe().run(page).response["violations"]
            serious = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
            assert serious == [], file
            if kept := os.environ.get("SCREENSHOTS"):
                name = f"{file.replace('/', '-').removesuffix('.html')}-{scheme}-{width}.png"
                page.screenshot(path=Path(kept) / name, full_page=True)


def test_dates_are_written_as_the_reader_writes_them(browser: Browser, batch: Path) -> None:
    """A call's own clock, in the form of the reader's locale."""
    with browser.new_context(locale="de-DE", timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        page.goto((batch / "late-bill-001" / "report.html").as_uri())
        assert page.locator(".facts .when").inner_text() == "02.03.2026, 09:14"
        page.goto((batch / "index.html").as_uri())
        assert "02.03.2026, 09:14" in page.locator("#calls tr").first.inner_text()


def test_numbers_are_written_as_the_reader_writes_them(browser: Browser, batch: Path) -> None:
    """Decimal comma and point by the reader's locale, in figures, sentences, labels and drawings.

    Quotes, ids and settings stay as they are, and tables are sorted by value.
    """
    with browser.new_context(locale="de-DE") as context:
        page = context.new_page()
        page.goto((batch / "late-bill-001" / "report.html").as_uri())
        figures = page.locator(".figures").first.inner_text()
        assert re.search(r"\d,\d\d.syll/s", figures)
        assert not re.search(r"\d\.\d", figures)
        assert page.locator(".events").first.inner_text().count("0,70") == 1
        assert page.locator("#speed option").all_inner_texts() == ["0,75", "1", "1,25", "1,5", "2"]
        assert page.locator("#speed option").first.get_attribute("value") == "0.75"
        title = page.locator(".lane-events title").first.text_content()
        assert title is not None
        assert "0,4 s" in title
        thresholds = page.locator("tbody[translate=no]").text_content()
        assert thresholds is not None
        assert "0.25" in thresholds
        assert "0,25" not in thresholds
        page.goto((batch / "index.html").as_uri())
        page.get_by_role("button", name="Agent's rate").click()
        shown = page.locator("#calls td:nth-child(6)").all_inner_texts()
        assert all(re.fullmatch(r"\d,\d\d", each) for each in shown)
        page.get_by_role("button", name="Duration").click()
        page.get_by_role("button", name="Duration").click()
        assert page.locator("#calls td:nth-child(5)").first.inner_text() == "7:29"
    with browser.new_context(locale="de-DE", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((batch / "late-bill-001" / "report.html").as_uri())
        assert re.search(r"\d\.\d\d.syll/s", page.locator(".figures").first.inner_text())


def test_prints_to_two_pages(browser: Browser, batch: Path, tmp_path: Path) -> None:
    """The printed report is two A4 pages, by the browser and by the command."""
    pdf = write_pdf(
        batch / "late-bill-001" / "report.html", tmp_path / "report.pdf", Modes.of(SETTINGS.output)
    )
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 2


def test_ten_thousand_calls_are_quick(page: Page, tmp_path: Path) -> None:
    """The index of ten thousand calls is there and can be filtered within two seconds."""
    row = table.call_row(factories.analysis())
    entries = [
        site.BatchEntry(
            f"n{n:05d}", f"n{n:05d}", row | {"call_id": f"n{n:05d}", "agent_id": None}, None, "x.wav"
        )
        for n in range(10_000)
    ]
    index = site.write_batch(tmp_path, entries, SETTINGS)
    page.goto(index.as_uri())
    page.get_by_label("Filter the calls").fill("n09999")
    assert page.locator("#calls tr").count() == 1
    ready_ms = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    print(f"index of 10,000 calls loaded in {ready_ms:.0f} ms")


def test_missing_audio_is_said(browser: Browser, batch: Path, tmp_path: Path) -> None:
    """A report that was mailed without its sound says what is missing."""
    alone = tmp_path / "report.html"
    shutil.copy(batch / "late-bill-001" / "report.html", alone)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(alone.as_uri())
        page.get_by_text("The playback copy was not found").wait_for(state="visible")


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out(page: Page, batch: Path, width: int) -> None:
    """Neither page scrolls sideways, on a phone or a desk."""
    page.set_viewport_size({"width": width, "height": 800})
    for file in ("late-bill-001/report.html", "index.html"):
        page.goto((batch / file).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), file


def test_index_sorts_and_filters(page: Page, batch: Path) -> None:
    """The list of calls is paged, sorts by number and filters by words."""
    page.goto((batch / "index.html").as_uri())
    assert page.locator("#calls tr").count() == 200
    page.get_by_role("button", name="Duration").click()
    page.get_by_role("button", name="Duration").click()
    assert page.locator("#calls tr").first.inner_text().startswith("n0449")
    page.get_by_label("Filter the calls").fill("n004")
    assert page.locator("#calls tr").count() == 10
    assert page.locator("#shown").inner_text() == "10 of 451 calls"
    page.get_by_label("Filter the calls").fill("late-bill")
    page.get_by_role("group", name="Calls").get_by_role("link", name="late-bill-001").click()
    page.wait_for_url("**/late-bill-001/report.html")
