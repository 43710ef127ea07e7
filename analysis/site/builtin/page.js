// What a style sheet can't do: remember the theme, fold the contents away on a phone, mark the
// section being read, make what scrolls sideways reachable, and copy code. The page is whole
// without them.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const shown = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const label = () => {
    button.setAttribute("aria-label", `Switch to ${shown() === "dark" ? "light" : "dark"} colours`);
  };
  label();
  dark.addEventListener("change", label);
  button.addEventListener("click", () => {
    root.dataset.theme = shown() === "dark" ? "light" : "dark";
    // Storage is refused to some pages opened from files: the switch then lasts for this page.
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not remembered */ }
    label();
  });
})();

// Contents
(() => {
  const toc = document.getElementById("toc");
  if (!toc) return;
  const wide = matchMedia("(min-width: 64rem)");
  wide.addEventListener("change", () => { toc.open = wide.matches; });
  const links = new Map();
  for (const link of toc.querySelectorAll("a[href^='#']")) {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (target) links.set(target, link);
    link.addEventListener("click", () => { if (!wide.matches) toc.open = false; });
  }
  // Scrolls the contents only: scrollIntoView would scroll the page too, where it is scrolling.
  const reveal = (link) => {
    const box = toc.getBoundingClientRect();
    const at = link.getBoundingClientRect();
    if (at.top < box.top + 40 || at.bottom > box.bottom - 40) {
      toc.scrollTop += at.top - box.top - box.height / 2;
    }
  };
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
    if (link && wide.matches) reveal(link);
    current = found;
  };
  addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(mark);
    waiting = true;
  }, { passive: true });
  mark();
})();

// What scrolls sideways: a stop of the Tab key, and faded where there is more, only if it does
(() => {
  const fade = (box) => {
    const rest = box.scrollWidth - box.clientWidth;
    if (rest > 0) box.tabIndex = 0; else box.removeAttribute("tabindex");
    box.classList.toggle("more-before", rest > 1 && box.scrollLeft > 2);
    box.classList.toggle("more-after", rest > 1 && box.scrollLeft < rest - 2);
  };
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => fade(entry.target)));
  const boxes = [...document.querySelectorAll(".scroll, .plate, .equation-body, pre")];
  // A font that comes late changes what a box holds, not its size.
  document.fonts.ready.then(() => boxes.forEach(fade));
  for (const box of boxes) {
    sizes.observe(box);
    box.addEventListener("scroll", () => fade(box), { passive: true });
  }
})();

// A button that copies a block of code
(() => {
  if (!navigator.clipboard) return;
  for (const block of document.querySelectorAll("div.sourceCode")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.querySelector("code").innerText.trimEnd() + "\n");
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    block.append(button);
  }
})();
