"""What an agent remembers of its RADIUS clients: answers just given, how fast each asks, and how many requests it signed wrongly."""

from __future__ import annotations

from collections import deque

DUPLICATE = 10.0  # s a request is known again: the authenticator of accounting is deterministic, so it must be forgotten
REMEMBERED = 200_000  # requests
RATE, BURST = 10_000.0, 20_000.0  # requests a second of one client
WINDOW, WRONG, FEW = 300.0, 0.05, 5  # s, share of requests signed wrongly, and how many tell anything

Key = tuple[str, int, int, bytes]  # host, port, identifier, authenticator


class Answers:
    """The requests of the last DUPLICATE seconds and their answers; b"" = it is being written."""

    def __init__(self) -> None:
        self._known: dict[Key, bytes] = {}
        self._order: deque[tuple[float, Key]] = deque()

    def get(self, key: Key, now: float) -> bytes | None:
        """The answer given; None = the request is new."""
        while self._order and (self._order[0][0] <= now - DUPLICATE or len(self._order) > REMEMBERED):
            self._known.pop(self._order.popleft()[1], None)
        return self._known.get(key)

    def began(self, key: Key, now: float) -> None:
        """The request is taken; its answer must wait."""
        self._known[key] = b""
        self._order.append((now, key))

    def ended(self, key: Key, answer: bytes) -> None:
        """What to answer from now on; b"" = nothing came of it, so the next try is as good as new."""
        if not answer:
            self._known.pop(key, None)
        elif key in self._known:
            self._known[key] = answer


class Client:
    """One sender: its allowance of requests, and whether its secret is right."""

    __slots__ = ("_allowed", "_at", "_bad", "_begun", "_good", "wrong")

    def __init__(self, now: float) -> None:
        self._allowed, self._at = BURST, now
        self._begun, self._good, self._bad = now, 0, 0
        self.wrong = False  # its shared secret is not the one of the plan

    def admitted(self, now: float) -> bool:
        """Whether another request of it may be looked at now."""
        self._allowed = min(BURST, self._allowed + (now - self._at) * RATE)
        self._at = now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def signed(self, good: bool, now: float) -> bool:
        """Note whether a request was signed with our secret; True once when it turns out that theirs is another."""
        if now - self._begun >= WINDOW:
            self._begun, self._good, self._bad = now, 0, 0
        if good:
            self._good += 1
        else:
            self._bad += 1
        before = self.wrong
        if self._bad >= FEW or self._good >= FEW:
            self.wrong = self._bad >= FEW and self._bad > WRONG * (self._good + self._bad)
        return self.wrong and not before
