"""A built page as the page of a version: what is put in, what is changed, and what is not."""

import pytest

from analysis.site.publish.stamping import Reader, Stamp, addressed, page

FILES = {
    "index.html": "index.html",
    "report/index.html": "report/index.html",
    "report/paper.pdf": "report/paper-0.2.pdf",
    "report/made/fig-raps.svg": "report/made/fig-raps.svg",
}
URL = "https://example.org/p/"
STAMP = Stamp("0.2", "2026-11-23T01:02:03Z", "be0c0ff" + 33 * "0", "", FILES)
KNOWN = Stamp("0.2", "2026-11-23T01:02:03Z", "be0c0ff" + 33 * "0", URL, FILES)
PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>One &amp; two</title>
<meta name="author" content="A. Author">
<link rel="canonical" href="https://example.org/p/report/index.html">
<meta property="og:image" content="https://example.org/p/report/made/fig-raps.svg">
<script>const s = "<header>";</script>
</head>
<body class="x"><a class="skip" href="#content">Skip</a>
<header><nav></nav></header>
<main id="content"><header><h1>T</h1></header>
<p>make writes report/paper.pdf; <a href="paper.pdf#page=2">PDF</a>,
<a href='../report/paper.pdf'>again</a>, <a href="https://other.org/report/paper.pdf">other</a>.</p>
</main></body></html>
"""


def test_what_a_page_says_of_itself() -> None:
    found = Reader(PAGE)
    assert (found.title, found.author, found.refresh) == ("One & two", "A. Author", "")
    assert PAGE[found.header_start :].startswith("<header><nav>")
    assert PAGE[found.body_start :].startswith('<a class="skip"')
    assert PAGE[found.head_end :].startswith("</head>")
    quarto = '<head><meta http-equiv="refresh" content="0;URL=\'report/index.html\'" /></head>'
    assert Reader(quarto).refresh == "report/index.html"


def test_the_strip_follows_the_skip_link() -> None:
    done = page(PAGE, "report/index.html", STAMP)
    strip = done[done.index("<nav class") : done.index("</nav>")]
    assert done.index('class="skip"') < done.index(strip) < done.index("<header><nav>")
    assert done.count("version-strip") == 1
    assert 'data-version="0.2" data-page="report/index.html" data-root="../../"' in strip
    assert "Version 0.2" in strip and "be0c0ff<" in strip and "2026-11-23<" in strip
    assert '<a class="version-all" href="../../versions.html">All versions</a>' in strip
    assert done.index("</nav>") < done.index('<script src="../../versions.js">')
    assert '<link rel="stylesheet" href="../../versions.css">' in done[: done.index("</head>")]
    top = page(PAGE, "index.html", STAMP)
    assert 'data-root="../"' in top


def test_a_page_without_a_header_has_it_first() -> None:
    text = "<html><head></head><body>\n<main><header></header></main></body></html>"
    done = page(text, "a.html", STAMP)
    assert "<body><nav class=" in done


@pytest.mark.parametrize(
    "text",
    [
        '<html><head><meta http-equiv="refresh" content="0; url=a.html"></head><body>b</body>',
        "<p>A part of a page</p>",
        "",
    ],
)
def test_what_is_no_page_stays(text: str) -> None:
    assert page(text, "index.html", KNOWN) == text


def test_without_an_address_nothing_canonical_is_said() -> None:
    done = page(PAGE, "report/index.html", STAMP)
    assert done.count("canonical") == 1  # the renderer's own
    assert "atom.xml" not in done and "noindex" not in done


def test_with_an_address() -> None:
    done = page(PAGE, "report/index.html", KNOWN)
    assert done.count('rel="canonical"') == 1
    assert '<link rel="canonical" href="https://example.org/p/0.2/report/index.html">' in done
    assert 'content="https://example.org/p/0.2/report/made/fig-raps.svg"' in done
    assert 'type="application/atom+xml"' in done


def test_the_working_state_is_not_for_search_engines() -> None:
    dev = Stamp("dev", STAMP.date, "", "", FILES)
    done = page(PAGE, "report/index.html", dev)
    assert '<meta name="robots" content="noindex">' in done
    assert "Working state" in done and "commit" not in done


def test_only_links_to_the_pdf_are_renamed() -> None:
    done = page(PAGE, "report/index.html", STAMP)
    assert 'href="paper-0.2.pdf#page=2"' in done
    assert "href='../report/paper-0.2.pdf'" in done
    assert "make writes report/paper.pdf;" in done
    assert "https://other.org/report/paper.pdf" in done
    assert 'href="paper.pdf"' in page('<a href="paper.pdf">', "notes/a.html", STAMP)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"@id": "report/paper.pdf"}', '{"@id": "report/paper-0.2.pdf"}'),
        ("[PDF](report/paper.pdf), `paper.pdf`", "[PDF](report/paper-0.2.pdf), `paper.pdf`"),
        (f"({URL}report/paper.pdf)", f"({URL}0.2/report/paper-0.2.pdf)"),
        (f"<{URL}report/index.html>", f"<{URL}0.2/report/index.html>"),
        (f"<{URL}report/none.html>", f"<{URL}report/none.html>"),
        (f"see {URL}", f"see {URL}0.2/"),
        ("https://example.com/p/report/paper.pdf", "https://example.com/p/report/paper.pdf"),
    ],
)
def test_addresses_in_other_files(text: str, wanted: str) -> None:
    assert addressed(text, "llms.txt", KNOWN) == wanted


def test_linked_data_is_addressed_and_other_scripts_are_not() -> None:
    scripts = (
        '<script type="application/ld+json">{"url": "paper.pdf"}</script>'
        '<script>open("paper.pdf")</script>'
    )
    done = page(PAGE.replace("</head>", scripts + "</head>"), "report/index.html", STAMP)
    assert '{"url": "paper-0.2.pdf"}' in done
    assert 'open("paper.pdf")' in done


def test_names_are_escaped() -> None:
    odd = Stamp("0.2", "2026", '"><script>', "", {})
    assert "<script>" not in page(PAGE, "a.html", odd).replace("<script>const", "").replace(
        "<script src", ""
    )
