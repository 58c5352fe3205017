// Charts: uPlot on figures from the server; zoom by dragging, by buttons, or by keyboard; a table says the same in words.
(() => {
  "use strict";
  const DAY = 86400;
  const DAYS = { "24h": 1, "7d": 7, "30d": 30, "90d": 90, "1y": 365 };
  const SHORTEST = 1800;
  const LONGEST = 366 * DAY;
  const REFRESH = 60000; // ms
  const TONES = ["--acc", "--up", "--plan", "--issues"];

  const colour = (name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const faint = (solid, part) => solid.replace(/^rgb\((.*)\)$/, `rgb($1 / ${part})`).replaceAll(", ", " ");
  const three = (value) => String(Number(value.toPrecision(3)));
  const amount = (value, unit) => {
    if (value === null || value === undefined) return "–";
    if (unit === "%") return `${three(value)} %`;
    if (unit === "s") return value < 1 ? `${three(value * 1e3)} ms` : `${three(value)} s`;
    if (unit === "duration") return `${three(value / DAY)} days`;
    const step = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([factor]) => Math.abs(value) >= factor);
    return (step ? `${three(value / step[0])} ${step[1]}${unit}` : `${three(value)} ${unit}`).trim();
  };
  const moment = (at, zone, long) =>
    new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, day: "numeric", month: "short", ...(long ? { hour: "2-digit", minute: "2-digit" } : {}),
    }).format(at * 1000);

  // What was sold is in the picture, unless the traffic beside it would be flat.
  const top = (data, high) => Math.max(high, ...data.lines.map((line) => (line.sold && line.sold < high * 4 ? line.sold : 0)));
  const options = (data, width, zoom) => {
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--mut"), grid, ticks: grid, font: `12px ${getComputedStyle(document.body).fontFamily}` };
    const series = [{ label: "Time", value: (_, at) => (at === null ? "–" : moment(at, data.zone, true)) }];
    const bands = [];
    data.lines.forEach((line, i) => {
      const tone = colour(TONES[i % TONES.length]);
      const value = (_, number) => amount(number, data.unit);
      series.push({ label: line.name, stroke: tone, width: 1.5, value, points: { show: false }, spanGaps: false });
      series.push({ label: `${line.name}, maximum`, stroke: faint(tone, 0.35), width: 1, value, points: { show: false }, spanGaps: false });
      bands.push({ series: [series.length - 1, series.length - 2], fill: faint(tone, 0.12) });
    });
    return {
      width,
      height: 260,
      series,
      bands,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), data.zone),
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), top(data, high || 1) * 1.08] } },
      axes: [
        { ...axis, values: [
          [DAY * 365, "{YYYY}", null, null, null, null, null, null, 1],
          [DAY * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
          [DAY, "{D} {MMM}", null, null, null, null, null, null, 1],
          [3600, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
          [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
        ] },
        { ...axis, size: 82, values: (_, ticks) => ticks.map((each) => amount(each, data.unit)) },
      ],
      cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      legend: { live: true },
      hooks: {
        setSelect: [(plot) => {
          if (plot.select.width < 6) return;
          const [from, to] = [plot.select.left, plot.select.left + plot.select.width].map((x) => plot.posToVal(x, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          zoom(from, to);
        }],
        drawSeries: [],
        draw: [(plot) => limits(plot, data)],
      },
    };
  };

  // What was sold is a broken line, the 95th percentile a dotted one; the table names both.
  const limits = (plot, data) => {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    const across = (value, tone, dash, label, side) => {
      const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
      ctx.strokeStyle = ctx.fillStyle = tone;
      ctx.setLineDash(dash.map((each) => each * devicePixelRatio));
      ctx.lineWidth = devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
      ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
      ctx.textAlign = side;
      ctx.fillText(label, side === "left" ? left + 4 * devicePixelRatio : left + width - 4 * devicePixelRatio, y - 4 * devicePixelRatio);
    };
    const sold = data.lines.filter((line) => line.sold);
    const same = sold.length === 2 && sold[0].sold === sold[1].sold;
    for (const line of same ? sold.slice(0, 1) : sold) {
      across(line.sold, colour("--down"), [6, 4], same ? "sold" : `sold, ${line.name.toLowerCase()}`, "left");
    }
    data.lines.forEach((line, i) => {
      if (line.p95 !== null) across(line.p95, colour(TONES[i % TONES.length]), [2, 3], `95th, ${line.name.toLowerCase()}`, "right");
    });
    ctx.restore();
  };

  const tabulate = (table, rows) => {
    const sold = table.querySelectorAll("thead th").length === 8;
    const made = rows.map((row) => {
      const line = document.createElement("tr");
      line.setAttribute("role", "row");
      row.forEach((text, i) => {
        if (!sold && i > 3 && i < 7) return;
        const cell = document.createElement(i ? "td" : "th");
        cell.setAttribute("role", i ? "cell" : "rowheader");
        if (i) cell.className = "n";
        else cell.scope = "row";
        cell.textContent = text;
        line.append(cell);
      });
      return line;
    });
    table.tBodies[0].replaceChildren(...made);
    table.parentElement.hidden = false;
  };

  const start = (box) => {
    const place = box.querySelector(".plot");
    const when = box.querySelector(".chart-when");
    const select = box.querySelector("[data-series]");
    const buttons = [...box.querySelectorAll("[data-range]")];
    const name = place.getAttribute("aria-label");
    const state = { range: buttons[0].dataset.range, window: null, data: null, plot: null, asked: 0 };

    const draw = () => {
      const { data } = state;
      const x = Array.from({ length: data.n }, (_, i) => data.start + i * data.step);
      state.plot?.destroy();
      const sides = data.lines.flatMap((line) => [line.mean, line.max]);
      state.plot = new uPlot(options(data, place.clientWidth, zoomTo), [x, ...sides], place);
    };
    const load = async () => {
      const asked = ++state.asked;
      const query = state.window ? `from=${state.window[0]}&to=${state.window[1]}` : `range=${state.range}`;
      buttons.forEach((each) => each.setAttribute("aria-pressed", String(!state.window && each.dataset.range === state.range)));
      try {
        const answer = await fetch(`${select.value}${select.value.includes("?") ? "&" : "?"}${query}`, { headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(answer.status === 401 ? "you are signed out: open a new link" : `the server answered ${answer.status}`);
        const data = await answer.json();
        if (asked !== state.asked) return;
        state.data = data;
        box.dataset.start = data.start;
        box.dataset.step = data.step;
        draw();
        const end = data.start + data.n * data.step;
        const long = end - data.start < 8 * DAY;
        const none = data.lines.every((line) => line.p95 === null) ? " · nothing was measured" : "";
        when.textContent = `${moment(data.start, data.zone, long)} to ${moment(end, data.zone, long)}${none}`;
        when.classList.remove("t-down");
        place.setAttribute("aria-label", `${name}, ${when.textContent}: ${data.said}`);
        tabulate(box.querySelector(".chart-table"), data.rows);
      } catch (error) {
        if (asked !== state.asked) return;
        when.classList.add("t-down");
        when.textContent = `The chart could not be loaded: ${error.message}. Choose a range to try again.`;
      }
    };
    const zoomTo = (from, to) => {
      const last = Math.ceil(Date.now() / 1000);
      const latest = Math.max(last, state.data.start + state.data.n * state.data.step);
      const length = Math.min(Math.max(to - from, SHORTEST), LONGEST);
      const end = Math.min((from + to + length) / 2, latest);
      state.window = [Math.floor(end - length), Math.ceil(end)];
      load();
    };
    const moves = {
      in: (from, length) => [from + length / 4, from + (length * 3) / 4],
      out: (from, length) => [from - length / 2, from + (length * 3) / 2],
      earlier: (from, length) => [from - length / 2, from + length / 2],
      later: (from, length) => [from + length / 2, from + (length * 3) / 2],
    };
    box.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.range) {
        state.range = button.dataset.range;
        state.window = null;
        load();
      } else if (button?.dataset.zoom && state.data) {
        zoomTo(...moves[button.dataset.zoom](state.data.start, state.data.n * state.data.step));
      }
    });
    select.addEventListener("change", load);
    new ResizeObserver(() => state.plot && place.clientWidth && state.plot.setSize({ width: place.clientWidth, height: 260 })).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state.data && draw());
    new MutationObserver(() => state.data && draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    setInterval(() => {
      if (state.data && !document.hidden && !state.window && box.isConnected) load();
    }, REFRESH);
    // What nobody scrolls to is not fetched; paper has no scrolling.
    const first = () => state.asked || load();
    new IntersectionObserver((seen, observer) => {
      if (!seen.some((each) => each.isIntersecting)) return;
      observer.disconnect();
      first();
    }).observe(box);
    window.addEventListener("beforeprint", first);
  };
  document.querySelectorAll("[data-chart]").forEach(start);
})();
