// Figures in a dialog, as large as the window allows: Enter on a figure's button or a click on it
// opens, the arrow keys go through all figures, Escape closes and focus returns.
(() => {
  const figures = [...document.querySelectorAll("figure.figure")]
    .filter((figure) => figure.querySelector(".plate img"));
  if (!figures.length || !window.HTMLDialogElement) return;
  const ICON = "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5";
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const control = (label, text, act) => {
    const button = make("button", { type: "button", textContent: text, onclick: act });
    button.setAttribute("aria-label", label);
    return button;
  };
  const name = (figure) => {
    const lead = figure.querySelector(".caption-lead");
    return lead ? lead.textContent.replace(/:\s*$/, "").replace(/\s/g, " ") : "Figure";
  };

  let current = 0;
  let opener = null;
  const stage = make("div", { className: "stage" });
  const caption = make("div", { className: "lightbox-caption", id: "lightbox-caption" });
  const count = make("span", { className: "count" });
  const show = (number) => {
    current = (number + figures.length) % figures.length;
    const figure = figures[current];
    // Of a figure that is drawn for both themes, the one that is shown.
    const images = [...figure.querySelectorAll(".plate img")];
    const image = (images.find((one) => one.checkVisibility?.() ?? one.offsetParent) || images[0])
      .cloneNode();
    image.loading = "eager";
    image.style.setProperty("--ratio", image.getAttribute("width") / image.getAttribute("height"));
    stage.replaceChildren(image);
    stage.scrollTo(0, 0);
    const text = figure.querySelector("figcaption").cloneNode(true);
    for (const link of text.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    for (const one of text.querySelectorAll("[id]")) one.removeAttribute("id");
    caption.replaceChildren(...text.childNodes);
    count.textContent = `${current + 1} of ${figures.length}`;
    dialog.setAttribute("aria-label", name(figure));
  };
  const dialog = make("dialog", { className: "lightbox" },
    make("div", { className: "lightbox-bar" },
      count,
      control("Previous figure", "←", () => show(current - 1)),
      control("Next figure", "→", () => show(current + 1)),
      control("Close", "×", () => dialog.close())),
    stage, caption);
  dialog.setAttribute("aria-describedby", "lightbox-caption");
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(current + step);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target === stage) dialog.close();
  });
  dialog.addEventListener("close", () => opener?.focus({ preventScroll: true }));
  document.body.append(dialog);

  figures.forEach((figure, number) => {
    const open = () => {
      opener = button;
      show(number);
      dialog.showModal();
    };
    const button = make("button", { type: "button", className: "enlarge", onclick: open });
    button.setAttribute("aria-label", `Enlarge ${name(figure)}`);
    button.innerHTML = '<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">'
      + `<path d="${ICON}" fill="none" stroke="currentColor" stroke-width="2"/></svg>`;
    figure.prepend(button);
    for (const image of figure.querySelectorAll(".plate img")) {
      image.classList.add("zoomable");
      image.addEventListener("click", open);
    }
  });
})();
