"""Two voices apart on one channel, with what a telephone call gives: exactly two parties.

1. Local speakers on windows of 10 s (:mod:`pipeline.speakers.segmentation`).
2. *Atoms*: stretches in which one local speaker is active alone, cut to a length, each embedded once.
3. Spherical 2-means over the longer atoms from several starts; the solution that most often tells apart
   the local speakers of a window wins. Then one score per atom, a log-likelihood ratio on the line through
   the two centroids, whose variance falls with duration.
4. Each window's local speakers are labeled together, from the scores of their atoms.
5. The windows vote.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from pipeline.records import Diarization, Samples
from pipeline.settings import SpeakersSettings
from pipeline.speakers.embedding import Vectors, embed
from pipeline.speakers.networks import Networks
from pipeline.speakers.parties import alone, in_speech
from pipeline.speakers.segmentation import (
    FRAME_S,
    FRAMES,
    LOCAL,
    LocalSpeakers,
    local_speakers,
    span_of,
    within,
)
from pipeline.timeline import Span, intersect, subtract

Labels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

JITTER_FRAMES = 3
"""Windows put the same change of speaker up to so many frames apart."""
RANDOM_STARTS = 8
TREE_CUTS = (2, 3, 4, 5)
ITERATIONS = 50
ROUNDS = 1
"""Times that the voices are estimated again."""
LABELINGS = np.array(list(product((0, 1), repeat=LOCAL)), dtype=np.int8)
LEAST_VARIANCE = 1e-3
SURE = 20.0
"""Scores are clipped here: no single atom outweighs a window."""


@dataclass(frozen=True, slots=True)
class Share:
    """Seconds for which each local speaker of a window is alone in some atoms; shape (atoms, 3)."""

    atoms: Indices
    alone_s: Floats


@dataclass(frozen=True, slots=True)
class Voices:
    """Two centroids, shape (2, 192), and what each atom says for the first against the second."""

    centroids: Vectors
    scores: Floats
    durations_s: Floats

    @property
    def per_s(self) -> Floats:
        return self.scores / self.durations_s


@dataclass(frozen=True, slots=True)
class Votes:
    """Of each frame of the recording: windows that hear each voice, and voices heard at once."""

    heard: Floats
    """Shape (frames, voices); share of the windows."""
    count: npt.NDArray[np.int8]


def cut_atoms(local: LocalSpeakers, settings: SpeakersSettings) -> Indices:
    """Stretches with one and the same local speaker alone: first and last (excluded) frames, shape (n, 2)."""
    steady = np.zeros(local.frames)
    covered = np.zeros(local.frames)
    for active, first in zip(local.active, local.first, strict=True):
        alone = np.where(active.sum(axis=1) == 1, active.argmax(axis=1), -1)
        changes = np.flatnonzero(np.diff(alone) != 0) + 1
        near = np.zeros(FRAMES, dtype=np.bool_)
        for offset in range(-JITTER_FRAMES, JITTER_FRAMES):
            near[np.clip(changes + offset, 0, FRAMES - 1)] = True
        steady[first : first + FRAMES] += (alone >= 0) & ~near
        covered[first : first + FRAMES] += 1
    atoms: list[tuple[int, int]] = []
    for start, end in _runs(steady >= np.maximum(covered, 1) / 2):
        low = max(start - JITTER_FRAMES, atoms[-1][1] if atoms else 0)
        high = min(end + JITTER_FRAMES, local.frames)
        pieces = max(1, -(-(high - low) // round(settings.atom_max_s / FRAME_S)))
        edges = np.linspace(low, high, pieces + 1).astype(int)
        atoms += zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    kept = [atom for atom in atoms if (atom[1] - atom[0]) * FRAME_S >= settings.atom_min_s]
    return np.array(kept, dtype=np.intp).reshape(-1, 2)


def _runs(mask: Mask) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def shares_of(local: LocalSpeakers, atoms: Indices) -> list[Share]:
    """What each window's local speakers have of the atoms."""
    found = []
    for active, first in zip(local.active, local.first, strict=True):
        alone = active & (active.sum(axis=1, keepdims=True) == 1)
        so_far = np.concatenate((np.zeros((1, LOCAL)), np.cumsum(alone, axis=0) * FRAME_S))
        low = int(np.searchsorted(atoms[:, 1], first, side="right"))
        high = int(np.searchsorted(atoms[:, 0], first + FRAMES, side="left"))
        inside = np.clip(atoms[low:high] - first, 0, FRAMES)
        found.append(Share(np.arange(low, high), so_far[inside[:, 1]] - so_far[inside[:, 0]]))
    return found


