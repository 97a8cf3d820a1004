"""Sound that is not speech: steady tones (ringing, beeps, keypad) and hold music.

Tones are found by their purity: one or two spectral lines hold nearly all energy and stay where they are
(ITU-T E.180 for call progress tones, Q.23 for keypad tones). Music is found by its steadiness: notes hold
their spectrum for a tenth of a second and more, where syllables do not, and it does not pause.
"""

import numpy as np
import numpy.typing as npt

from pipeline.audio.frames import FrameClock, Mask, cut
from pipeline.records import Samples
from pipeline.settings import SpeechSettings
from pipeline.timeline import Span, bridge, intersect, total_s, union

SPECTRUM_CLOCK = FrameClock(frame_s=0.032, hop_s=0.010)
LINE_HALF_WIDTH = 2
STEADY_LAG = 10
TONE_BRIDGE_S = 0.05
MUSIC_BRIDGE_S = 1.0
LOWEST_HZ = 200.0

KEYPAD_ROWS_HZ = (697, 770, 852, 941)
KEYPAD_COLUMNS_HZ = (1209, 1336, 1477, 1633)

Spectra = npt.NDArray[np.float32]
Bins = npt.NDArray[np.intp]


def non_speech(
    samples: Samples, sample_rate_hz: int, sounding: list[Span], voiced: list[Span], settings: SpeechSettings
) -> list[Span]:
    """Stretches of tones and music among the ``sounding`` spans of one channel.

    Args:
        samples: one channel, shape (n,).
        sounding: where the channel is over its gate.
        voiced: where Silero takes it for voice.
    """
    tones: list[Span] = []
    music: list[Span] = []
    for stretch in bridge(sounding, MUSIC_BRIDGE_S):
        spectra = _spectra(cut(samples, sample_rate_hz, stretch), sample_rate_hz)
        if spectra.shape[0] <= STEADY_LAG:
            continue
        found = _tones(spectra, settings)
        tones.extend((start_s + stretch[0], end_s + stretch[0]) for start_s, end_s in found)
        if stretch[1] - stretch[0] < settings.music_min_s:
            continue
        music.extend(_music(spectra, stretch, voiced, settings))
    return union(tones + music)


def _spectra(samples: Samples, sample_rate_hz: int) -> Spectra:
    """Power spectra over ``LOWEST_HZ``, shape (frames, bins)."""
    size = round(SPECTRUM_CLOCK.frame_s * sample_rate_hz)
    hop = round(SPECTRUM_CLOCK.hop_s * sample_rate_hz)
    if samples.size < size:
        return np.empty((0, 0), dtype=np.float32)
    framed = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    window = np.hanning(size).astype(np.float32)
    lowest = round(LOWEST_HZ * SPECTRUM_CLOCK.frame_s)
    spectra = np.empty((framed.shape[0], size // 2 + 1 - lowest), dtype=np.float32)
    for first in range(0, framed.shape[0], 2000):
        spectrum = np.fft.rfft(framed[first : first + 2000] * window, axis=1)[:, lowest:]
        spectra[first : first + 2000] = np.abs(spectrum) ** 2
    return spectra


def _tones(spectra: Spectra, settings: SpeechSettings) -> list[Span]:
    """Runs of frames that are one or two steady lines; the pairs of a keypad may be shorter.

    The lines of a tone keep their place and their level; a vowel can be as pure, but swells and fades.
    """
    strongest, second, purity = _two_lines(spectra)
    pure = purity >= settings.tone_purity
    still = np.abs(np.diff(strongest, prepend=strongest[0])) <= 1
    pair_swapped = np.abs(strongest - np.roll(second, 1)) <= 1
    lowest_hz = round(LOWEST_HZ * SPECTRUM_CLOCK.frame_s) / SPECTRUM_CLOCK.frame_s
    pair_hz = np.sort(np.stack((strongest, second)), axis=0) / SPECTRUM_CLOCK.frame_s + lowest_hz
    keys = pure & _near(pair_hz[0], KEYPAD_ROWS_HZ) & _near(pair_hz[1], KEYPAD_COLUMNS_HZ)
    candidates = [(pure & (still | pair_swapped), settings.tone_min_s), (keys, settings.keypad_min_s)]
    level_db = 10 * np.log10(spectra.sum(axis=1) + 1e-12)
    return [
        run
        for frames, min_s in candidates
        for run in _runs(frames, min_s)
        if level_db[SPECTRUM_CLOCK.slice(run)][frames[SPECTRUM_CLOCK.slice(run)]].std()
        <= settings.tone_level_spread_db
    ]


def _two_lines(spectra: Spectra) -> tuple[Bins, Bins, npt.NDArray[np.float32]]:
    """The strongest line of each frame, the strongest beside it, and the share of energy in the two."""
    rest = spectra.copy()
    rows = np.arange(spectra.shape[0])
    held = np.zeros(spectra.shape[0], dtype=np.float32)
    lines = []
    for _ in range(2):
        line = rest.argmax(axis=1)
        lines.append(line)
        for offset in range(-LINE_HALF_WIDTH, LINE_HALF_WIDTH + 1):
            column = np.clip(line + offset, 0, spectra.shape[1] - 1)
            held += rest[rows, column]
            rest[rows, column] = 0
    return lines[0], lines[1], held / (spectra.sum(axis=1) + 1e-12)


def _runs(frames: Mask, min_s: float) -> list[Span]:
    half_s = SPECTRUM_CLOCK.frame_s / 2  # frames that reach over an edge are not pure
    bridged = bridge(SPECTRUM_CLOCK.spans(frames), TONE_BRIDGE_S)
    return [
        (start_s - half_s, end_s + half_s)
        for start_s, end_s in bridged
        if end_s - start_s + 2 * half_s >= min_s
    ]


def _near(line_hz: npt.NDArray[np.float64], expected_hz: tuple[int, ...]) -> Mask:
    """Whether a line lies within one bin of one of the expected frequencies."""
    distance_hz = np.abs(line_hz[:, None] - np.array(expected_hz)).min(axis=1)
    near: Mask = distance_hz <= 1 / SPECTRUM_CLOCK.frame_s
    return near


def _music(spectra: Spectra, stretch: Span, voiced: list[Span], settings: SpeechSettings) -> list[Span]:
    """Music inside a long stretch: pieces of ``music_min_s`` that are steady and without voice."""
    shape = np.sqrt(spectra)
    shape /= np.linalg.norm(shape, axis=1, keepdims=True) + 1e-9
    steadiness = np.sum(shape[STEADY_LAG:] * shape[:-STEADY_LAG], axis=1)
    size = round(settings.music_min_s / SPECTRUM_CLOCK.hop_s)
    steady: Mask = np.zeros(spectra.shape[0], dtype=np.bool_)
    latest = spectra.shape[0] - size
    for first in sorted({*range(0, latest + 1, size // 4), max(0, latest)}):
        last = first + size
        piece = (stretch[0] + SPECTRUM_CLOCK.time_s(first), stretch[0] + SPECTRUM_CLOCK.time_s(last))
        if float(steadiness[first : min(last, steadiness.size)].mean()) < settings.music_steadiness:
            continue
        if total_s(intersect([piece], voiced)) <= settings.music_voice_share * (piece[1] - piece[0]):
            steady[first:last] = True
    spans = [(stretch[0] + start_s, stretch[0] + end_s) for start_s, end_s in SPECTRUM_CLOCK.spans(steady)]
    return intersect(bridge(spans, settings.music_min_s / 4), [stretch])
