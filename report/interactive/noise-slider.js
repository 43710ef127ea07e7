/* The noise slider: real latents blended with noise at both resolutions, and their spectra at the
   same t. Formulas are those of analysis/timesteps/schedule.py, analysis/timesteps/noise.py and
   analysis/paper/values.py; tests/paper/widgets/test_noise_slider.py compares the two. t is the
   fraction of data: t = 1 is data. */
(function () {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";

  // The mathematics ----------------------------------------------------------------------------

  /** t' = t / (t + s (1 - t)): s > 1 means more noise. */
  const shiftTime = (t, s) => t / (t + s * (1 - t));

  /** Signal-to-noise ratio (of powers) of each frequency; Infinity at t = 1. */
  const snr = (t, power, noise) =>
    power.map((p, i) => (t / (1 - t)) ** 2 * p / noise[i]);

  /** Where the ratio first falls through one, straight between rings on logarithmic axes; null
      where it begins below one or stays above. */
  function crossing(k, ratio) {
    const j = ratio.findIndex((value) => value < 1);
    if (j < 1 || !isFinite(ratio[j - 1])) return null;
    const [x0, x1] = [Math.log(k[j - 1]), Math.log(k[j])];
    const [y0, y1] = [Math.log(ratio[j - 1]), Math.log(ratio[j])];
    return Math.exp(x0 - y0 * (x1 - x0) / (y1 - y0));
  }

  /** The planes of `quantised` in analysis/paper/widgets/noise_slider.py, as numbers. */
  function planes(field) {
    const text = atob(field.bytes);
    const out = new Float64Array(text.length);
    for (let i = 0; i < out.length; i++) out[i] = field.low + field.step * text.charCodeAt(i);
    return out;
  }

  /** z_t = t z + (1 - t) eps, as colours: [3, n, n] with the offset of the linear map. */
  function blend(z, eps, t, offset) {
    const out = new Float64Array(z.length), size = z.length / 3;
    for (let i = 0; i < out.length; i++) {
      out[i] = t * z[i] + (1 - t) * eps[i] + offset[Math.floor(i / size)];
    }
    return out;
  }

  /** numpy's default percentile of sorted numbers: straight between neighbours. */
  function percentile(sorted, percent) {
    const place = (sorted.length - 1) * percent / 100, i = Math.floor(place);
    const next = sorted[Math.min(i + 1, sorted.length - 1)];
    return sorted[i] + (next - sorted[i]) * (place - i);
  }

  /** RGBA bytes of colours [3, n, n], the middle 98 % of all values stretched. */
  function picture(colours) {
    const size = colours.length / 3, sorted = colours.slice().sort();
    const low = percentile(sorted, 1), high = percentile(sorted, 99);
    const scale = 1 / Math.max(high - low, 1e-12);
    const out = new Uint8ClampedArray(4 * size);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) {
        const share = Math.min(Math.max((colours[c * size + i] - low) * scale, 0), 1);
        out[4 * i + c] = Math.floor(share * 255 + 0.5);
      }
      out[4 * i + 3] = 255;
    }
    return out;
  }

  /** Everything that is shown at one t: the low resolution, the high one, and that shifted. */
  function state(data, t, s) {
    const [low, high] = data.sides;
    return [[low, t], [high, t], [high, shiftTime(t, s)]].map(([side, time]) => {
      const ratio = snr(time, side.power, side.noise);
      return {
        px: side.px, side, t: time, snr: ratio, crossing: crossing(side.k, ratio),
        data: side.power.map((p) => time ** 2 * p),
        noise: side.noise.map((n) => (1 - time) ** 2 * n),
      };
    });
  }

  // Text ---------------------------------------------------------------------------------------

  const fixed = (value, digits) => value.toFixed(digits).replace("-", "\u2212");

  /** What one ratio does; shorter after another that does the same. */
  function where(one, before) {
    if (one.crossing !== null) {
      const k = fixed(one.crossing, 1);
      return before && before.crossing !== null ? `at ${k}` : `falls through one at ${k} cycles/image`;
    }
    const below = one.snr.filter((value) => value < 1).length;
    return below === one.snr.length ? "is below one everywhere"
      : below ? "begins below one" : "is above one everywhere";
  }

  function summary(cases) {
    const [low, high, shifted] = cases;
    return `At t = ${fixed(low.t, 2)} the signal-to-noise ratio of ${low.px} px ${where(low)}, `
      + `that of ${high.px} px ${where(high, low)}; with t shifted to ${fixed(shifted.t, 3)}, that `
      + `of ${high.px} px ${where(shifted, high)}.`;
  }

  // Plots --------------------------------------------------------------------------------------

  const BOX = { left: 54, right: 334, top: 10, bottom: 218 };
  const decimal = (exponent) => String(exponent).replace("-", "\u2212");

  function add(parent, name, attributes, text) {
    const node = document.createElementNS(SVG, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  }

  /** Axes with a logarithmic scale each; returns what draws a curve and what places a point. */
  function plot(svg, k, from, to, label, id) {
    const last = k[k.length - 1] * 1.07, first = k[0] * 0.93;
    const span = Math.log(last / first);
    const x = (f) => BOX.left + (BOX.right - BOX.left) * Math.log(f / first) / span;
    const y = (v) => BOX.bottom - (BOX.bottom - BOX.top) * (Math.log10(v) - from) / (to - from);
    const every = to - from > 5 ? 2 : 1;
    svg.replaceChildren();
    const clip = add(add(svg, "defs", {}), "clipPath", { id });
    add(clip, "rect", { x: BOX.left, y: BOX.top, width: BOX.right - BOX.left,
      height: BOX.bottom - BOX.top });
    for (let e = Math.ceil(from); e <= to; e++) {
      add(svg, "line", { class: "w-grid", x1: BOX.left, x2: BOX.right, y1: y(10 ** e),
        y2: y(10 ** e) });
      if (e % every) continue;
      const tick = add(svg, "text", { x: BOX.left - 6, y: y(10 ** e) + 4, "text-anchor": "end" },
        e === 0 ? "1" : "10");
      if (e !== 0) add(tick, "tspan", { dy: -5, "font-size": "75%" }, decimal(e));
    }
    for (let f = 2 ** Math.ceil(Math.log2(first)); f <= last; f *= 2) {
      add(svg, "line", { class: "w-grid", x1: x(f), x2: x(f), y1: BOX.top, y2: BOX.bottom });
      if (Math.log2(f) % (span > 5 ? 2 : 1)) continue;
      add(svg, "text", { x: x(f), y: BOX.bottom + 16, "text-anchor": "middle" }, f);
    }
    const middle = (BOX.top + BOX.bottom) / 2;
    add(svg, "text", { x: (BOX.left + BOX.right) / 2, y: BOX.bottom + 34,
      "text-anchor": "middle" }, "frequency (cycles/image)");
    add(svg, "text", { x: 12, y: middle, "text-anchor": "middle",
      transform: `rotate(-90 12 ${middle})` }, label);
    const layer = add(svg, "g", { "clip-path": `url(#${id})` });
    // Beyond the box a curve is cut, not drawn to infinity.
    const held = (v) => Math.min(Math.max(y(Math.max(v, 1e-300)), -999), 999);
    return {
      x, y, layer,
      curve: (name) => {
        const node = add(layer, "path", { class: `w-curve ${name}` });
        return (ks, values) => node.setAttribute("d", values.map((v, i) =>
          `${i ? "L" : "M"}${x(ks[i]).toFixed(1)} ${held(v).toFixed(1)}`).join(""));
      },
    };
  }

  const KINDS = ["w-low", "w-high", "w-shifted"];
  // Those drawn later lie above: the dashes of the low resolution on the line that shall meet them.
  const ORDER = [1, 2, 0];

  /** Draws axes once and returns the function that draws the curves of `state`. */
  function plots(root, data) {
    const all = data.sides.flatMap((side) => side.power.concat(side.noise));
    const top = Math.ceil(Math.log10(Math.max(...all)) + 0.2);
    const left = plot(root.querySelector(".w-power"), data.sides[1].k, -4, top,
      "power per mode (latent units²)", "w-clip-power");
    const right = plot(root.querySelector(".w-snr"), data.sides[1].k, -4, 4,
      "SNR (ratio of powers)", "w-clip-snr");
    const one = right.y(1);
    add(right.layer, "line", { class: "w-one", x1: BOX.left, x2: BOX.right, y1: one, y2: one });
    const curves = [];
    for (const i of ORDER) {
      curves[i] = { data: left.curve(KINDS[i]), noise: left.curve(`${KINDS[i]} w-noise`),
        snr: right.curve(KINDS[i]) };
    }
    for (const i of ORDER) {
      // The low resolution's is a ring, so that another's shows within it.
      const r = i === 0 ? 6 : 4;
      curves[i].mark = add(right.layer, "circle", { class: `w-mark ${KINDS[i]}`, r, cy: one });
    }
    return (cases) => cases.forEach((one, i) => {
      curves[i].data(one.side.k, one.data);
      curves[i].noise(one.side.k, one.noise);
      curves[i].snr(one.side.k, one.snr);
      curves[i].mark.setAttribute("visibility", one.crossing === null ? "hidden" : "visible");
      if (one.crossing !== null) curves[i].mark.setAttribute("cx", right.x(one.crossing));
    });
  }

  // The widget ---------------------------------------------------------------------------------

  function start(root, data) {
    const slider = root.querySelector("input[type=range]");
    const says = root.querySelector("[aria-live]");
    const canvases = [...root.querySelectorAll("canvas")];
    const fields = data.sides.map((side) => ({ z: planes(side.z), eps: planes(side.eps) }));
    const draw = plots(root, data);
    let waiting = 0, spoken = 0;

    function show() {
      waiting = 0;
      const t = Number(slider.value);
      const s = data.shifts[root.querySelector("input[type=radio]:checked").value];
      const cases = state(data, t, s);
      cases.forEach((one, i) => {
        const field = fields[i ? 1 : 0], n = one.side.n, canvas = canvases[i];
        if (canvas.width !== n) canvas.width = canvas.height = n;
        const bytes = picture(blend(field.z, field.eps, one.t, data.offset));
        canvas.getContext("2d").putImageData(new ImageData(bytes, n, n), 0, 0);
        root.querySelectorAll(".w-value")[i].textContent = fixed(one.t, i === 2 ? 3 : 2);
      });
      draw(cases);
      slider.setAttribute("aria-valuetext", `t = ${fixed(t, 2)}`);
      root.querySelector(".w-t").textContent = fixed(t, 2);
      // Read out once the slider rests, not at every step.
      clearTimeout(spoken);
      spoken = setTimeout(() => { says.textContent = summary(cases); }, 300);
      root.dataset.state = "shown";
    }

    const soon = () => { if (!waiting) waiting = requestAnimationFrame(show); };
    slider.addEventListener("input", soon);
    root.querySelectorAll("input[type=radio]").forEach((one) =>
      one.addEventListener("change", soon));
    root.querySelectorAll("[disabled]").forEach((one) => { one.disabled = false; });
    show();
  }

  /** The planes are a script of their own, asked for when the widget comes near the view; a page
      opened from a file may load a script, and nothing else. */
  function load(root) {
    const script = document.createElement("script");
    script.src = root.dataset.src;
    script.onload = () => start(root, window.noiseSliderData);
    script.onerror = () => {
      root.querySelector("[aria-live]").textContent = "The latents could not be loaded.";
    };
    document.head.appendChild(script);
  }

  window.noiseSlider = { shiftTime, snr, crossing, blend, planes, picture, state, summary };
  for (const root of document.querySelectorAll(".noise-slider")) {
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      load(root);
    }, { rootMargin: "800px" });
    seen.observe(root);
  }
})();
