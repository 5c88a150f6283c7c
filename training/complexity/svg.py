"""Charts as SVG text: readable on light and dark pages, without a plotting library.

Colours are classes in the picture's own style sheet, which follows the reader's colour scheme; a picture has
its own background, so that it stays legible where the page does not follow.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

STYLE = (Path(__file__).parent / "pictures.css").read_text(encoding="utf-8")


class Picture:
    """Collects elements; coordinates are pixels from the top left."""

    def __init__(self, width: float, height: float, title: str, description: str):
        self.width, self.height = width, height
        self.parts = [
            f"<title>{escape(title)}</title><desc>{escape(description)}</desc><style>{STYLE}</style>",
            f'<rect width="{width:g}" height="{height:g}" rx="12" fill="var(--paper)"/>',
        ]
        self.text(24, 34, title, "title")
        self.text(24, 54, description, "soft")

    def text(self, x: float, y: float, content: str, css: str = "", turned: float = 0) -> None:
        turn = f' transform="rotate({turned:g} {x:.1f} {y:.1f})"' if turned else ""
        kind = f' class="{css}"' if css else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{kind}{turn}>{escape(content)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str = "grid") -> None:
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>')

    def dot(self, x: float, y: float, css: str, note: str = "", radius: float = 5) -> None:
        label = f"<title>{escape(note)}</title>" if note else ""
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{css}">{label}</circle>')

    def diamond(self, x: float, y: float, css: str, note: str = "", radius: float = 5) -> None:
        path = (
            f"M{x:.1f} {y - radius:.1f}l{radius:g} {radius:g}l{-radius:g} {radius:g}l{-radius:g} {-radius:g}z"
        )
        self.parts.append(f'<path d="{path}" class="{css}"><title>{escape(note)}</title></path>')

    def cell(self, x: float, y: float, width: float, height: float, css: str, opacity: float) -> None:
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" '
            f'class="{css}" fill-opacity="{opacity:.2f}"/>'
        )

    def render(self) -> str:
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" height="{self.height:g}" role="img">\n{body}\n</svg>\n'
        )
