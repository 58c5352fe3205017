"""What sequence numbers say was lost: v5 counts flows, v9 packets, IPFIX records, each of them per domain and mod 2**32."""

from __future__ import annotations

from dataclasses import dataclass

_WORD = 0xFFFFFFFF
_HALF = 0x80000000
_FAR = 1 << 24  # a leap nobody loses: the exporter began anew
_WINDOW = {5: 3_000, 9: 100, 10: 10_000}  # how far behind something late may be
_STUBBORN = 16  # messages behind in a row: not late ones, but another count
_FELL = 60_000  # ms by which uptime goes back only if the device restarted


@dataclass(slots=True)
class Sequence:
    """The count of one domain. `lost` and `reordered` are in its version's unit."""

    expected: int = -1  # -1: whatever comes next is right
    uptime: int = 0  # ms, of the newest message; zero in IPFIX
    lost: int = 0
    reordered: int = 0
    restarts: int = 0
    behind: int = 0  # messages in a row

    def take(self, version: int, number: int, step: int, uptime: int) -> None:
        """Account for a message that says `number`, after which comes `number + step`; uptime in ms."""
        expected, ahead = self.expected, (number - self.expected) & _WORD
        fell = _FELL < (self.uptime - uptime) & _WORD < _HALF
        late = expected >= 0 and ahead >= _HALF and -ahead & _WORD <= _WINDOW[version]
        if late and (number or version != 10) and not fell and self.behind < _STUBBORN:
            self.reordered += step
            self.lost = max(0, self.lost - step)  # it was counted when the one that overtook it came
            self.behind += 1
            return
        self.behind = 0
        if expected >= 0 and (ahead or fell):
            if fell or ahead >= _FAR:
                self.restarts += 1
            else:
                self.lost += ahead
        self.expected = (number + step) & _WORD
        self.uptime = uptime
