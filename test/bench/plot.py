"""The plot: grouped bars of the ratio to plain text, on a log scale."""

import math
from html import escape

import workloads

COLOURS = {
    "pgcrypto_function": "#b5483a",
    "pgcrypto_raw": "#dd9a3c",
    "pgsodium": "#8a6fb0",
    "bare": "#9aa5ad",
    "bare_again": "#c3cacf",
    "bionic_crypt": "#2a6f97",
}
LEFT, TOP, HEIGHT, BOTTOM = 60, 70, 300, 60
BAR, GAP = 17, 26


def plot(results, group):
    """The drawing as SVG text, or None if there is nothing to draw."""
    variants = [name for name in COLOURS if name in results.variants(group)]
    ratios = {(workload, name): results.ratio(group, workload, name, "plain")
              for workload in workloads.ALL for name in variants}
    medians = [spread.median for spread in ratios.values() if spread]
    if not medians:
        return None
    low = math.floor(math.log10(min(0.9, *medians)) * 3) / 3
    high = math.ceil(math.log10(max(10, *medians)))

    def height_of(value):
        return TOP + HEIGHT * (high - math.log10(value)) / (high - low)

    step = BAR * len(variants) + GAP
    width = LEFT + step * len(workloads.ALL) + GAP
    lines = [*grid(low, high, width, height_of), *legend(variants)]
    for place, workload in enumerate(workloads.ALL):
        left = LEFT + GAP / 2 + place * step
        for index, name in enumerate(variants):
            spread = ratios[workload, name]
            if spread:
                lines += bar(left + index * BAR, spread, name, workload, height_of)
        lines.append(text(left + BAR * len(variants) / 2, TOP + HEIGHT + 24, workload, "middle"))
    lines.append(text(LEFT, 22, f"CPU of the server at {group} a value, as a ratio to plain text "
                      "(log scale; less is better)", size=14))
    total = TOP + HEIGHT + BOTTOM
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {total}" '
            f'width="{width:.0f}" height="{total}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(lines)
            + "\n</svg>\n")


def grid(low, high, width, height_of):
    """A line for every power of ten; the one of plain text is darker."""
    lines = []
    for power in range(math.ceil(low), high + 1):
        y = height_of(10 ** power)
        colour = "#444444" if power == 0 else "#dddddd"
        lines.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{width - GAP / 2:.0f}" y2="{y:.1f}" '
                     f'stroke="{colour}"/>')
        lines.append(text(LEFT - 8, y + 4, f"{10 ** power:,}", "end"))
    return lines


def legend(variants):
    """Which colour is which variant."""
    lines, x = [], LEFT
    for name in variants:
        lines.append(f'<rect x="{x}" y="36" width="12" height="12" fill="{COLOURS[name]}"/>')
        lines.append(text(x + 17, 46, name))
        x += 17 + 7 * len(name) + 24
    return lines


def bar(x, spread, name, workload, height_of):
    """One bar from plain text's line to the ratio, with its figure."""
    base, end = height_of(1), height_of(spread.median)
    top = min(base, end)
    value = f"{spread.median:.0f}" if spread.median >= 10 else f"{spread.median:.2f}"
    middle = x + BAR / 2 + 3
    return [
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{BAR - 2}" height="{max(abs(base - end), 1):.1f}" '
        f'fill="{COLOURS[name]}"><title>{escape(workload)}, {escape(name)}: {value}</title></rect>',
        f'<text x="{middle:.1f}" y="{top - 4:.1f}" font-size="10" fill="#222222" '
        f'transform="rotate(-90 {middle:.1f} {top - 4:.1f})">{value}</text>']


def text(x, y, content, anchor="start", size=12):
    """A line of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="#222222">{escape(content)}</text>')
