"""Pieces of the page: tables, names, heat."""

from html import escape

COLUMNS = 5  # of numbers, beyond which a table takes the whole width of a grid


def table(header, rows, caption):
    """A table that scrolls by itself. header, rows: HTML cells, the first of a row a heading."""
    kind = "table wide" if len(header) > COLUMNS else "table"
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(_td(cell) for cell in row[1:]) + "</tr>\n"
        for row in rows
    )
    return (
        f'<figure class="{kind}"><figcaption>{caption}</figcaption><div class="scroll"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div></figure>\n"
    )


def _td(cell):
    return cell if cell.startswith("<td") else f"<td>{cell}</td>"


def grid(parts):
    """Parts side by side where there is room."""
    return f'<div class="grid">{"".join(parts)}</div>' if parts else ""


def wrapped(text):
    """A system's name, which may break after an underline."""
    return escape(text).replace("_", "_<wbr>")
