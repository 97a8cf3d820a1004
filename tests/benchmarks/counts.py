"""Precision, recall and F1 of what was found, from counts."""


class Counted:
    """What was matched, of what is there and of what was found; a figure is ``None`` without any."""

    matched: int
    truth: int
    found: int

    @property
    def precision(self) -> float | None:
        return self.matched / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        return self.matched / self.truth if self.truth else None

    @property
    def f1(self) -> float | None:
        return 2 * self.matched / (self.truth + self.found) if self.truth + self.found else None