def find_voices(
    vectors: Vectors, durations_s: Floats, shares: Sequence[Share], settings: SpeakersSettings
) -> Vectors:
    """Centroids of the voices that differ, those with the most speech first; shape (voices, 192).

    All stretches are parted in two unless the parts are alike, and each part again. Parts differ when their
    directions do, clearly or with the support of windows that tell them apart: one voice, calm and raised,
    does not. Little speech makes a party only when it differs clearly, and never a third voice.
    """

    def parted(group: Indices, *, parties: bool) -> list[Indices]:
        parts, apart = _parted(vectors, durations_s, group, shares)
        if not parts:
            return [group]
        similarity = _similarity(*(means(part) for part in parts))
        enough = min(durations_s[part].sum() for part in parts) >= settings.voice_min_s
        clearly = similarity < settings.clear_voice_similarity and (enough or parties)
        supported = similarity < settings.one_voice_similarity and apart >= settings.told_apart_share
        if clearly or (supported and enough):
            return [one for part in parts for one in parted(part, parties=False)]
        return [group]

    def means(group: Indices) -> Vectors:
        mean: Vectors = _centroids(vectors[group], durations_s[group], np.ones(group.size, dtype=np.bool_))[0]
        return mean

    long = np.flatnonzero(durations_s >= settings.cluster_min_s)
    groups = parted(long if long.size else np.arange(durations_s.size), parties=True)
    groups.sort(key=lambda group: -float(durations_s[group].sum()))
    return np.stack([means(group) for group in groups])


def _parted(
    vectors: Vectors, durations_s: Floats, group: Indices, shares: Sequence[Share]
) -> tuple[list[Indices], float]:
    """The best split of some atoms in two, if any, and how often it tells local speakers apart.

    Of the solutions from all starts, the one that most often tells apart local speakers of one window, then
    the one that fits best.
    """
    points, weights = vectors[group], durations_s[group]
    best, best_rank = None, (0.0, -np.inf)
    for start in _starts(points, weights):
        side, fit = _two_means(points, weights, start)
        lean = np.zeros(durations_s.size)
        lean[group] = np.where(side, 1.0, -1.0)
        rank = (round(_told_apart(lean, shares), 2), fit)
        if 0 < side.sum() < side.size and rank > best_rank:
            best, best_rank = side, rank
    return ([] if best is None else [group[best], group[~best]]), best_rank[0]


def _similarity(one: Vectors, other: Vectors) -> float:
    return float(one @ other)


def _starts(points: Vectors, weights: Floats) -> Iterator[Vectors]:
    """Pairs of centroids to start from."""
    centered = points - np.average(points, axis=0, weights=weights)
    component = np.linalg.svd(centered * np.sqrt(weights)[:, None], full_matrices=False)[2][0]
    side = centered @ component >= 0
    if 0 < side.sum() < side.size:
        yield _centroids(points, weights, side)
    generator = np.random.default_rng(0)
    for _ in range(RANDOM_STARTS if len(points) > 1 else 0):
        yield points[generator.choice(len(points), 2, replace=False)]
    if len(points) > max(TREE_CUTS):
        from scipy.cluster.hierarchy import fcluster, linkage

        tree = linkage(points, method="average", metric="cosine")
        for cut in TREE_CUTS:
            labels = fcluster(tree, cut, criterion="maxclust")
            sizes = np.bincount(labels, weights=weights)
            first, second = np.argsort(sizes)[::-1][:2]
            if sizes[second] > 0:
                both = (labels == first) | (labels == second)
                yield _centroids(points[both], weights[both], labels[both] == first)


def _centroids(points: Vectors, weights: Floats, side: Mask) -> Vectors:
    sums = np.stack([(points * (weights * mask)[:, None]).sum(axis=0) for mask in (side, ~side)])
    means: Vectors = (sums / (np.linalg.norm(sums, axis=1, keepdims=True) + 1e-9)).astype(np.float32)
    return means


