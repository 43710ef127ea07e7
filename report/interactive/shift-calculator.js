/* The shift calculator: what `python -m analysis recommend` prints, for the pairs of resolutions
   that were measured. Formulas are those of analysis/recommend.py, analysis/export.py and
   analysis/schedule.py; tests/test_interactive.py compares the two to six digits. */
(function () {
  "use strict";

  // The mathematics ----------------------------------------------------------------------------

  /** Python's format(x, ".4g"): four significant digits, a tie to the even one, no zeros behind. */
  function general(x, digits) {
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
    const trimmed = (whole) => whole.includes(".") ? whole.replace(/\.?0+$/, "") : whole;
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

  /** Why there is no shift for this input, in one sentence; null if there is one. */
  function problem(data, input) {
    const { encoder, start, end, baseShift, samplingBaseShift, mu, std } = input;
    const card = data.encoders[encoder], low = Math.min(start, end);
    for (const side of [start, end]) {
      if (!Number.isInteger(side)) return "Resolutions are whole numbers of pixels.";
    }
    if (start === end) return `Both are ${start} px: no shift is needed between them.`;
    if (low < 32) return `${low} px is too small: resolutions start at 32 px.`;
    for (const side of [low, Math.max(start, end)]) {
      if (side % card.stride) {
        const near = Math.max(rounded(side / card.stride), 1) * card.stride;
        return `${encoder} takes multiples of ${card.stride} px, not ${side}: use ${near}.`;
      }
    }
    const n = low / card.stride;
    if (data.grid === null || n < data.grid) {
      const remedy = data.grid === null ? "widen the study’s bands"
        : `use ${data.grid * card.stride} px or more`;
      return `${encoder} makes ${n} × ${n} latents of ${low} px, too small for three frequency `
        + `bands: ${remedy}.`;
    }
    for (const value of [baseShift, samplingBaseShift ?? 1, std]) {
      if (!(value > 0 && isFinite(value))) return "Shifts and std are positive numbers.";
    }
    return Number.isFinite(mu) ? null : "The mean μ is a number.";
  }

  /** What `recommend --json` prints, or its part by the square-root rule where the pair was not
      measured (then without measured, interval and bands). `by` may be "theory" to ignore what was
      measured. Beyond `recommend`: `by`, `s` and `logit_normal`. */
  function recommend(data, input) {
    const { encoder, start, end } = input;
    const baseShift = input.baseShift ?? 1, sampling = input.samplingBaseShift ?? baseShift;
    const mu = input.mu ?? data.mu, std = input.std ?? data.std;
    const why = problem(data, { ...input, baseShift, samplingBaseShift: sampling, mu, std });
    if (why) throw new RangeError(why);
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
    const total = { training: s * baseShift, sampling: s * sampling };
    const train = general(total.training, 4), sample = general(total.sampling, 4);
    const options = [
      `shift=${sample}`, `mu=${general(Math.log(total.sampling), 4)}`, `shift=${train}`,
      `--discrete_flow_shift ${train}`, `--flow_schedule_shift=${train}`,
      `timestep_shift = ${train}`,
    ];
    return {
      encoder, axis: data.axis, resolutions: [start, end], theory, ...found, by, s,
      delta_mu: { "t = 1 is data": delta, "sigma = 1 is noise": -delta },
      base_shift: { training: baseShift, sampling }, total_shift: total, options,
      logit_normal: { mu: mu + delta, std, median: expit(mu + delta),
        sigma_mu: -mu - delta, sigma_median: expit(-mu - delta) },
    };
  }

  /** The command that measures a pair, or shows where a measurement comes from. */
  function command(input) {
    const words = ["python -m analysis recommend", `--encoder ${input.encoder}`,
      `--from ${input.start}`, `--to ${input.end}`];
    const base = input.baseShift ?? 1;
    if (base !== 1) words.push(`--base-shift ${base}`);
    if ((input.samplingBaseShift ?? base) !== base) {
      words.push(`--sampling-base-shift ${input.samplingBaseShift}`);
    }
    return words.join(" ");
  }

  // The form -----------------------------------------------------------------------------------

  const fixed = (x, digits) => {
    const text = x.toFixed(digits);
    return (Number(text) ? text : text.replace("-", "")).replace("-", "\u2212");
  };
  const signed = (x) => (x >= 0 ? "+" : "") + fixed(x, 3);

  function spread(one) {
    const [low, high] = one.interval;
    // As many decimals as the interval's width needs, as in analysis/formatting.py.
    const digits = low !== null && high - low < 0.02 ? 3 : 2;
    if (low === null) return `${fixed(one.measured, 2)} (one image: no interval)`;
    return `${fixed(one.measured, digits)} [${fixed(low, digits)},\u00a0${fixed(high, digits)}]`;
  }

  function start(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const form = root.querySelector("form");
    const out = (name) => root.querySelector(`[data-out="${name}"]`);
    const number = (name) => {
      const text = form.elements[name].value.trim();
      return text === "" ? undefined : Number(text);
    };

    function show() {
      const input = {
        encoder: form.elements.encoder.value, start: number("start") ?? NaN,
        end: number("end") ?? NaN, mu: number("mu") ?? NaN, std: number("std") ?? NaN,
        baseShift: number("baseShift") ?? NaN, samplingBaseShift: number("samplingBaseShift"),
        by: form.elements.by.value,
      };
      let found;
      try {
        found = recommend(data, input);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        root.dataset.state = "refused";
        out("says").textContent = error.message;
        return;
      }
      root.dataset.state = "shown";
      const measured = "measured" in found, { encoder } = input;
      out("says").textContent = !measured
        ? `${encoder} from ${input.start} to ${input.end} px was not measured here. The settings are `
          + "by the square-root rule; the command below measures it."
        : found.by === "measured" ? `Measured on ${data.images} images.`
          : "Settings by the square-root rule, though the pair was measured.";
      out("s").textContent = `s = ${general(found.s, 4)}`;
      out("theory").textContent = general(found.theory, 4);
      out("measured").textContent = measured ? spread(found) : "not measured";
      out("exponent").textContent = measured ? fixed(found.exponent, 2) : "–";
      out("bands").textContent = measured
        ? Object.entries(found.bands).map(([name, band]) => `${name} ${spread(band)}`).join("; ")
        : "–";
      const delta = found.delta_mu, normal = found.logit_normal;
      out("data").textContent = `mean ${fixed(normal.mu, 3)} (moved by `
        + `${signed(delta["t = 1 is data"])}), `
        + `median t = ${fixed(normal.median, 3)}`;
      out("sigma").textContent = `mean ${fixed(normal.sigma_mu, 3)} `
        + `(moved by ${signed(delta["sigma = 1 is noise"])}), median σ = ${fixed(normal.sigma_median, 3)}`;
      out("std").textContent = `${general(normal.std, 4)}, unchanged`;
      root.querySelectorAll(".w-option").forEach((cell, i) => {
        cell.textContent = found.options[i];
      });
      out("command").textContent = command(input);
    }

    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    root.querySelectorAll("fieldset[disabled]").forEach((one) => { one.disabled = false; });
    show();
  }

  window.shiftCalculator = { recommend, problem, general, rounded, command };
  document.querySelectorAll(".shift-calculator").forEach(start);
})();
