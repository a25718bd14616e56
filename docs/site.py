"""A hook of MkDocs: the site holds every Markdown page of the repository, and what they link to.

Paths on the site are those from the root, so a link works on the site as it does in a clone, and
strict mode checks the links of README.md and CONTRIBUTING.md too.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/*.md", "egs/*/*.md", "benchmarks/*.md", "benchmarks/faults/*.md")
LINK = re.compile(r"\]\(([^)#\s]+)")


def on_files(files, config):
    """The files of the site: the theme's, all pages, and the files that these link to."""
    pages = sorted(path for pattern in PAGES for path in ROOT.glob(pattern))
    names = {path.relative_to(ROOT).as_posix() for path in pages}
    linked = {target for path in pages for target in targets(path)} - names
    found = [file for file in files if file.src_dir != config.docs_dir]
    for name in sorted(names | linked):
        found.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return Files(found)


def targets(page):
    """Files of the repository that `page` links to, as paths from the root."""
    folder = page.parent.relative_to(ROOT).as_posix()
    for link in LINK.findall(page.read_text("utf-8")):
        target = posixpath.normpath(posixpath.join(folder, link))
        if "://" not in link and not target.startswith("..") and (ROOT / target).is_file():
            yield target
