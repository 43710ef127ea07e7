// Search in a dialog, over an index that is a script of its own (search-index.js), so that it
// works from file://. It is loaded when the search is first opened.
(() => {
  const button = document.getElementById("search");
  if (!button || !window.HTMLDialogElement) return;
  const { root, index: source } = document.currentScript.dataset;
  const MOST = 20;
  // Words of a question that are in every section: they are left out where others remain.
  const STOP = new Set(("a an and are as at be by can do does for from how i if in is it many much my "
    + "of on or should so that the there these this to we what when where which who why with you")
    .split(" "));
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const words = (text) => fold(text).match(/[\p{L}\p{N}]+/gu) || [];

  // Sections as { page, url, title, text, ... }, ready to be ranked
  let loading = null;
  const load = () => loading ??= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = () => done(prepare(window.searchIndex));
    script.onerror = () => { loading = null; fail(); };
    document.head.append(script);
  });
  const prepare = ({ pages, sections }) => {
    const found = sections.map(([page, anchor, title, text]) => ({
      page: pages[page][1], title, text,
      url: root + pages[page][0] + (anchor && `#${anchor}`),
      heading: new Set(words(title)), counts: count(words(text)),
    }));
    for (const one of found) one.length = [...one.counts.values()].reduce((a, b) => a + b, 1);
    const mean = found.reduce((sum, one) => sum + one.length, 0) / found.length;
    return { found, mean };
  };
  const count = (list) => {
    const counts = new Map();
    for (const word of list) counts.set(word, (counts.get(word) || 0) + 1);
    return counts;
  };

  // BM25, with the beginnings of words worth half a word and a heading worth three
  const hits = (section, term) => {
    let text = 0;
    for (const [word, n] of section.counts) {
      if (word === term) text += n; else if (word.startsWith(term)) text += n / 2;
    }
    const heading = section.heading.has(term) ? 3
      : [...section.heading].some((word) => word.startsWith(term)) ? 1.5 : 0;
    return { text, heading };
  };
  const rank = ({ found, mean }, query) => {
    const all = [...new Set(words(query))], telling = all.filter((word) => !STOP.has(word));
    const terms = telling.length ? telling : all;
    if (!terms.length) return [];
    const scored = found.map((section) => ({ section, all: 0, score: 0 }));
    for (const term of terms) {
      const each = found.map((section) => hits(section, term));
      const having = each.filter((one) => one.text || one.heading).length;
      const rare = Math.log(1 + (found.length - having + 0.5) / (having + 0.5));
      each.forEach(({ text, heading }, n) => {
        if (!text && !heading) return;
        const long = 0.25 + 0.75 * scored[n].section.length / mean;
        scored[n].all += 1;
        scored[n].score += rare * (2.2 * text / (text + 1.2 * long) + heading);
      });
    }
    const most = Math.max(...scored.map((one) => one.all));
    return scored.filter((one) => one.all === most && most > 0)
      .sort((a, b) => b.score - a.score).slice(0, MOST).map((one) => one.section);
  };

  // The text round the first word found, with the words found marked
  const excerpt = (text, terms) => {
    const places = [...text.matchAll(/[\p{L}\p{N}]+/gu)]
      .filter((word) => terms.some((term) => fold(word[0]).startsWith(term)));
    const from = Math.max(0, (places[0]?.index ?? 0) - 60);
    const start = from ? text.indexOf(" ", from) + 1 : 0;
    const stop = Math.min(text.length, start + 200);
    const out = start ? ["… "] : [];
    let at = start;
    for (const word of places) {
      const end = word.index + word[0].length;
      if (word.index < at || end > stop) continue;
      const mark = document.createElement("mark");
      mark.textContent = word[0];
      out.push(text.slice(at, word.index), mark);
      at = end;
    }
    return [...out, text.slice(at, stop), stop < text.length ? " …" : ""];
  };

  const dialog = document.createElement("dialog");
  dialog.className = "search";
  dialog.setAttribute("aria-label", "Search");
  dialog.innerHTML = `
    <div class="search-bar">
      <input type="text" inputmode="search" role="combobox" aria-label="Search this site" aria-expanded="false"
        aria-controls="search-results" aria-autocomplete="list" autocomplete="off"
        autocapitalize="off" spellcheck="false" placeholder="Search this site">
      <button type="button" aria-label="Close">×</button>
    </div>
    <p role="status"></p>
    <ul role="listbox" id="search-results" aria-label="Results"></ul>`;
  document.body.append(dialog);
  const [input, status, list] = ["input", "[role=status]", "ul"].map((s) => dialog.querySelector(s));
  let active = -1;

  const choose = (number) => {
    const options = list.children;
    options[active]?.setAttribute("aria-selected", "false");
    active = options.length ? (number + options.length) % options.length : -1;
    options[active]?.setAttribute("aria-selected", "true");
    options[active]?.scrollIntoView({ block: "nearest", behavior: "instant" });
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", options[active].id);
  };
  const follow = (url) => {
    dialog.close();
    location.href = url;
  };
  const option = (section, number, terms) => {
    const item = document.createElement("li");
    item.id = `search-${number}`;
    item.dataset.url = section.url;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    for (const [name, parts] of [
      ["page", [section.page]], ["title", [section.title]], ["text", excerpt(section.text, terms)],
    ]) {
      const part = document.createElement("span");
      part.className = name;
      part.append(...parts);
      item.append(part);
    }
    item.addEventListener("click", () => follow(section.url));
    return item;
  };
  const update = async () => {
    let index;
    try {
      index = await load();
    } catch {
      status.textContent = "The index could not be loaded.";
      return;
    }
    const terms = words(input.value);
    const found = rank(index, input.value);
    list.replaceChildren(...found.map((section, n) => option(section, n, terms)));
    list.scrollTop = 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    const shown = `${found.length}${found.length === MOST ? " or more" : ""}`;
    status.textContent = !terms.length ? "Type a word; arrow keys choose, Enter goes there."
      : found.length ? `${shown} result${found.length === 1 ? "" : "s"}` : "Nothing found.";
    active = -1;
    choose(0);
  };

  input.addEventListener("input", update);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      choose(active + step);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      follow(list.children[active].dataset.url);
    }
  });
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  const open = () => {
    if (dialog.open) return;
    dialog.showModal();
    input.select();
    update();
  };
  button.addEventListener("click", open);
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    const wanted = event.key === "/" ? !typing && !event.ctrlKey && !event.metaKey && !event.altKey
      : event.key === "k" && (event.ctrlKey || event.metaKey);
    if (!wanted || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    open();
  });
})();
