/* Level meters for the recordings. The levels were computed with the page (analysis/interactive.py):
   a browser gives a script no samples of a recording that was opened from a file. */
(function () {
  "use strict";
  const FLOOR = -60;  // dBFS at the meter's left end; its right end is 0

  /** The level in dBFS at a time in seconds; null beyond the recording, whose last window may be
      half a window longer than the others. */
  function level(track, window, seconds) {
    const i = Math.min(Math.floor(seconds / window), track.levels.length - 1);
    return seconds < 0 || seconds > window * (track.levels.length + 0.5) ? null : track.levels[i];
  }

  const share = (value) => Math.min(Math.max(1 - value / FLOOR, 0), 1);
  const text = (value) => `${value.toFixed(1).replace("-", "\u2212")} dBFS`;

  function start(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const tracks = [...root.querySelectorAll("figure")].map((figure) => ({
      audio: figure.querySelector("audio"),
      meter: figure.querySelector("[role=meter]"),
      bar: figure.querySelector(".w-bar"),
      says: figure.querySelector(".w-value"),
      of: data[figure.dataset.track], frame: 0,
    }));
    const calm = matchMedia("(prefers-reduced-motion: reduce)");

    function show(track) {
      const playing = !track.audio.paused && !track.audio.ended;
      const now = playing ? level(track.of, data.window, track.audio.currentTime) : null;
      // Those who asked for less motion see the mean while it plays.
      const value = now === null ? FLOOR : calm.matches ? track.of.mean : now;
      track.bar.style.transform = `scaleX(${share(value)})`;
      track.meter.setAttribute("aria-valuenow", Math.max(value, FLOOR));
      track.meter.setAttribute("aria-valuetext", now === null ? "not playing" : text(value));
      track.says.textContent = now === null ? "not playing" : text(value);
      cancelAnimationFrame(track.frame);
      if (playing && !calm.matches) track.frame = requestAnimationFrame(() => show(track));
    }

    for (const track of tracks) {
      track.audio.addEventListener("play", () => {
        for (const other of tracks) if (other !== track) other.audio.pause();
        show(track);
      });
      for (const event of ["pause", "ended", "seeked", "timeupdate"]) {
        track.audio.addEventListener(event, () => {
          if (track.audio.paused || calm.matches) show(track);
        });
      }
    }
    const other = root.querySelector("button");
    other.disabled = false;
    other.addEventListener("click", () => {
      const from = tracks.findIndex((track) => !track.audio.paused);
      const next = tracks[from < 0 ? 0 : (from + 1) % tracks.length].audio;
      next.currentTime = from < 0 ? 0 : tracks[from].audio.currentTime;
      next.play().catch(() => {});  // it was paused before it began
    });
  }

  window.soundLevels = { level, share };
  document.querySelectorAll(".sound-levels").forEach(start);
})();
