# Gantry: bare metal as a cloud.
# SPDX-License-Identifier: Apache-2.0
"""Figures of several runs, and tables of them in Markdown."""

import math
import statistics


def short(value):
    """Three digits that matter."""
    if math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{round(value, digits - (1 if value >= 1000 else 0)):,.{digits}f}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"


class Figure:
    """One figure in several runs."""

    def __init__(self):
        self.values = []

    def add(self, value):
        self.values.append(value)

    def range(self, digits):
        if not self.values:
            return "–"
        low, high = (f"{end:.{digits}f}" for end in (min(self.values), max(self.values)))
        return low if low == high else f"{low}–{high}"

    def __str__(self):
        """The median, and the least and the greatest where they differ."""
        values = [value for value in self.values if not math.isnan(value)]
        if not values:
            return "–"
        middle, low, high = short(statistics.median(values)), short(min(values)), short(max(values))
        return middle if low == high else f"{middle} ({low}–{high})"


class Table:
    def __init__(self, title, columns):
        self.title = title
        self.columns = columns
        self.rows = []

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def __str__(self):
        lines = [f"### {self.title}", "", "| " + " | ".join(self.columns) + " |", "|" + " --- |" * len(self.columns)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"
