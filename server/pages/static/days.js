// Bars of days: pointing at one, or going through them by arrow keys, says how that day was spent.
(() => {
  "use strict";
  const MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7, Home: -1e3, End: 1e3 };
  const all = (drawing) => [...drawing.querySelectorAll("rect")];
  const say = (drawing, index) => {
    const bars = all(drawing);
    const at = Math.min(Math.max(index, 0), bars.length - 1);
    bars.forEach((bar, i) => bar.classList.toggle("chosen", i === at));
    const text = bars[at].querySelector("title").textContent;
    drawing.setAttribute("aria-valuenow", at + 1);
    drawing.setAttribute("aria-valuetext", text);
    const place = drawing.nextElementSibling?.querySelector(".day-said");
    if (place) place.textContent = text;
  };
  const prepare = () => {
    for (const drawing of document.querySelectorAll("svg.days")) {
      if (drawing.getAttribute("role") === "slider") continue;
      const bars = all(drawing);
      const set = { role: "slider", tabindex: 0, "aria-valuemin": 1, "aria-valuemax": bars.length, "aria-valuenow": bars.length };
      for (const [name, value] of Object.entries(set)) drawing.setAttribute(name, value);
      drawing.setAttribute("aria-valuetext", bars.at(-1).querySelector("title").textContent);
    }
  };
  document.addEventListener("keydown", (event) => {
    const drawing = event.target.closest?.("svg.days");
    if (!drawing || !(event.key in MOVES)) return;
    event.preventDefault();
    say(drawing, Number(drawing.getAttribute("aria-valuenow")) - 1 + MOVES[event.key]);
  });
  document.addEventListener("focusin", (event) => {
    const drawing = event.target.closest?.("svg.days");
    if (drawing) say(drawing, Number(drawing.getAttribute("aria-valuenow")) - 1);
  });
  document.addEventListener("pointerover", (event) => {
    const bar = event.target.closest?.("svg.days rect");
    if (bar) say(bar.closest("svg"), all(bar.closest("svg")).indexOf(bar));
  });
  document.addEventListener("htmx:after:swap", prepare);
  prepare();
})();
