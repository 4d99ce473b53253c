from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from trioproxy.bench.chart import bars, lines
from trioproxy.bench.figures import Counted, Row

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_as_long_as_their_values() -> None:
    one = Counted(kept=(1,))
    rows = [
        Row(case=case, metric="us", counted=one, medians=medians, least=medians, ratios={})
        for case, medians in (("a <b>", {"floor": 10.0, "proxy": 20.0}), ("none", {"proxy": 0.0}))
    ]
    drawing = ET.fromstring(bars(rows))
    _, floor, proxy, nothing = (float(each.get("width", "0")) for each in drawing.iter(f"{SVG}rect"))
    assert proxy == 2 * floor
    assert nothing == 1
    assert "a <b>: us" in [each.text for each in drawing.iter(f"{SVG}text")]


def test_curves_lie_in_their_frame() -> None:
    drawing = ET.fromstring(lines("t", {"a": [(1, 10), (10, 100), (0, 5)], "b": []}, across="n", up="us"))
    first, second = (each.get("points") for each in drawing.iter(f"{SVG}polyline"))
    assert first == "70.0,330.0 470.0,40.0"
    assert second == ""
    assert ET.fromstring(lines("t", {}, across="n", up="us")) is not None


def test_what_grows_in_proportion_lies_on_the_dashed_line() -> None:
    text = lines("c", {"even": [(1, 10), (10, 100), (100, 1000)]}, across="things", up="")
    ends = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', text)
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', text)
    assert ends == [(*dots[0], *dots[-1])]
    assert len(dots) == 3
