"""A notebook from cells: md(id, text), code(id, source, tags, folded)."""
import nbformat
CELLS = []
def md(id, text):
    CELLS.append(nbformat.v4.new_markdown_cell(text.strip("\n"), id=id))
def code(id, text, tags=(), folded=False):
    cell = nbformat.v4.new_code_cell(text.strip("\n"), id=id)
    if tags: cell.metadata["tags"] = list(tags)
    if folded: cell.metadata["jupyter"] = {"source_hidden": True}
    CELLS.append(cell)
