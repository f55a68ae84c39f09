// The moving parts of the report. No framework, no network: all is read from the page, or from a report that the reader opens.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("study-data")?.textContent ?? "null");
  const SVG = "http://www.w3.org/2000/svg";
  const DRAWN = new Set(["svg", "path", "line", "circle", "text", "rect", "g"]);
  const byId = (id) => document.getElementById(id);

  /** An element with attributes and children; children are elements or text, never HTML. */
  function make(tag, attributes = {}, ...children) {
    const element = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
  const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(1);
  const digits = (value, count) => value.toFixed(Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(value) || 1))));
  const millions = (value) => (value === null || value === undefined ? "–" : digits(value / 1e6, 3));
  const threshold = (value) => (value <= 0 ? "0" : value.toFixed(Math.max(2, 1 - Math.floor(Math.log10(1 - value)))));

  /** y at x on straight lines between points whose x rises; null beyond them. */
  function between(xs, ys, x) {
    const slack = 1e-6 * Math.abs(x);
    if (!xs.length || x < xs[0] - slack || x > xs[xs.length - 1] + slack) return null;
    const next = xs.findIndex((other) => other >= x);
    if (next <= 0) return next === 0 ? ys[0] : ys[ys.length - 1];
    const part = (x - xs[next - 1]) / (xs[next] - xs[next - 1] || 1);
    return ys[next - 1] + part * (ys[next] - ys[next - 1]);
  }

  // ------------------------------------------------------------------------------------------------ tables: sort, filter, sign

  function sortable(table) {
    const body = table.tBodies[0];
    const value = (row, column) => {
      const text = row.cells[column].textContent.trim();
      const found = text.replace(/[\u2212]/g, "-").replace(/,/g, "").match(/^[-+]?\d+(\.\d+)?(e[-+]\d+)?/);
      return found ? Number(found[0]) : text;
    };
    const compare = (one, other) => {
      if (typeof one === "number" && typeof other === "number") return one - other;
      if (typeof one === "number") return -1;
      if (typeof other === "number") return 1;
      return one.localeCompare(other, "en", { numeric: true });
    };
    const heads = table.tHead.rows[table.tHead.rows.length - 1].cells;
    [...heads].forEach((head, column) => {
      if (!head.textContent.trim()) return;
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort((a, b) => compare(value(a, column), value(b, column)));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }

  function filterable(table) {
    const input = make("input", { type: "search", "aria-controls": table.id, autocomplete: "off" });
    const count = make("span", { role: "status" });
    const label = make("label", {}, "Show rows that contain ", input);
    table.closest(".scroll").before(make("div", { class: "filter" }, label, count));
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
    });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    sortable(table);
    if (table.tBodies[0].rows.length > 12) filterable(table);
  }

  /** Only what does not fit takes the focus, and says that it goes on. */
  function markCut() {
    for (const box of document.querySelectorAll(".scroll")) {
      const wide = box.scrollWidth > box.clientWidth + 1;
      const cut = wide || box.scrollHeight > box.clientHeight + 1;
      shade(box);
      if (cut) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
      const hint = box.previousElementSibling;
      const there = hint && hint.classList.contains("hint");
      if (wide && !there) box.before(make("p", { class: "hint" }, "Goes on to the right: scroll sideways \u2192"));
      if (!wide && there) hint.remove();
    }
  }
  /** A shadow on the side where there is more. */
  function shade(box) {
    box.classList.toggle("more-left", box.scrollLeft > 1);
    box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  }
  addEventListener("resize", markCut);
  document.addEventListener("scroll", (event) => event.target.classList?.contains("scroll") && shade(event.target), true);

  // ------------------------------------------------------------------------------------------------ copying commands

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = byId(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        button.textContent = "Selected: press Ctrl+C";
      }
    });
  }

  // ------------------------------------------------------------------------------------------------ values under the pointer, on figures

  for (const picture of document.querySelectorAll(".picture[data-points]")) {
    const series = JSON.parse(byId(picture.dataset.points).textContent);
    const tip = make("div", { class: "tip", hidden: "" });
    const dot = make("div", { class: "dot", hidden: "" });
    picture.append(dot, tip);
    picture.addEventListener("pointermove", (event) => {
      const frame = picture.getBoundingClientRect();
      const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
      let best = null;
      for (const one of series) {
        one.at.forEach(([left, top, shownX, shownY]) => {
          const distance = Math.hypot(left * frame.width - x, top * frame.height - y);
          if (distance < 26 && (!best || distance < best.distance)) best = { distance, one, left, top, shownX, shownY };
        });
      }
      tip.hidden = dot.hidden = !best;
      if (!best) return;
      dot.style.left = `${100 * best.left}%`;
      dot.style.top = `${100 * best.top}%`;
      tip.textContent = [best.one.panel, best.one.name, `${best.shownX}: ${best.shownY}`].filter(Boolean).join("\n");
      place(tip, best.left * frame.width, best.top * frame.height, frame.width);
    });
    picture.addEventListener("pointerleave", () => { tip.hidden = dot.hidden = true; });
  }

  /** Put a tip beside a point, on the side where there is room. */
  function place(tip, x, y, width) {
    tip.style.top = `${y + 14}px`;
    tip.style.left = x > width / 2 ? "auto" : `${x + 14}px`;
    tip.style.right = x > width / 2 ? `${width - x + 14}px` : "auto";
  }

  if (!data) {
    markCut();
    return; // a page of tables and figures alone
  }

  // ------------------------------------------------------------------------------------------------ explorer: the threshold moves

  const explorer = byId("explorer");
  const studies = [{ data, mark: "" }];
  const slider = byId("slider");
  const hidden = new Set();
  let state = data.states[data.states.length - 1].key;

  const look = (study, recipe) =>
    recipe === null ? { colour: "var(--soft)", line: "2 4" } : study.data.looks[recipe];
  const name = (study, recipe) => (recipe === null ? "unpruned" : recipe) + study.mark;

  /** Networks on show: of the state chosen, and the unpruned one. */
  function networks(part) {
    return studies.flatMap((study) =>
      study.data[part]
        .filter((one) => one.state === "unpruned" || one.state === state)
        .map((one) => ({ ...one, study, name: name(study, one.recipe), look: look(study, one.recipe) })),
    );
  }

  function choices() {
    const states = byId("states");
    states.replaceChildren(make("legend", {}, "Networks"));
    for (const { key, name: words } of data.states.filter((one) => one.key !== "unpruned")) {
      const radio = make("input", { type: "radio", name: "state", value: key });
      radio.checked = key === state;
      radio.addEventListener("change", () => { state = key; refresh(); });
      states.append(make("label", {}, radio, ` ${words}`));
    }
    const recipes = byId("recipes");
    recipes.replaceChildren(make("legend", {}, "Recipes"));
    for (const one of networks("sweeps")) {
      const box = make("input", { type: "checkbox" });
      box.checked = !hidden.has(one.name);
      box.addEventListener("change", () => {
        if (box.checked) hidden.delete(one.name);
        else hidden.add(one.name);
        refresh();
      });
      const swatch = make("span", { class: "swatch" });
      swatch.style.borderTopColor = one.look.colour;
      swatch.style.borderTopStyle = one.look.line ? "dashed" : "solid";
      recipes.append(make("label", {}, box, " ", swatch, one.name));
    }
  }

  /** Milliseconds where the network was timed: between thresholds measured, on a straight line along average MACs. */
  function milliseconds(one) {
    const runtime = byId("runtime");
    const timed = one.study.data.times.find(
      (time) => time.recipe === one.recipe && time.state === one.state && (!runtime || `${time.runtime} ${time.batch}` === runtime.value),
    );
    if (!timed) return "–";
    const macs = one.macs[slider.value];
    const [least, most] = [timed.macs[0], timed.macs[timed.macs.length - 1]];
    if (macs < 0.95 * least) return `below ${digits(timed.ms[0], 3)}`;
    return digits(between(timed.macs, timed.ms, Math.min(most, Math.max(least, macs))), 3);
  }

  function readout() {
    const at = Number(slider.value);
    const shown = networks("sweeps").filter((one) => !hidden.has(one.name));
    byId("at").textContent = threshold(data.thresholds[at]);
    slider.setAttribute("aria-valuetext", `threshold ${threshold(data.thresholds[at])}`);
    const timed = studies.some((study) => study.data.times.length);
    const head = make("tr", {}, make("th", { scope: "col" }, "network"));
    const titles = ["accuracy", "average MACs, millions", "of the dense network’s", ...(timed ? ["ms per image"] : [])];
    for (const title of titles) head.append(make("th", { scope: "col", class: "number" }, title));
    const exits = Math.max(...studies.map((study) => study.data.exits.length));
    for (let exit = 0; exit < exits; exit++) head.append(make("th", { scope: "col", class: "number" }, `exit ${exit}`));
    const rows = shown.map((one) => {
      const macs = one.macs[at];
      const cells = [percent(one.accuracy[at]), millions(macs), percent(macs / one.study.data.denseMacs)];
      if (timed) cells.push(milliseconds(one));
      const row = make("tr", {}, make("th", { scope: "row" }, one.name), ...cells.map((cell) => make("td", { class: "number" }, cell)));
      for (let exit = 0; exit < exits; exit++) {
        const rate = one.rates[at][exit];
        const cell = make("td", { class: "number bar" }, rate === undefined ? "–" : percent(rate));
        cell.style.setProperty("--part", `${100 * (rate || 0)}%`);
        row.append(cell);
      }
      return row;
    });
    byId("readout").tHead.replaceChildren(head);
    byId("readout").tBodies[0].replaceChildren(...rows);
    byId("said").textContent = `Threshold ${threshold(data.thresholds[at])}: ` +
      shown.map((one) => `${one.name} ${percent(one.accuracy[at])} with ${millions(one.macs[at])} million MACs`).join("; ");
  }

  function ticks(low, high, count) {
    const raw = (high - low) / count;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= raw);
    const found = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9; tick += step) found.push(tick);
    return found;
  }

  /** An empty picture in a box: cost on a log scale, accuracy beside it; and what places a value in it. */
  function frame(box, costs, values, title, unit) {
    const width = Math.max(300, Math.min(1000, box.clientWidth));
    const height = Math.round(Math.max(250, Math.min(400, width * 0.5)));
    const [left, right, top, bottom] = [52, width - 12, 10, height - 44];
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    box.replaceChildren(svg);
    const [x0, x1] = [Math.log10(Math.min(...costs)) - 0.03, Math.log10(Math.max(...costs)) + 0.03];
    const slack = 0.06 * (Math.max(...values) - Math.min(...values)) + 0.002;
    const [y0, y1] = [Math.min(...values) - slack, Math.min(1, Math.max(...values) + slack)];
    const x = (value) => left + ((Math.log10(value) - x0) / (x1 - x0)) * (right - left);
    const y = (value) => bottom - ((value - y0) / (y1 - y0)) * (bottom - top);
    const yTicks = ticks(100 * y0, 100 * y1, 5);
    const decimals = yTicks.every((tick) => Math.abs(tick - Math.round(tick)) < 1e-9) ? 0 : 1;
    for (const tick of yTicks) {
      svg.append(make("line", { class: "grid", x1: left, x2: right, y1: y(tick / 100), y2: y(tick / 100) }));
      svg.append(make("text", { x: left - 6, y: y(tick / 100) + 4, "text-anchor": "end" }, `${tick.toFixed(decimals)}%`));
    }
    const wanted = width < 500 ? [1, 3] : x1 - x0 < 1.2 ? [1, 1.5, 2, 3, 5, 7] : [1, 2, 5];
    for (let power = Math.floor(x0); power <= x1; power++) {
      for (const factor of wanted) {
        const tick = factor * 10 ** power;
        if (Math.log10(tick) < x0 || Math.log10(tick) > x1) continue;
        svg.append(make("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: bottom }));
        svg.append(make("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle" }, String(Number((tick / unit).toPrecision(3)))));
      }
    }
    svg.append(make("rect", { class: "frame", x: left, y: top, width: right - left, height: bottom - top }));
    svg.append(make("text", { x: (left + right) / 2, y: height - 8, "text-anchor": "middle" }, width < 500 ? title : `${title}; up and to the left is better`));
    return { svg, x, y, width, left, right, top, bottom, x0, x1, y0, y1 };
  }

  function chart() {
    const box = byId("chart");
    box.replaceChildren();
    const curves = networks("curves").filter((one) => !hidden.has(one.name));
    if (!curves.length) return;
    const right_ = curves.flatMap((one) => one.accuracy).filter((value) => value !== null);
    const { svg, x, y, width, left, right, top, bottom, x0, x1, y0, y1 } =
      frame(box, curves.flatMap((one) => one.macs), right_, "average MACs per image, millions (log scale)", MILLION);
    for (const one of curves) {
      const path = one.macs.map((value, place) => `${place ? "L" : "M"}${x(value).toFixed(1)} ${y(one.accuracy[place]).toFixed(1)}`);
      if (one.low.some((value) => value !== null) && one.recipe !== null) {
        const edge = (side) => one.macs.map((value, place) => `${x(value).toFixed(1)} ${y(Math.min(y1, Math.max(y0, one[side][place] ?? one.accuracy[place]))).toFixed(1)}`);
        const area = make("path", { d: `M${edge("low").join("L")}L${edge("high").reverse().join("L")}Z`, "fill-opacity": 0.16 });
        area.style.fill = one.look.colour;
        svg.append(area);
      }
      const line = make("path", { d: path.join(""), fill: "none", "stroke-width": one.study.mark ? 1.6 : 2.4, "stroke-dasharray": one.look.line });
      line.style.stroke = one.look.colour;
      if (one.study.mark) line.setAttribute("stroke-opacity", 0.75);
      svg.append(line);
    }
    const at = Number(slider.value);
    for (const one of networks("sweeps").filter((other) => !hidden.has(other.name))) {
      const circle = make("circle", { cx: x(one.macs[at]), cy: y(Math.max(y0, one.accuracy[at])), r: one.study.mark ? 5 : 7, "stroke-width": 2 });
      circle.style.fill = one.look.colour;
      circle.style.stroke = "var(--paper)";
      svg.append(circle);
    }
    const line = make("line", { class: "frame", y1: top, y2: bottom, visibility: "hidden" });
    const tip = make("div", { class: "tip", hidden: "" });
    svg.append(line);
    box.append(tip);
    svg.onpointermove = (event) => {
      const frame = svg.getBoundingClientRect();
      const scale = frame.width / width;
      const here = (event.clientX - frame.left) / scale;
      const inside = here >= left && here <= right;
      tip.hidden = !inside;
      line.setAttribute("visibility", inside ? "visible" : "hidden");
      if (!inside) return;
      const value = 10 ** (x0 + ((here - left) / (right - left)) * (x1 - x0));
      line.setAttribute("x1", here);
      line.setAttribute("x2", here);
      const read = curves.map((one) => `${one.name}: ${percent(between(one.macs, one.accuracy, value))}`);
      tip.textContent = [`at ${millions(value)} million MACs`, ...read].join("\n");
      place(tip, here * scale, event.clientY - frame.top, frame.width);
    };
    svg.onpointerleave = () => {
      tip.hidden = true;
      line.setAttribute("visibility", "hidden");
    };
  }

  function refresh() {
    choices_();
    readout();
    chart();
    markCut();
  }

  /** Rebuilding the choices must not take the focus from the one in use. */
  function choices_() {
    const inUse = document.activeElement;
    const place = inUse && explorer.contains(inUse) ? [...explorer.querySelectorAll("input")].indexOf(inUse) : -1;
    choices();
    if (place >= 0 && !inUse.isConnected) explorer.querySelectorAll("input")[place]?.focus();
  }

  function begin() {
    slider.max = data.thresholds.length - 1;
    const wanted = Number(explorer.dataset.threshold);
    slider.value = data.thresholds.findIndex((one) => one >= wanted) < 0 ? slider.max : data.thresholds.findIndex((one) => one >= wanted);
    slider.addEventListener("input", () => { readout(); chart(); });
    const timed = [...new Set(data.times.map((time) => `${time.runtime} ${time.batch}`))];
    if (timed.length) {
      const select = make("select", { id: "runtime" });
      for (const one of timed) {
        const [runtime, batch] = one.split(" ");
        select.append(make("option", { value: one }, `${runtime}, ${batch === "1" ? "one image at a time" : `batches of ${batch}`}`));
      }
      select.value = timed.find((one) => one === "onnxruntime 64") || timed[0];
      select.addEventListener("change", readout);
      byId("timed").append(make("label", { class: "label", for: "runtime" }, "Milliseconds by "), select);
    }
    for (const element of document.querySelectorAll(".scripted")) element.hidden = false;
    for (const element of document.querySelectorAll(".unscripted")) element.hidden = true;
    addEventListener("resize", chart);
    beginChoosing();
    refresh();
  }

  // ------------------------------------------------------------------------------------------------ chooser: the limit moves

  const STEPS = 100;
  const MILLION = 1e6;

  /** Milliseconds of a point: an image pays for the way to where it leaves, and for every head it is asked by. */
  function spent(timed, exits, rates) {
    const kept = exits === "none" ? [] : exits.split(",").map(Number);
    let asked = 0;
    return rates.reduce((sum, rate, row) => {
      const last = row === kept.length;
      if (!last) asked += timed.heads[kept[row]];
      return sum + rate * (timed.body[last ? timed.body.length - 1 : kept[row]] + asked);
    }, 0);
  }

  /** Every point of every network, in every runtime asked for, with what it costs under a kind of limit. */
  function candidates(kind) {
    const [, runtime, batch] = kind.split(" ");
    const point = (network, place, timed) => ({
      network, place, timed, macs: network.macs[place], accuracy: network.accuracy[place], lost: network.lost[place],
      cost: timed ? spent(timed, network.exits[place], network.rates[place]) : network.macs[place],
      testCost: timed ? spent(timed, network.exits[place], network.testRates[place]) : network.testMacs[place],
    });
    return data.choices.flatMap((network) => {
      const there = network.times.filter((time) => String(time.batch) === batch && (runtime === "any" || time.runtime === runtime));
      const ways = runtime ? there : network.precision === "float32" ? [null] : [];
      return ways.flatMap((timed) => network.macs.map((_, place) => point(network, place, timed)));
    });
  }

  /** Best first: what keeps the limit, or else what comes closest. */
  function ranked(kind, all, limit) {
    const keeps = all.filter((one) => (kind === "lost" ? one.lost : one.cost) <= limit + 1e-9);
    const cheap = (a, b) => a.cost - b.cost || b.accuracy - a.accuracy || a.macs - b.macs;
    const right = (a, b) => b.accuracy - a.accuracy || a.cost - b.cost || a.macs - b.macs;
    if (keeps.length) return { meets: true, order: keeps.sort(kind === "lost" ? cheap : right) };
    return { meets: false, order: [...all].sort(kind === "lost" ? (a, b) => a.lost - b.lost || cheap(a, b) : cheap) };
  }

  const called = ({ recipe, state: when }) =>
    recipe === null ? "unpruned" : `${recipe}, ${data.states.find((one) => one.key === when).name}`;

  function limits(kind, all) {
    if (kind === "lost") return Array.from({ length: STEPS + 1 }, (_, step) => step / 1000);
    const costs = all.map((one) => one.cost);
    const [low, high] = [Math.min(...costs), Math.max(...costs)];
    return Array.from({ length: STEPS + 1 }, (_, step) => low * (high / low) ** (step / STEPS));
  }

  function inWords(kind, value) {
    if (kind === "lost") return `${(100 * value).toFixed(1)} points`;
    return kind === "macs" ? `${millions(value)} million MACs` : `${digits(value, 3)} ms`;
  }

  /** The most accurate plain network within a limit, by its own test images, which favours it. */
  function rival(kind, limit) {
    const [, runtime, batch] = kind.split(" ");
    const cost = (one) => (runtime ? one.ms : one.macs);
    const there = data.plain.filter((one) => !runtime || (String(one.batch) === batch && (runtime === "any" || one.runtime === runtime)));
    const keep = kind === "lost" ? [] : there.filter((one) => cost(one) <= limit);
    return keep.sort((a, b) => b.accuracy - a.accuracy || cost(a) - cost(b)).slice(0, 1).map((one) => [
      one.network, "–", "–", "–", "–", percent(one.accuracy), "–", millions(one.macs), ...(runtime ? [`${digits(one.ms, 3)}, ${one.runtime}`] : []),
    ]);
  }

  function chooser() {
    const kind = byId("limit-kind").value;
    const all = candidates(kind);
    const limit = limits(kind, all)[byId("limit").value];
    const { meets, order } = ranked(kind, all, limit);
    const [best] = order;
    const other = meets && order.find((one) => called(one.network) !== called(best.network));
    const words = inWords(kind, limit);
    byId("limit-at").textContent = meets ? words : `${words}: nothing keeps this; what comes closest`;
    byId("limit").setAttribute("aria-valuetext", words);
    const titles = ["network", "seed", "early exits kept", "threshold", "validation", "test", "over seeds", "MACs, millions", ...(kind.includes(" ") ? ["ms per image"] : [])];
    const rows = [best, ...(other ? [other] : [])].map(({ network, place, timed, testCost }) => [
      called(network), String(network.seed), network.exits[place], network.threshold[place], percent(network.accuracy[place]),
      percent(network.test[place]),
      percent(network.mean[place]) + (network.low[place] === null ? "" : ` (${percent(network.low[place])} to ${percent(network.high[place])})`),
      millions(network.testMacs[place]), ...(timed ? [`${digits(testCost, 3)}, ${timed.runtime}`] : []),
    ]);
    byId("choice").tHead.replaceChildren(make("tr", {}, ...titles.map((title, place) => make("th", { scope: "col", class: place ? "number" : "" }, title))));
    byId("choice").tBodies[0].replaceChildren(...[...rows, ...rival(kind, limit)].map(([first, ...rest]) =>
      make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((cell) => make("td", { class: "number" }, cell)))));
    byId("choice-command").textContent = best.network.command.replace("EXITS", best.network.exits[best.place]).replace("THRESHOLD", best.network.threshold[best.place]) +
      ({ int8: " --int8", sparse: " --sparse" }[best.timed?.runtime] || "");
    byId("choice-said").textContent = `At most ${words}: ${rows[0][0]}, seed ${rows[0][1]}, ${rows[0][5]} on test images`;
    choices_picture(kind, all, best, limit);
    markCut();
  }

  /** Lines of all networks, the limit, and the choice. */
  function choices_picture(kind, all, best, limit) {
    const worth = (one) => (kind === "lost" ? -one.lost : one.accuracy);
    const unit = kind.includes(" ") ? 1 : MILLION;
    const label = kind.includes(" ") ? "milliseconds per image (log scale)" : "average MACs per image, millions (log scale)";
    const { svg, x, y, left, right, top, bottom } = frame(byId("choices"), all.map((one) => one.cost), all.map(worth), label, unit);
    const ways = new Map(all.map((one) => [`${data.choices.indexOf(one.network)} ${one.timed?.runtime}`, one]));
    for (const { network, timed } of ways.values()) {
      const own = all.filter((one) => one.network === network && one.timed === timed);
      const path = own.map((one, place) => `${place ? "L" : "M"}${x(one.cost).toFixed(1)} ${y(worth(one)).toFixed(1)}`);
      const { colour, line } = look({ data }, network.recipe);
      const drawn = make("path", { d: path.join(""), fill: "none", "stroke-width": 1.4, "stroke-dasharray": line, "stroke-opacity": network.state === "final" ? 0.45 : 0.9 });
      drawn.style.stroke = colour;
      svg.append(drawn);
    }
    const at = kind === "lost" ? { x1: left, x2: right, y1: y(-limit), y2: y(-limit) } : { x1: x(limit), x2: x(limit), y1: top, y2: bottom };
    svg.append(make("line", { class: "limit", ...at }));
    svg.append(make("circle", { class: "chosen", cx: x(best.cost), cy: y(worth(best)), r: 8 }));
  }

  function beginChoosing() {
    const kinds = [["macs", "MACs"], ["lost", "points of accuracy lost"]];
    const timed = data.choices.flatMap((network) => network.times).flatMap(({ runtime, batch }) => [`any ${batch}`, `${runtime} ${batch}`]);
    for (const one of new Set(timed)) {
      const [runtime, batch] = one.split(" ");
      kinds.push([`ms ${one}`, `milliseconds, ${runtime === "any" ? "any runtime" : runtime}, ${batch === "1" ? "one image at a time" : `batches of ${batch}`}`]);
    }
    byId("limit-kind").append(...kinds.map(([value, words]) => make("option", { value }, words)));
    byId("limit").max = STEPS;
    byId("limit").addEventListener("input", chooser);
    byId("limit-kind").addEventListener("change", chooser);
    addEventListener("resize", chooser);
    chooser();
  }

  // ------------------------------------------------------------------------------------------------ another report beside this one

  function read(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const found = page.getElementById("study-data");
    const other = JSON.parse(found ? found.textContent : text);
    if (other.format !== data.format) throw new Error("another format");
    return other;
  }

  function table(caption, titles, rows) {
    const head = make("tr", {}, ...titles.map((title, place) => make("th", { scope: "col", class: place ? "number" : "" }, title)));
    const body = rows.map(([first, ...rest]) =>
      make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((cell) => make("td", { class: "number" }, cell))));
    const made = make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body));
    return make("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" }, made);
  }

  function beside(other) {
    const mark = other.study === data.study ? " (other)" : ` (${other.study})`;
    studies.splice(1, studies.length - 1, { data: other, mark });
    const shown = (form, value) => (value === undefined || value === null ? "–" : form === "percent" ? percent(value) : millions(value));
    const rows = [];
    for (const headline of data.headlines) {
      const theirs = other.headlines.find((one) => one.label === headline.label);
      for (const { state: when, recipe, value } of headline.values) {
        const match = theirs && theirs.values.find((one) => one.state === when && one.recipe === recipe);
        const where = when === "unpruned" ? "unpruned" : `${recipe}, ${data.states.find((one) => one.key === when)?.name ?? when}`;
        const percents = headline.form === "percent";
        const change = !match || value === null || match.value === null ? "–"
          : percents ? `${signed(100 * (match.value - value))} points` : `${signed(100 * (match.value / value - 1))} %`;
        rows.push([`${headline.label}: ${where}`, shown(headline.form, value), shown(headline.form, match?.value), change]);
      }
    }
    const names = [...new Set([...Object.keys(data.params), ...Object.keys(other.params)])];
    const text = (value) => (value === undefined ? "–" : JSON.stringify(value));
    const differ = names
      .filter((one) => text(data.params[one]) !== text(other.params[one]))
      .map((one) => [one, text(data.params[one]), text(other.params[one])]);
    const about = make("p", {}, `This report: ${data.study}, ${data.network} on ${data.data}, seeds ${data.seeds.join(", ")}. ` +
      `Opened: ${other.study}, ${other.network} on ${other.data}, seeds ${other.seeds.join(", ")}. Its recipes are in the picture above too, marked “${mark.trim()}”.` +
      (data.data === other.data ? "" : " The images differ, so a difference in accuracy is not the recipes’ doing alone."));
    byId("beside").replaceChildren(
      about,
      differ.length ? table("Parameters that differ", ["parameter", "this report", "opened"], differ) : make("p", {}, "All parameters are the same."),
      table("Headline numbers, means over seeds", ["quantity", "this report", "opened", "opened minus this"], rows),
    );
    refresh();
  }

  byId("other").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    try {
      beside(read(await file.text()));
      byId("opened").textContent = `${file.name} is beside this report now.`;
    } catch {
      byId("opened").textContent = `${file.name} is not a report of this kind: open a report.html that this version of exitprune wrote.`;
    }
  });

  begin();
})();
