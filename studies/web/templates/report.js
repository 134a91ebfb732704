// Draws the learning curves of a page from their data, which a reader can choose, hide and point at.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [400, 58, 26, 10, 44]; // pixels: of the chart, and of its margins
  const [LINE, LETTER] = [15, 8]; // pixels from a name to the next, and of a letter
  const LEADER = 18; // pixels from the curves to the marks before the names
  const BELOW = 12; // pixels from the end of the baseline to its name
  const LONGEST = 24; // letters of a name
  const NARROW = 600; // pixels, below which names are left to the legend
  const REACH = 48; // pixels from a mark within which it is selected

  const number = (value) =>
    Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 20 });

  // A power of ten from 10⁵ on is written as such, as in the figures.
  const tickText = (value) => {
    const power = Math.log10(value);
    const isLong = Math.abs(power) >= 6 && Number.isInteger(power);
    return isLong ? "10" + [...String(power)].map((letter) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[letter] ?? "⁻").join("") : number(value);
  };

  const element = (name, attributes, parent, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };

  const axis = (low, high, start, stop, log) => {
    const of = log ? Math.log10 : (value) => value;
    const position = (value) => start + ((of(value) - of(low)) / (of(high) - of(low))) * (stop - start);
    return { low, high, log, position };
  };

  const axisOf = (values, margin, start, stop, log) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (log) return axis(low / margin, high * margin, start, stop, true);
    const span = high - low || Math.abs(high) || 1;
    return axis(low < 0 ? low - 0.05 * span : 0, high + 0.05 * span, start, stop, false);
  };

  const evenTicks = ({ low, high }) => {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
    const ticks = [];
    for (let i = Math.ceil(low / step); i <= Math.floor(high / step); i++) ticks.push(Number((i * step).toPrecision(12)));
    return ticks;
  };

  const ticks = (scale) => {
    const decades = scale.log ? Math.log10(scale.high / scale.low) : 0;
    if (decades < 0.7) return evenTicks(scale);
    const found = [];
    for (let power = Math.floor(Math.log10(scale.low)); power <= Math.ceil(Math.log10(scale.high)); power++)
      for (const factor of decades >= 2 ? [1] : [1, 2, 5]) found.push(factor * Number(`1e${power}`));
    return found.filter((value) => scale.low <= value && value <= scale.high);
  };

  // Least squares under a line between each two, by pooling adjacent violators.
  const spread = (places, top, bottom, line) => {
    const order = places.map((_, i) => i).sort((i, j) => places[i] - places[j]);
    const pools = [];
    order.forEach((i, rank) => {
      pools.push({ sum: places[i] - rank * line, size: 1 });
      while (pools.length > 1 && pools.at(-2).sum / pools.at(-2).size >= pools.at(-1).sum / pools.at(-1).size) {
        const { sum, size } = pools.pop();
        pools.at(-1).sum += sum;
        pools.at(-1).size += size;
      }
    });
    const last = bottom - (places.length - 1) * line;
    const placed = pools.flatMap(({ sum, size }) => Array(size).fill(Math.min(Math.max(sum / size, top), last)));
    const found = [];
    order.forEach((i, rank) => (found[i] = placed[rank] + rank * line));
    return found;
  };

  const path = (points) => "M" + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");

  const shortened = (name) => {
    const letters = [...name];
    return letters.length <= LONGEST ? name : letters.slice(0, LONGEST - 1).join("") + "…";
  };

  const isZero = (value) => Math.abs(value) < Number.EPSILON;

  const hasLog = (points) => points.every(({ mean, low }) => Math.min(mean, low ?? mean) >= 0);

  // The ends of an axis, where intervals that are much longer are cut, as in the figures. Zeros are drawn at its foot.
  const endsOf = (points, log) => {
    const means = points.map(({ mean }) => mean).filter((mean) => !(log && isZero(mean)));
    const [least, most] = [Math.min(...means), Math.max(...means)];
    if (log) return means.length ? [least / 10, most * 10] : [0.1, 1];
    const span = most - Math.min(least, 0);
    return [Math.min(least, 0) - (least < 0 ? span : 0.05 * span), most + span];
  };

  let n_charts = 0; // for ids of their own

  class Chart {
    constructor(box, data) {
      this.data = data;
      this.clip = `clip-${n_charts++}`;
      this.box = box;
      this.svg = element("svg", { class: "curves", role: "img" }, box);
      this.tip = box.querySelector(".tip");
      this.status = box.querySelector("[role=status]");
      this.marks = [];
      box.addEventListener("pointermove", (event) => this.point(event));
      box.addEventListener("pointerdown", (event) => this.point(event));
      box.addEventListener("pointerleave", () => this.select(null));
      box.addEventListener("blur", () => this.select(null));
      box.addEventListener("keydown", (event) => this.key(event));
    }

    draw(width, metric, state) {
      this.select(null);
      this.metric = metric;
      const { title, factor, curves, baseline } = metric;
      this.box.setAttribute("aria-label", `${title}: the arrow keys go from value to value`);
      this.svg.setAttribute("aria-label", `${title} against training points, ${curves.length} learners`);
      const coloured = curves.filter(({ learner }) => state.coloured.has(learner));
      const named = width >= NARROW && coloured.length > 0 && coloured.length * LINE <= HEIGHT - TOP - BOTTOM;
      const labels = coloured.map(({ learner }) => shortened(this.data.learners[learner].name));
      const letters = Math.max(0, ...labels.map((label) => [...label].length));
      const edge = width - (named ? LEADER + 9 + LETTER * letters : RIGHT);
      const foot = HEIGHT - BOTTOM;
      const points = curves.flatMap((curve) => curve.points);
      const shown = coloured.length ? coloured.flatMap((curve) => curve.points) : points;
      const log = state.logY && hasLog(points);
      const [low, high] = endsOf(shown, log);
      const lift = (value) => Math.min(Math.max(value, low), high) * factor;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      this.svg.replaceChildren();
      this.marks = [];
      const x = axisOf(points.map((p) => p.n), 1.12, LEFT, edge, state.logX);
      const atFoot = (point) => log && isZero(point.mean);
      const heights = shown
        .filter((point) => !atFoot(point))
        .flatMap((p) => [p.mean, p.low, p.high].filter((value) => value !== null).map(lift))
        .concat(baseline.filter((point) => !atFoot(point)).map((point) => point.mean * factor));
      const y = axisOf(heights.length ? heights : [low, high], 1.15, foot, TOP, log);
      this.axes(x, y, edge, foot);
      const clip = element("clipPath", { id: this.clip }, this.svg);
      element("rect", { x: LEFT, y: TOP, width: edge - LEFT, height: foot - TOP }, clip);
      const heightOf = (point, value = "mean") => (atFoot(point) ? foot : y.position(lift(point[value])));
      const baseHeight = (point) => (atFoot(point) ? foot : y.position(point.mean * factor));
      if (baseline.length) this.baseline(baseline, x, baseHeight, atFoot);
      const ends = coloured.map(({ points: own }) => heightOf(own.at(-1)));
      const places = spread(ends, TOP + LINE / 2, foot, LINE);
      const behind = curves.filter((curve) => !coloured.includes(curve));
      for (const curve of [...behind, ...coloured]) {
        const i = coloured.indexOf(curve);
        const kind = `curve k${curve.learner}${i < 0 ? " background" : ""}`;
        const group = element("g", { class: kind, "data-learner": curve.learner }, this.svg);
        if (i < 0) group.setAttribute("clip-path", `url(#${this.clip})`);
        this.curve(group, curve, x, heightOf, atFoot, [TOP, foot]);
        if (!named || i < 0) continue;
        const end = [x.position(curve.points.at(-1).n), ends[i]];
        group.prepend(element("path", { class: "leader", d: path([end, [edge + LEADER - 8, places[i]]]) }, group));
        const transform = `translate(${edge + LEADER} ${places[i].toFixed(1)})`;
        element("path", { class: "mark end", transform, d: this.data.learners[curve.learner].shape }, group);
        element("text", { class: "name", x: edge + LEADER + 9, y: places[i].toFixed(1) }, group, labels[i]);
      }
    }

    axes(x, y, edge, foot) {
      const group = element("g", { class: "axes" }, this.svg);
      for (const value of ticks(x)) {
        const place = x.position(value).toFixed(1);
        element("path", { d: `M${place} ${TOP}V${foot}` }, group);
        element("text", { class: "x", x: place, y: foot + 17 }, group, tickText(value));
      }
      for (const value of ticks(y)) {
        const place = y.position(value).toFixed(1);
        element("path", { d: `M${LEFT} ${place}H${edge}` }, group);
        element("text", { class: "y", x: LEFT - 6, y: place }, group, tickText(value) + this.metric.unit);
      }
      element("text", { class: "x", x: (LEFT + edge) / 2, y: HEIGHT - 6 }, group, "training points n");
    }

    // Runs of points that are joined: none at the foot, nor far apart.
    pieces(points, atFoot) {
      const { sizes } = this.metric;
      const pieces = [[]];
      points.forEach((point, i) => {
        const steps = i ? sizes.indexOf(point.n) - sizes.indexOf(points[i - 1].n) : 0;
        if (atFoot(point) || steps > this.data.gap) pieces.push([]);
        if (!atFoot(point)) pieces.at(-1).push(point);
      });
      return pieces.filter((piece) => piece.length);
    }

    baseline(points, x, heightOf, atFoot) {
      const group = element("g", { class: "baseline" }, this.svg);
      const at = (point) => [x.position(point.n), heightOf(point)];
      element("path", { d: this.pieces(points, atFoot).map((piece) => path(piece.map(at))).join("") }, group);
      const [left, top] = at(points.at(-1));
      const place = { x: left.toFixed(1), y: (top + BELOW).toFixed(1) };
      element("text", place, group, "baseline");
    }

    curve(group, curve, x, heightOf, atFoot, [highest, lowest]) {
      const { shape, dash } = this.data.learners[curve.learner];
      const at = (value) => (point) => [x.position(point.n), heightOf(point, value)];
      const pieces = this.pieces(curve.points, atFoot);
      const outlines = pieces
        .map((piece) => piece.filter((point) => point.low !== null))
        .filter((banded) => banded.length)
        .map((banded) => path([...banded.map(at("low")), ...banded.map(at("high")).reverse()]) + "Z");
      if (outlines.length) element("path", { class: "band", d: outlines.join("") }, group);
      const line = pieces.map((piece) => path(piece.map(at("mean")))).join("");
      element("path", { class: "casing", d: line }, group);
      element("path", { class: "line", d: line, "stroke-dasharray": dash }, group);
      for (const point of curve.points) {
        const [left, top] = at("mean")(point);
        if (top < highest || top > lowest) continue; // a curve of the background, beyond the axis
        const transform = `translate(${left.toFixed(1)} ${top.toFixed(1)})`;
        element("path", { class: atFoot(point) ? "mark zero" : "mark", transform, d: shape }, group);
        this.marks.push({ left, top, point, learner: curve.learner, group, zero: atFoot(point) });
      }
    }

    point(event) {
      const frame = this.svg.getBoundingClientRect();
      const unit = this.svg.viewBox.baseVal.width / frame.width;
      const [left, top] = [(event.clientX - frame.left) * unit, (event.clientY - frame.top) * unit];
      const distance = (mark) => Math.hypot(mark.left - left, mark.top - top);
      const nearest = this.marks.reduce((a, b) => (a && distance(a) <= distance(b) ? a : b), null);
      this.select(nearest && distance(nearest) <= REACH ? nearest : null);
    }

    key(event) {
      const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.key === "Escape") this.select(null);
      if (!(event.key in moves) || !this.marks.length) return;
      event.preventDefault();
      const [along, across] = moves[event.key];
      this.select(this.selected ? this.next(along, across) ?? this.selected : this.marks[0]);
      this.status.textContent = [...this.tip.children].map((line) => line.textContent).join(", ");
    }

    next(along, across) {
      const { learner, left, top, point } = this.selected;
      const side = (mark) => (along ? along * (mark.left - left) : across * (mark.top - top));
      const beside = this.marks.filter(
        (mark) => mark !== this.selected && (along ? mark.learner === learner : mark.point.n === point.n),
      );
      const beyond = beside.filter((mark) => side(mark) > 0);
      return beyond.sort((a, b) => side(a) - side(b))[0];
    }

    select(mark) {
      if (this.selected === mark) return;
      this.selected = mark;
      this.svg.querySelector(".ring")?.remove();
      this.svg.querySelector(".selected")?.classList.remove("selected");
      this.svg.classList.toggle("focussed", Boolean(mark));
      this.tip.hidden = !mark;
      if (!mark) return;
      mark.group.classList.add("selected");
      element("circle", { class: "ring", cx: mark.left, cy: mark.top, r: 9 }, this.svg);
      const lines = [
        ["strong", `${this.data.learners[mark.learner].name}, n = ${mark.point.n.toLocaleString("en-US")}`],
        ["span", mark.zero ? this.metric.zero : mark.point.text],
        ["span", mark.point.seeds === 1 ? "1 seed" : `${mark.point.seeds} seeds`],
      ];
      this.tip.replaceChildren(
        ...lines.map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text })),
      );
      const unit = this.svg.getBoundingClientRect().width / this.svg.viewBox.baseVal.width;
      const [left, top] = [mark.left * unit, mark.top * unit];
      const room = this.box.clientWidth - this.tip.offsetWidth;
      const above = top - this.tip.offsetHeight - 14;
      this.tip.style.left = `${Math.max(0, Math.min(left - this.tip.offsetWidth / 2, room))}px`;
      this.tip.style.top = `${above >= 0 ? above : top + 14}px`;
    }
  }

  const chapter = (section) => {
    const data = JSON.parse(section.querySelector(".data").textContent);
    const interactive = section.querySelector(".interactive");
    const chart = new Chart(section.querySelector(".chart"), data);
    const tables = [...section.querySelectorAll("[data-metric]")];
    const pressed = [...section.querySelectorAll(".toggle[aria-pressed=true]")];
    const coloured = new Set(pressed.map((toggle) => Number(toggle.dataset.learner)));
    const [metric, logX, logY] = [".metric", ".log-x", ".log-y"].map((name) => section.querySelector(name));
    let width = 0;

    const draw = () => {
      const shown = data.metrics[metric.value];
      for (const table of tables) table.hidden = table.dataset.metric !== metric.value;
      width = section.clientWidth;
      logY.disabled = !hasLog(shown.curves.flatMap((curve) => curve.points));
      chart.draw(width, shown, { coloured, logX: logX.checked, logY: logY.checked });
    };

    for (const control of [metric, logX, logY]) control.addEventListener("change", draw);
    for (const toggle of section.querySelectorAll(".toggle"))
      toggle.addEventListener("click", () => {
        const learner = Number(toggle.dataset.learner);
        const colour = !coloured.delete(learner);
        if (colour) coloured.add(learner);
        toggle.setAttribute("aria-pressed", String(colour));
        draw();
      });
    interactive.hidden = false;
    new ResizeObserver(() => section.clientWidth !== width && draw()).observe(section);
    draw();
  };

  const themeSwitch = (button) => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");
    const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
    const show = () => (button.textContent = dark() ? "Light theme" : "Dark theme");
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      show();
    });
    system.addEventListener("change", show);
    button.hidden = false;
    show();
  };

  document.documentElement.classList.add("js");
  themeSwitch(document.getElementById("theme"));
  document.querySelectorAll(".chapter").forEach(chapter);
})();
