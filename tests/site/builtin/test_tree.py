"""The elements of a page, against a parser that follows the HTML standard's rules."""

import xml.etree.ElementTree as ET

from analysis.site.builtin import tree

PAGE = (
    '<html><body><main id="a" class="x y"><h2>One<a class="anchor" href="#a">#</a></h2>'
    '<p>Two &amp;&nbsp;<em>three</em><br/>four<img src="p.svg" alt="&quot;A&quot;"/></p>'
    "<details><summary>More</summary>hidden</details><ul><li>five</li></ul></main></body></html>"
)


def main_of(text: str) -> tree.Element:
    return next(tree.read(text).all("main"))


def test_elements_are_those_of_an_xml_parser() -> None:
    # The page is well-formed XML, so that the standard library's parser is a judge.
    judge = ET.fromstring(PAGE.replace("&nbsp;", "&#160;"))
    found = tree.read(PAGE)
    assert [one.tag for one in found.all()] == [one.tag for one in judge.iter()]
    assert [one.attributes for one in found.all()] == [one.attrib for one in judge.iter()]


def test_text_is_what_is_read() -> None:
    main = main_of(PAGE)
    assert main.classes == {"x", "y"}
    assert main.text() == "OneTwo & threefourfive"
    assert next(main.all("h2")).text() == "One"


def test_markup_comes_back_without_what_is_not_kept() -> None:
    main = main_of(PAGE)
    assert [one.attributes for one in tree.read(main.html(lambda _: True)).all()] == [
        main.attributes,
        *(one.attributes for one in main.all()),
    ]
    assert "details" in main.html(lambda _: True)
    assert "details" not in main.html(lambda element: element.tag != "details")


def test_a_stray_end_tag_closes_nothing() -> None:
    main = main_of("<main></b><p>one</i></p><p>two</p></main>")
    assert [one.text() for one in main.all("p")] == ["one", "two"]
