"""Charts as SVG, drawn by hand: horizontal bars for a benchmark's rows, lines for a cost curve. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import log10

from trioproxy.bench.figures import Row, figure

__all__ = ["bars", "lines"]

_COLOURS = {
    "proxy": "#2563eb",
    "proxy, translating": "#60a5fa",
    "proxy, tls": "#1e3a8a",
    "floor": "#9ca3af",
    "nginx": "#16a34a",
}
_OTHER = ("#f59e0b", "#dc2626", "#7c3aed", "#0891b2", "#d4d4d8")
_WIDTH, _LABEL, _BAR, _ROOM = 860, 300, 16, 420
_TEXT = 'font-family="system-ui, sans-serif" font-size="12"'


def bars(rows: Iterable[Row]) -> str:
    """One group of bars a metric, each scaled to its longest."""
    parts: list[str] = []
    at = 10
    for row in rows:
        at += 22
        parts.append(f'<text x="10" y="{at}" {_TEXT} font-weight="600">{escape(row.case)}: {escape(row.metric)}</text>')
        at += 6
        longest = max((abs(value) for value in row.medians.values()), default=0.0) or 1.0
        for number, (subject, value) in enumerate(row.medians.items()):
            colour = _COLOURS.get(subject, _OTHER[number % len(_OTHER)])
            width = max(abs(value) / longest * _ROOM, 1)
            middle = at + _BAR - 4
            parts += (
                f'<text x="{_LABEL - 8}" y="{middle}" {_TEXT} text-anchor="end">{escape(subject)}</text>',
                f'<rect x="{_LABEL}" y="{at}" width="{width:.1f}" height="{_BAR - 3}" fill="{colour}"/>',
                f'<text x="{_LABEL + width + 6:.1f}" y="{middle}" {_TEXT}>{figure(value)}</text>',
            )
            at += _BAR
    return _document(_WIDTH, at + 14, parts)


def lines(title: str, curves: Mapping[str, Sequence[tuple[float, float]]], *, across: str, up: str) -> str:
    """Curves over logarithmic axes, with a dot for each measurement. Values of 0 or less are left out. A dashed line shows what grows in
    proportion: a curve that is nowhere steeper is a straight line or better."""
    width, height, left, top = 620, 380, 70, 40
    points = {name: [(x, y) for x, y in curve if x > 0 and y > 0] for name, curve in curves.items()}
    xs = [x for curve in points.values() for x, _ in curve] or [1.0]
    ys = [y for curve in points.values() for _, y in curve] or [1.0]

    def place(value: float, values: Sequence[float], length: float) -> float:
        low, high = log10(min(values)), log10(max(values))
        return (log10(value) - low) / ((high - low) or 1) * length

    parts = [
        f'<text x="{left}" y="20" {_TEXT} font-weight="600">{escape(title)}</text>',
        f'<rect x="{left}" y="{top}" width="{width - left - 150}" height="{height - top - 50}" fill="none" stroke="#9ca3af"/>',
        f'<text x="{left}" y="{height - 14}" {_TEXT}>{escape(across)}: {figure(min(xs))} to {figure(max(xs))}</text>',
        f'<text x="8" y="{top + 12}" {_TEXT}>{figure(max(ys))}</text>',
        f'<text x="8" y="{height - 54}" {_TEXT}>{figure(min(ys))}</text>',
        f'<text x="8" y="{top + 28}" {_TEXT}>{escape(up)}</text>',
    ]

    def at(x: float, y: float) -> tuple[str, str]:
        across_by = left + place(x, xs, width - left - 150)
        return f"{across_by:.1f}", f"{height - 50 - place(y, ys, height - top - 50):.1f}"

    # From the upper right corner down to whichever edge comes first.
    share = max(min(xs) / max(xs), min(ys) / max(ys))
    far, near = at(max(xs), max(ys)), at(max(xs) * share, max(ys) * share)
    parts.append(
        f'<line x1="{near[0]}" y1="{near[1]}" x2="{far[0]}" y2="{far[1]}" stroke="#d4d4d8" stroke-dasharray="6 4"/>'
    )
    for number, (name, curve) in enumerate(points.items()):
        colour = _COLOURS.get(name, _OTHER[number % len(_OTHER)])
        places = [at(x, y) for x, y in curve]
        joined = " ".join(map(",".join, places))
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += (f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places)
        parts.append(
            f'<text x="{width - 142}" y="{top + 14 + 16 * number}" {_TEXT} fill="{colour}">{escape(name)}</text>'
        )
    return _document(width, height, parts)


def _document(width: int, height: int, parts: Sequence[str]) -> str:
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([frame, f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *parts, "</svg>", ""])
