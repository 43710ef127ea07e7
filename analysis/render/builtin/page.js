// Three things a style sheet can't do: remember the theme, fold the contents away on a phone, and
// mark the section being read. The page is whole without them.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const shown = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const label = () => {
    button.setAttribute("aria-label", `Switch to ${shown() === "dark" ? "light" : "dark"} colours`);
  };
  button.hidden = false;
  label();
  dark.addEventListener("change", label);
  button.addEventListener("click", () => {
    root.dataset.theme = shown() === "dark" ? "light" : "dark";
    // Storage is refused to some pages opened from files: the switch then lasts for this page.
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not remembered */ }
    label();
  });

  const toc = document.getElementById("toc");
  if (!toc) return;
  const wide = matchMedia("(min-width: 64rem)");
  const fold = () => { toc.open = wide.matches; };
  fold();
  wide.addEventListener("change", fold);
  const links = new Map();
  for (const link of toc.querySelectorAll("a[href^='#']")) {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (target) links.set(target, link);
    link.addEventListener("click", () => { if (!wide.matches) toc.open = false; });
  }
  let current = null;
  let waiting = false;
  const mark = () => {
    waiting = false;
    let found = null;
    for (const target of links.keys()) {
      if (target.getBoundingClientRect().top < innerHeight * 0.3) found = target;
    }
    if (found === current) return;
    links.get(current)?.removeAttribute("aria-current");
    const link = links.get(found);
    link?.setAttribute("aria-current", "true");
    if (wide.matches) link?.scrollIntoView({ block: "nearest" });
    current = found;
  };
  addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(mark);
    waiting = true;
  }, { passive: true });
  mark();
})();