def _two_means(points: Vectors, weights: Floats, centroids: Vectors) -> tuple[Mask, float]:
    """Spherical 2-means: which points are nearer to the first centroid, and how well all fit theirs."""
    side = points @ (centroids[0] - centroids[1]) >= 0
    for _ in range(ITERATIONS):
        if side.all() or not side.any():
            break
        centroids = _centroids(points, weights, side)
        nearer = points @ (centroids[0] - centroids[1]) >= 0
        if np.array_equal(nearer, side):
            break
        side = nearer
    return side, float((weights * (points @ centroids.T).max(axis=1)).sum())


def _told_apart(lean_of_atom: Floats, shares: Sequence[Share]) -> float:
    """How often local speakers of one window get different labels, by the time that speaks for it, 0..1.

    Args:
        lean_of_atom: 1 or -1; 0 where the atom is not looked at.
    """
    apart = together = 0.0
    for share in shares:
        lean = share.alone_s.T @ lean_of_atom[share.atoms]
        heard_s = share.alone_s.T @ np.abs(lean_of_atom[share.atoms])
        for one, other in combinations(np.flatnonzero(heard_s > 0), 2):
            weight = min(heard_s[one], heard_s[other])
            apart += weight * float(lean[one] * lean[other] < 0)
            together += weight * float(lean[one] * lean[other] >= 0)
    return apart / (apart + together) if apart + together else 0.0


def score(vectors: Vectors, durations_s: Floats, centroids: Vectors) -> Voices:
    """Log-likelihood ratio of the first voice against the second for each atom.

    It lies on the line through the centroids; its variance, ``a + b / seconds``, is fitted to the atoms.
    """
    place = (vectors @ (centroids[0] - centroids[1])).astype(np.float64)
    first = place >= 0
    if first.all() or not first.any():
        return Voices(centroids, np.zeros(place.size), durations_s)
    means = np.array([np.average(place[mask], weights=durations_s[mask]) for mask in (first, ~first)])
    squares = (place - np.where(first, means[0], means[1])) ** 2
    design = np.stack((np.ones(place.size), 1 / durations_s), axis=1)
    offset, slope = np.linalg.lstsq(design, squares, rcond=None)[0]
    variance = np.maximum(max(offset, 0.0) + max(slope, 0.0) / durations_s, LEAST_VARIANCE)
    ratio = np.clip((means[0] - means[1]) * (place - means.mean()) / variance, -SURE, SURE)
    return Voices(centroids, ratio, durations_s)


def label_windows(
    local: LocalSpeakers,
    shares: Sequence[Share],
    voices: Voices,
    settings: SpeakersSettings,
) -> tuple[Labels, Floats]:
    """Voice 0 or 1 of each window's local speakers, and the evidence for 0; both of shape (windows, 3)."""
    labels = np.zeros((len(shares), LOCAL), dtype=np.int8)
    evidences = np.zeros((len(shares), LOCAL))
    for window, (active, share) in enumerate(zip(local.active, shares, strict=True)):
        evidence = share.alone_s.T @ voices.per_s[share.atoms]
        present = active.any(axis=0)
        value = (1 - 2 * LABELINGS) @ evidence / 2
        for one, other in combinations(np.flatnonzero(present), 2):
            overlap_s = float((active[:, one] & active[:, other]).sum()) * FRAME_S
            penalty = settings.same_window_penalty + settings.overlap_penalty * overlap_s
            value -= penalty * (LABELINGS[:, one] == LABELINGS[:, other])
        labels[window] = LABELINGS[int(value.argmax())]
        evidences[window] = evidence
    return labels, evidences


def settle(
    shares: Sequence[Share], labels: Labels, evidence: Floats, voices: Voices, settings: SpeakersSettings
) -> Floats:
    """Score of each atom: its own, and what the rest of its local speaker says, which counts only so much.

    The segmentation network now and then takes two like voices for one local speaker.
    """
    others = np.zeros(voices.scores.size)
    windows = np.zeros(voices.scores.size)
    for share, label, total in zip(shares, labels, evidence, strict=True):
        holder = share.alone_s.argmax(axis=1)
        held_s = share.alone_s[np.arange(holder.size), holder]
        own = held_s * voices.per_s[share.atoms]
        limit = settings.context_trust
        told = np.where(total[holder] == 0, limit * (1 - 2 * label[holder]), total[holder] - own)
        np.add.at(others, share.atoms, np.clip(told, -limit, limit) * (held_s > 0))
        np.add.at(windows, share.atoms, held_s > 0)
    settled: Floats = voices.scores + others / np.maximum(windows, 1)
    return settled


