/* The shift calculator: what `python -m analysis recommend` prints, for the pairs of resolutions
   that were measured. Formulas are those of analysis/training/recommend.py, analysis/training/settings.py
   and analysis/timesteps/schedule.py; tests/paper/widgets/test_shift_calculator.py compares the two to six
   digits. */
(function () {
  "use strict";

  /** The settings of training in analysis/training/settings.py, in its order: what stands before
      the number. */
  const OPTIONS = [
    "shift=", "--discrete_flow_shift ", "--flow_schedule_shift=", "timestep_shift = ",
  ];

  // The mathematics ----------------------------------------------------------------------------

  /** Python's format(x, ".4g"): four significant digits, a tie to the even one, no zeros behind. */
  function general(x, digits) {
    if (!isFinite(x)) return String(x);
    if (x === 0) return "0";
    // 100 digits are more than any double has here, so that a tie is seen as one.
    let [mantissa, power] = Math.abs(x).toExponential(100).split("e");
    const all = mantissa.replace(".", "");
    let kept = BigInt(all.slice(0, digits));
    const rest = all.slice(digits), half = "5" + "0".repeat(rest.length - 1);
    if (rest > half || (rest === half && kept % 2n === 1n)) kept += 1n;
    let text = String(kept);
    let exponent = Number(power) + text.length - digits;
    text = text.slice(0, digits);
    const sign = x < 0 ? "-" : "";
    const trimmed = (whole) => whole.includes(".") ? whole.replace(/\.?0*$/, "") : whole;
    if (exponent < -4 || exponent >= digits) {
      const tail = `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
      return `${sign}${trimmed(`${text[0]}.${text.slice(1)}`)}e${tail}`;
    }
    if (exponent < 0) return sign + trimmed(`0.${"0".repeat(-exponent - 1)}${text}`);
    return sign + trimmed(`${text.slice(0, exponent + 1)}.${text.slice(exponent + 1)}`);
  }

  /** Python's round(): a half goes to the even number. */
  function rounded(x) {
    const floor = Math.floor(x), rest = x - floor;
    return rest === 0.5 ? floor + (floor % 2) : Math.round(x);
  }

  const expit = (theta) => 1 / (1 + Math.exp(-theta));

  /** A measurement from the higher to the lower resolution: 1 / s, ends exchanged. */
  function inverted(one) {
    const [low, high] = one.interval;
    const turned = (end) => end === null ? null : 1 / end;
    return { ...one, measured: 1 / one.measured, interval: [turned(high), turned(low)] };
  }

  /** Why there is no shift for this input, in one sentence, and the fields it is about; null if
      there is one. */
  function problem(data, input) {
    const { encoder, start, end } = input, { stride } = data.encoders[encoder];
    const low = Math.min(start, end), lower = start < end ? "start" : "end";
    const because = (sentence, ...fields) => ({ sentence, fields });
    for (const name of ["start", "end"]) {
      if (!Number.isInteger(input[name])) {
        return because("Resolutions are whole numbers of pixels.", name);
      }
    }
    if (start === end) {
      return because(`Both are ${start} px: no shift is needed between them.`, "start", "end");
    }
    if (low < 32) return because(`${low} px is too small: resolutions start at 32 px.`, lower);
    for (const name of [lower, lower === "start" ? "end" : "start"]) {
      if (input[name] % stride) {
        const near = Math.max(rounded(input[name] / stride), 1) * stride;
        return because(
          `${encoder} takes multiples of ${stride} px, not ${input[name]}: use ${near}.`, name);
      }
    }
    const n = low / stride;
    if (data.grid === null || n < data.grid) {
      const remedy = data.grid === null ? "widen the study’s bands"
        : `use ${data.grid * stride} px or more`;
      return because(`${encoder} makes ${n} × ${n} latents of ${low} px, too small for three `
        + `frequency bands: ${remedy}.`, lower);
    }
    for (const name of ["baseShift", "std"]) {
      if (!(input[name] > 0 && isFinite(input[name]))) {
        return because("The base shift and std are positive numbers.", name);
      }
    }
    return Number.isFinite(input.mu) ? null : because("The mean of logit t is a number.", "mu");
  }

  /** What `recommend --format json` prints, or its part by the square-root rule where the pair was
      not measured (then without measured, interval and bands). `by` may be "theory" to ignore what
      was measured. Beyond `recommend`: `by`, `s` and `logit_normal`; `options` instead of settings,
      each what stands before the number, and the number. */
  function recommend(data, input) {
    const { encoder, start, end } = input;
    const baseShift = input.baseShift ?? 1;
    const mu = input.mu ?? data.mu, std = input.std ?? data.std;
    const why = problem(data, { ...input, baseShift, mu, std });
    if (why) throw Object.assign(new RangeError(why.sentence), { fields: why.fields });
    const low = Math.min(start, end), high = Math.max(start, end);
    let found = data.encoders[encoder].pairs[`${low}-${high}`];
    if (found) {
      // The exponent is that of both directions.
      const r = 2 * Math.log(found.measured) / Math.log((high / low) ** 2);
      const turn = start > end ? inverted : (one) => one;
      const bands = {};
      for (const name in found.bands) bands[name] = turn(found.bands[name]);
      found = { ...turn(found), bands, exponent: r, images: data.images,
        confidence: data.confidence, photographs: data.photographs };
    }
    const theory = end / start, by = found && input.by !== "theory" ? "measured" : "theory";
    const s = by === "measured" ? found.measured : theory, delta = -Math.log(s);
    const total = { training: s * baseShift };
    const options = OPTIONS.map((before) => [before, total.training]);
    return {
      encoder, axis: data.axis, resolutions: [start, end], theory, ...found, by, s,
      delta_mu: { "t = 1 is data": delta, "sigma = 1 is noise": -delta },
      base_shift: { training: baseShift }, total_shift: total, options,
      logit_normal: { mu: mu + delta, std, median: expit(mu + delta),
        sigma_mu: -mu - delta, sigma_median: expit(-mu - delta) },
    };
  }

  /** The command that measures a pair, or shows where a measurement comes from. */
  function command(data, input) {
    const { address } = data.encoders[input.encoder];
    const words = ["python -m analysis recommend", `--encoder ${address}`,
      `--from ${input.start}`, `--to ${input.end}`];
    const base = input.baseShift ?? 1;
    if (base !== 1) words.push(`--base-shift ${base}`);
    return words.join(" ");
  }

  // The form -----------------------------------------------------------------------------------

  const NUMBERS = ["s", "theory", "measured", "bands", "exponent", "data", "sigma", "command"];

  const fixed = (x, digits) => {
    const text = x.toFixed(digits);
    return (Number(text) ? text : text.replace("-", "")).replace("-", "\u2212");
  };
  const signed = (x) => (x >= 0 ? "+" : "") + fixed(x, 3);

  /** A number as text that keeps all its digits: six to whoever points at it, the rest as value. */
  function exact(x, text) {
    const node = document.createElement("data");
    node.value = String(x);
    node.title = general(x, 6);
    node.textContent = text;
    return node;
  }

  function spread(one) {
    const [low, high] = one.interval;
    // As many decimals as the interval's width needs, as in analysis/paper/text.py.
    const digits = low !== null && high - low < 0.02 ? 3 : 2;
    const say = (x) => exact(x, fixed(x, digits));
    return low === null ? [say(one.measured), " (no interval below three images)"]
      : [say(one.measured), " [", say(low), ",\u00a0", say(high), "]"];
  }

  function bandLine([name, one]) {
    const line = document.createElement("span"), [from, to] = one.band;
    line.className = "w-line";
    line.append(`${name}, ${from.toFixed(0)} to ${to.toFixed(0)}: `, ...spread(one));
    return line;
  }

  const normal = (mean, by, std, symbol, median) => [
    "mean ", exact(mean, fixed(mean, 3)), " (moved by ", exact(by, signed(by)), "), std ",
    exact(std, general(std, 4)), `, median ${symbol} = `, exact(median, fixed(median, 3)),
  ];

  function explained(data, input, found) {
    const { title } = data.encoders[input.encoder], pair = `${input.start} to ${input.end} px`;
    if (!("measured" in found)) {
      return `${title}: ${pair} was not measured here. The settings are by the square-root rule; `
        + "the command below measures it.";
    }
    const on = `measured on ${data.images} image${data.images === 1 ? "" : "s"}`;
    return found.by === "measured" ? `${title}: ${on}, at equal cycles per image.`
      : `${title}: the settings are by the square-root rule, though this was ${on}.`;
  }

  function start(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const form = root.querySelector("form");
    const field = (name) => form.elements[name];
    const out = (name) => root.querySelector(`[data-out="${name}"]`);
    const put = (name, ...parts) => out(name).replaceChildren(...parts);
    const number = (name) => {
      const text = field(name).value.trim();
      return text === "" ? undefined : Number(text);
    };

    function show() {
      const input = {
        encoder: field("encoder").value, by: field("by").value, start: number("start") ?? NaN,
        end: number("end") ?? NaN, mu: number("mu") ?? NaN, std: number("std") ?? NaN,
        baseShift: number("baseShift") ?? NaN,
      };
      const { stride } = data.encoders[input.encoder];
      for (const name of ["start", "end"]) {
        field(name).step = stride;
        field(name).min = Math.ceil(32 / stride) * stride;
      }
      for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
      let found;
      try {
        found = recommend(data, input);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        root.dataset.state = "refused";
        put("says", error.message);
        // What was found for other input is not left standing; its places are.
        for (const name of NUMBERS) put(name, "–");
        root.querySelectorAll(".w-option").forEach((cell, i) =>
          cell.replaceChildren(OPTIONS[i], "–"));
        for (const name of error.fields) field(name).setAttribute("aria-invalid", "true");
        return;
      }
      root.dataset.state = "shown";
      put("s", "s = ", exact(found.s, general(found.s, 4)));
      put("says", explained(data, input, found));
      put("theory", exact(found.theory, general(found.theory, 4)));
      if ("measured" in found) {
        put("measured", ...spread(found));
        put("exponent", exact(found.exponent, fixed(found.exponent, 2)));
        put("bands", ...Object.entries(found.bands).map(bandLine));
      } else {
        put("measured", "not measured");
        put("exponent", "–");
        put("bands", "–");
      }
      const to = found.logit_normal, delta = found.delta_mu;
      put("data", ...normal(to.mu, delta["t = 1 is data"], to.std, "t", to.median));
      put("sigma",
        ...normal(to.sigma_mu, delta["sigma = 1 is noise"], to.std, "σ", to.sigma_median));
      root.querySelectorAll(".w-option").forEach((cell, i) => {
        const [before, value] = found.options[i];
        cell.replaceChildren(before, exact(value, general(value, 4)));
      });
      put("command", command(data, input));
    }

    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    root.querySelectorAll("fieldset[disabled]").forEach((one) => { one.disabled = false; });
    show();
  }

  window.shiftCalculator = { recommend, problem, general, rounded, command };
  document.querySelectorAll(".shift-calculator").forEach(start);
})();
