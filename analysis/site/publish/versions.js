// The versions of the site: a list to go to another one, and a notice on all but the newest.
// Every version ever published loads this file, so it may rely on nothing but the strip itself:
// <nav class="version-strip" data-version data-page data-root>. Loaded where the strip ends, it
// runs before the page is painted: nothing moves. Without it the strip names the version and links
// to the list of all.
(() => {
  const known = globalThis.timestepSpectraVersions;
  const strip = document.currentScript?.previousElementSibling;
  const { version: here, page, root } = strip?.dataset ?? {};
  if (!known || root === undefined) return;

  const element = (name, content = [], attributes = {}) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...[content].flat());
    return made;
  };
  const address = (path) => root + path.split("/").map(encodeURIComponent).join("/");
  const target = (one) => address(`${one.name}/${one.pages.includes(page) ? page : "index.html"}`);
  const named = (one) => (one.name === "dev" ? "working state" : one.name);
  const own = known.versions.find((one) => one.name === here);
  const newest = known.versions.find((one) => one.name === known.latest);

  const notes = { newest: " (newest)", "pre-release": " (pre-release)" };
  const items = known.versions.map((one) => element("li", element(
    "a",
    named(one) + (notes[one.kind] ?? ""),
    { href: target(one), ...(one === own ? { "aria-current": "true" } : {}) },
  )));
  items.push(element("li", element("a", "All versions", { href: `${root}versions.html` })));
  const line = strip.querySelector(".version-line");
  const summary = element("summary", [...line.querySelectorAll(".version-here, .version-when")]);
  const menu = element("details", [summary, element("ul", items)], { class: "version-menu" });
  line.replaceWith(menu);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    summary.focus();
  });

  if (newest && newest === own) return;
  const said = { "pre-release": `the pre-release ${here}`, dev: "the working state" };
  const words = [`You read ${said[own?.kind] ?? `version ${here}`}`];
  if (newest) {
    const kind = own?.kind === "old" ? "the newest is " : "the newest release is ";
    words.push(`; ${kind}`, element("a", newest.name, { href: target(newest) }), ".");
    const told = own?.kind === "old" ? newest.name : here;
    words.push(" ", element("a", "What changed in the results", { href: `${root}versions.html#${told}` }), ".");
  } else {
    words.push("; nothing is released yet.");
  }
  strip.append(element("p", element("span", words), { class: "version-banner" }));
})();