def refine(vectors: Vectors, settled: Floats, before: Voices) -> Voices:
    """The voices again, from the atoms as they were settled."""
    side = settled >= 0
    if side.all() or not side.any():
        return before
    return score(vectors, before.durations_s, _centroids(vectors, before.durations_s, side))


def vote(local: LocalSpeakers, labels: Labels, atoms: Indices, settled: Floats, voices: int = 2) -> Votes:
    """What the windows say of each frame together; an atom has the voice that it was settled to have."""
    heard = np.zeros((local.frames, voices))
    covered = np.zeros(local.frames)
    for active, first, label in zip(local.active, local.first, labels, strict=True):
        for voice in range(voices):
            heard[first : first + FRAMES, voice] += active[:, label == voice].any(axis=1)
        covered[first : first + FRAMES] += 1
    heard /= np.maximum(covered, 1)[:, None]
    for (start, end), score in zip(atoms, settled, strict=True):
        ordered = np.sort(heard[start:end], axis=1)
        heard[start:end] = ordered[:, ::-1] if score >= 0 else ordered
    return Votes(heard, np.minimum(np.floor(heard.sum(axis=1) + 0.5), voices).astype(np.int8))


def spans_of(votes: Votes, at_once: int) -> list[list[Span]]:
    """Spans of each voice with at most ``at_once`` voices at a time."""
    count = np.minimum(votes.count, at_once)
    rank = np.argsort(np.argsort(-votes.heard, axis=1, kind="stable"), axis=1)
    active = (rank < count[:, None]) & (votes.heard > 0)
    return [[span_of(*run) for run in _runs(active[:, voice])] for voice in range(active.shape[1])]


def tell_apart(
    networks: Networks, settings: SpeakersSettings, samples: Samples, speech: Sequence[Span]
) -> Diarization:
    """The parties of one channel.

    Args:
        samples: shape (n,) at 16 kHz.
        speech: where voice activity found speech, sorted and disjoint.
    """
    local = within(local_speakers(samples, networks.segmentation, settings.window_step_s), speech)
    atoms = cut_atoms(local, settings)
    if not len(atoms):
        return alone(speech)
    durations_s: Floats = (atoms[:, 1] - atoms[:, 0]).astype(np.float64) * FRAME_S
    vectors = embed(samples, [span_of(*atom) for atom in atoms.tolist()], networks.embedding)
    centroids = find_voices(vectors, durations_s, shares_of(local, atoms), settings)
    if len(centroids) == 1:
        return alone(speech)
    further: list[Span] = []
    if len(centroids) > 2:
        other = _further(vectors, durations_s, centroids, settings)
        further = intersect((span_of(*atom) for atom in atoms[other].tolist()), speech)
        local = within(local, subtract(speech, further))
        atoms, durations_s, vectors = atoms[~other], durations_s[~other], vectors[~other]
    shares = shares_of(local, atoms)
    voices = score(vectors, durations_s, centroids[:2])
    for _ in range(ROUNDS):
        labels, evidence = label_windows(local, shares, voices, settings)
        settled = settle(shares, labels, evidence, voices, settings)
        voices = refine(vectors, settled, voices)
    labels, evidence = label_windows(local, shares, voices, settings)
    settled = settle(shares, labels, evidence, voices, settings)
    votes = vote(local, labels, atoms, settled)
    right = 1 / (1 + np.exp(-np.abs(settled)))
    return in_speech(
        spans_of(votes, at_once=2),
        spans_of(votes, at_once=1),
        speech,
        further=further,
        voices=len(centroids),
        similarity=_similarity(*voices.centroids),
        confidence=float(np.average(right, weights=durations_s)),
    )


def _further(vectors: Vectors, durations_s: Floats, centroids: Vectors, settings: SpeakersSettings) -> Mask:
    """The atoms of voices beyond the first two; a short atom is taken for what the long one next to it is."""
    nearest = (vectors @ centroids.T).argmax(axis=1)
    long = np.flatnonzero(durations_s >= settings.cluster_min_s)
    next_long = long[np.abs(np.arange(nearest.size)[:, None] - long[None]).argmin(axis=1)]
    other: Mask = nearest[next_long] >= 2
    return other
