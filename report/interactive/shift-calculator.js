/* The shift calculator. Formulas are those of analysis/training/recipes.py and
   analysis/timesteps/schedule.py; tests/paper/widgets/test_shift_calculator.py compares the two. */
(function () {
  "use strict";

  // The mathematics ----------------------------------------------------------------------------

  /** Height and width of "832x1216" or "1024", width first; null if it is neither. */
  function size(text) {
    const found = /^\s*(\d+)(?:\s*[x×]\s*(\d+))?\s*$/.exec(text);
    if (!found) return null;
    const width = Number(found[1]), height = Number(found[2] ?? found[1]);
    return width > 0 && height > 0 ? { height, width } : null;
  }

  const pixels = (one) => one.height * one.width;

  /** s by a model's own rule; null where none is stated. */
  function own(rule, one) {
    if (!rule) return null;
    const [constant, perToken, perLog] = rule;
    const tokens = Math.floor(one.height / 16) * Math.floor(one.width / 16);
    return Math.exp(constant + perToken * tokens + perLog * Math.log(pixels(one)));
  }

  /** Which measurement answers: of the very sides, an exponent carried on, or a range. Shifts are
      [value or null, low, high]. */
  function relative(data, name, from, to) {
    const known = data.encoders[name], ratio = pixels(to) / pixels(from);
    const power = (r) => r === null ? null : ratio ** (r / 2);
    const ordered = (low, high) => low === null || low <= high ? [low, high] : [high, low];
    if (!known) {
      const ends = [power(data.encoders[data.lowest].r[0]), ratio ** 0.5];
      return { how: "range", s: [null, Math.min(...ends), Math.max(...ends)] };
    }
    const square = (one) => one.height === one.width ? one.width : 0;
    const up = known.pairs[`${square(from)}-${square(to)}`];
    if (up) return { how: "measured", s: up };
    const down = known.pairs[`${square(to)}-${square(from)}`];
    if (down) {
      const [value, low, high] = down.map((x) => x === null ? null : 1 / x);
      return { how: "measured", s: [value, high, low] };
    }
    const [value, low, high] = known.r.map(power);
    return { how: "carried", s: [value, ...ordered(low, high)] };
  }

  /** Why there is no answer, and the field it is about; null if there is one. */
  function problem(data, input) {
    const model = data.models[input.name];
    const sizes = [["from", input.from], ...input.to.split(",").map((text) => ["to", text])];
    for (const [field, text] of sizes) {
      const one = size(text);
      if (!one) {
        return { field, says: `“${text.trim()}” is no size: write 1024, or 832x1216, width first.` };
      }
      for (const side of [one.width, one.height]) {
        if (model && side % model.multiple) {
          const near = Math.max(Math.round(side / model.multiple), 1) * model.multiple;
          return { field,
            says: `${model.title} takes multiples of ${model.multiple} px, not ${side}: use ${near}.` };
        }
      }
    }
    const base = Number(input.base);
    return input.base.trim() !== "" && base > 0 && Number.isFinite(base) ? null
      : { field: "base", says: "The shift in use is a positive number; 1 is none." };
  }

  /** One row a size: s relative to the first size and in whole, what becomes of one half, and the
      makers' own rule. Throws what `problem` says. */
  function recommend(data, input) {
    const why = problem(data, input);
    if (why) throw Object.assign(new RangeError(why.says), { field: why.field });
    const model = data.models[input.name], encoder = model ? model.encoder : input.name;
    const from = size(input.from), base = Number(input.base);
    return input.to.split(",").map((text) => {
      const to = size(text), { how, s } = relative(data, encoder, from, to);
      const whole = s.map((x) => x === null ? null : base * x);
      const middle = whole[0] === null ? whole.slice(1) : [whole[0]];
      return {
        written: `${to.width} × ${to.height}`, how, ratio: pixels(to) / pixels(from), s, whole,
        sigma: middle.map((x) => x / (1 + x)), moved: middle.map(Math.log),
        own: model ? [own(model.rules.training, to), own(model.rules.sampling, to)] : [null, null],
      };
    });
  }

  function command(data, input) {
    const what = data.models[input.name] ? "--model" : "--encoder";
    const to = input.to.split(",").map((one) => one.trim()).join(",");
    const base = Number(input.base) === 1 ? "" : ` --base-shift ${input.base.trim()}`;
    return `timestep-spectra recommend ${what} ${input.name} --from ${input.from.trim()} --to ${to}${base}`;
  }

  // The form -----------------------------------------------------------------------------------

  const fixed = (x, digits) => {
    const text = x.toFixed(digits);
    return (Number(text) ? text : text.replace("-", "")).replace("-", "\u2212");
  };
  const between = (values, write) => values.map(write).join(" to ");

  /** A shift with its interval, with as many decimals as its width needs (analysis/paper/text.py). */
  function spread([value, low, high]) {
    if (low === null) return `${fixed(value, 2)} (no interval below three images)`;
    const digits = high - low < 0.02 ? 3 : 2, write = (x) => fixed(x, digits);
    return value === null ? `${write(low)} to ${write(high)}`
      : `${write(value)} [${write(low)},\u00a0${write(high)}]`;
  }

  function explained(data, input, rows) {
    const model = data.models[input.name], name = model ? model.encoder : input.name;
    const known = data.encoders[name], title = (model ?? known).title;
    if (!known) {
      const lowest = data.encoders[data.lowest];
      return `${title}: its encoder was not measured. The range is from the lowest exponent measured `
        + `of a learned encoder (r = ${fixed(lowest.r[0], 2)}, ${data.lowest}) to the square-root rule.`;
    }
    const whose = model ? `${title}, by its encoder ${known.title}` : title;
    return rows.every((row) => row.how === "measured")
      ? `${whose}: measured between these sizes, on ${data.images} images.`
      : `${whose}: extrapolated with the exponent r = ${fixed(known.r[0], 2)} that was measured `
        + `from ${known.pair[0]} to ${known.pair[1]} px.`;
  }

  function copied(button, text) {
    const done = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    if (document.execCommand("copy")) done();
    area.remove();
    button.focus();
  }

  function start(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const form = root.querySelector("form"), fields = ["for", "from", "to", "base"];
    const body = root.querySelector("tbody"), heads = root.querySelectorAll("th"), says = root.querySelector(".w-answer");
    const line = root.querySelector("[data-out=command]"), copy = root.querySelector(".w-copy");

    function show() {
      const value = (name) => form.elements[name].value;
      const input = { name: value("for"), from: value("from"), to: value("to"), base: value("base") };
      for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
      let rows;
      try {
        rows = recommend(data, input);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        root.dataset.state = "refused";
        says.textContent = error.message;
        body.replaceChildren();
        line.textContent = "–";
        form.elements[error.field].setAttribute("aria-invalid", "true");
        return;
      }
      root.dataset.state = "shown";
      says.textContent = explained(data, input, rows);
      body.replaceChildren(...rows.map((row) => {
        const made = row.own.map((s) => s === null ? "none stated" : fixed(s, 3));
        const cells = [
          row.written, spread(row.whole), between(row.sigma, (x) => fixed(x, 3)),
          between(row.sigma, (x) => fixed(1 - x, 3)),
          between(row.moved, (x) => (x >= 0 ? "+" : "") + fixed(x, 3)),
          data.models[input.name] ? made.join(", ") : "–",
        ];
        const tr = document.createElement("tr");
        tr.append(...cells.map((text, column) => {
          const td = document.createElement("td");
          td.textContent = text;
          td.dataset.label = heads[column].textContent;
          return td;
        }));
        return tr;
      }));
      line.textContent = command(data, input);
      const state = new URLSearchParams(fields.map((name) => [name, value(name)]));
      history.replaceState(null, "", `#${state}`);
    }

    const given = new URLSearchParams(location.hash.slice(1));
    const asked = given.has("for") && (given.get("for") in data.encoders || given.get("for") in data.models);
    if (asked) for (const name of fields) if (given.has(name)) form.elements[name].value = given.get(name);
    // A model's own shift where one comes from, until the reader gives another.
    let typed = asked;
    form.addEventListener("input", (event) => {
      typed ||= event.target.name === "base";
      const model = data.models[form.elements.for.value], from = size(form.elements.from.value);
      if (!typed && from) {
        const s = model ? own(model.rules.training ?? model.rules.sampling, from) : 1;
        form.elements.base.value = String(Number(s.toFixed(4)));
      }
      show();
    });
    form.addEventListener("reset", () => { typed = false; });
    form.addEventListener("submit", (event) => event.preventDefault());
    copy.addEventListener("click", () => copied(copy, line.textContent));
    root.querySelectorAll("[disabled]").forEach((one) => { one.disabled = false; });
    if (asked) {
      show();
      root.scrollIntoView();
    }
  }

  window.shiftCalculator = { recommend, problem, command };
  document.querySelectorAll(".shift-calculator").forEach(start);
})();
