"""A board as an Atom feed (RFC 4287) and as a badge."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from server.instants import text as iso
from server.pages.words import plain
from server.status_page import documents

if TYPE_CHECKING:
    from server.status_page.board import Board

ATOM = "http://www.w3.org/2005/Atom"
MOST = 100  # entries
COLOURS = {"none": "#15803d", "minor": "#b45309", "major": "#b91c1c", "critical": "#b91c1c", "maintenance": "#4f46e5"}
GREY = "#5a6472"
LETTER = 6.6  # width of one at 11 px, of a font that is about as wide as Verdana


def atom(board: Board, address: str) -> bytes:
    """Outages of the last 14 days and planned work, newest first; an entry's id stays while its content changes."""
    feed = ET.Element("feed", {"xmlns": ATOM})
    _text(feed, "id", address)
    _text(feed, "title", board.page.title)
    _text(feed, "updated", iso(board.changed))
    ET.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": address})
    ET.SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": f"{address}/feed.atom"})
    _text(ET.SubElement(feed, "author"), "name", board.page.title)
    found = documents.incidents(board, address, unresolved=False)["incidents"]
    found = found + documents.maintenances(board, address)["scheduled_maintenances"]
    for item in sorted(found, key=lambda item: item["updated_at"], reverse=True)[:MOST]:
        entry = ET.SubElement(feed, "entry")
        _text(entry, "id", f"{address}#{item['id']}")
        _text(entry, "title", item["name"])
        _text(entry, "published", item["created_at"])
        _text(entry, "updated", item["updated_at"])
        ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": f"{address}#{item['id']}"})
        _text(entry, "content", _content(item), type="text")
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def badge(board: Board) -> str:
    """The page's sentence as a small SVG picture for other pages."""
    left, right = "status", board.state.description
    measured = any(line.state.status != "not_measured" for line in board.lines)
    colour = COLOURS[board.state.indicator] if measured else GREY
    widths = [round(len(text) * LETTER) + 14 for text in (left, right)]
    whole = sum(widths)
    label = escape(f"{plain(board.page.title)}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{escape(label, {chr(34): "&quot;"})}">'
        f'<title>{label}</title><rect width="{whole}" height="20" rx="3" fill="#444c56"/>'
        f'<path d="M{widths[0]} 0h{widths[1] - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{widths[1] - 3}z" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="7" y="14">{left}</text>'
        f'<text x="{widths[0] + 7}" y="14">{escape(right)}</text></g></svg>'
    )


def _content(item: documents.Document) -> str:
    said = [f"{update['display_at']} {update['body']}" for update in item["incident_updates"]]
    if "scheduled_for" in item:
        said.append(f"From {item['scheduled_for']} until {item['scheduled_until']}.")
    return "\n".join(said)


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = plain(text)
