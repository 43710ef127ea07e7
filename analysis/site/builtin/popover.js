// What a citation, a footnote or a cross-reference leads to, shown beside it on hover and on
// focus. It stays while the pointer is on it, Escape closes it, and the link still leads there.
(() => {
  const LINKS = "a[href^='#ref-'], a.footnote-ref, a.quarto-xref";
  const box = document.createElement("div");
  box.id = "popover";
  box.className = "popover";
  box.setAttribute("role", "tooltip");
  box.hidden = true;
  document.body.append(box);
  let owner = null;
  let timer = 0;

  const bare = (element) => {
    const copy = element.cloneNode(true);
    for (const one of [copy, ...copy.querySelectorAll("[id], [tabindex]")]) {
      one.removeAttribute("id");
      one.removeAttribute("tabindex");
    }
    for (const one of copy.querySelectorAll("button, .anchor, .footnote-back")) one.remove();
    // Nothing in it can be reached by the keyboard: its links are text here.
    for (const one of copy.querySelectorAll("a")) one.replaceWith(...one.childNodes);
    return copy;
  };
  const parts = (target) => {
    if (target.matches("figure.figure")) {
      return [...target.querySelectorAll(".plate picture, .plate p > img, figcaption")];
    }
    if (target.matches("figure")) return [...target.querySelectorAll("figcaption")];
    if (target.matches(".equation")) return [...target.children];
    if (target.matches("section, h2, h3, h4, h5, h6")) {
      const heading = target.matches("section") ? target.firstElementChild : target;
      return [heading, heading.nextElementSibling].filter(Boolean);
    }
    return [target];
  };
  const place = (link) => {
    // A link may be broken over two lines: the last rectangle is where it ends.
    const rects = link.getClientRects();
    const at = rects[rects.length - 1];
    const room = document.documentElement.clientWidth;
    const left = Math.max(12, Math.min(at.left, room - box.offsetWidth - 12));
    const below = at.bottom + 6 + box.offsetHeight <= innerHeight;
    const top = below || at.top < box.offsetHeight + 70 ? at.bottom + 6
      : rects[0].top - box.offsetHeight - 6;
    box.style.left = `${left + scrollX}px`;
    box.style.top = `${top + scrollY}px`;
  };
  const hide = () => {
    clearTimeout(timer);
    owner?.removeAttribute("aria-describedby");
    owner = null;
    box.hidden = true;
  };
  const show = (link) => {
    clearTimeout(timer);
    if (owner === link) return;
    hide();
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!target || target.contains(link)) return;
    box.replaceChildren(...parts(target).map(bare));
    box.className = `popover ${target.matches("figure.figure") ? "of-figure" : ""}`;
    box.hidden = false;
    owner = link;
    link.setAttribute("aria-describedby", "popover");
    place(link);
    // A picture that is not there yet comes with its size, but the box may have to move.
    for (const one of box.querySelectorAll("img")) {
      one.loading = "eager";
      one.addEventListener("load", () => { if (owner === link) place(link); });
    }
  };
  const later = (act, wait) => { clearTimeout(timer); timer = setTimeout(act, wait); };

  for (const link of document.querySelectorAll(LINKS)) {
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") later(() => show(link), 150);
    });
    link.addEventListener("pointerleave", () => later(hide, 250));
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) show(link); });
    link.addEventListener("blur", hide);
    link.addEventListener("click", hide);
  }
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => later(hide, 250));
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
})();
