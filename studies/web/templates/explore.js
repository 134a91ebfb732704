// Requests the scene that the controls describe, one at a time, and shows each as it comes.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const LEFT = 34, RIGHT = 224, TOP = 8, FOOT = 142; // of the small chart
  const form = document.querySelector("form");
  const controls = form.elements;
  const size = document.getElementById("size");
  const at = (id) => document.getElementById(id);

  const count = (value) => Number(value).toLocaleString("en-US");
  const number = (value) => Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 6 });
  const seconds = (value) => `${Number(value.toPrecision(2))} s`;
  const percent = (share) => `${number(100 * share)} %`;

  const shownValue = {
    turns: (value) => value,
    size: () => count(controls.n_samples.value),
    flip_probability: (value) => `${Math.round(100 * value)} %`,
    n_neighbors: (value) => value,
    epochs: (value) => value,
    width: (value) => value,
  };

  const showValues = () => {
    for (const output of form.querySelectorAll("output")) {
      const slider = at(output.htmlFor[0]);
      output.value = shownValue[slider.id](slider.value);
      slider.setAttribute("aria-valuetext", output.value);
    }
  };

  const chosen = () => controls.learner.selectedOptions[0];

  // Shows the controls of the chosen learner, and keeps n within its limit.
  const fit = () => {
    for (const group of form.querySelectorAll(".of"))
      group.hidden = group.disabled = group.dataset.learner !== controls.learner.value;
    size.max = Math.floor(10 * Math.log10(chosen().dataset.most));
    if (Number(controls.n_samples.value) > chosen().dataset.most) takeSize();
  };

  const takeSize = () => (controls.n_samples.value = Math.round(10 ** (size.value / 10)));

  const query = () => new URLSearchParams(new FormData(form)).toString();

  // Puts an address into the controls, as far as they can hold it.
  const put = (search) => {
    for (const [name, value] of new URLSearchParams(search)) {
      const control = controls[name];
      const known = !control?.options || [...control.options].some((option) => option.value === value);
      if (control && known) control.value = value;
    }
    size.max = 50;
    size.value = 10 * Math.log10(controls.n_samples.value);
    fit();
    showValues();
  };

  const learner = () => {
    const parts = [chosen().textContent];
    if (controls.learner.value === "knn") parts[0] += `, k = ${controls.n_neighbors.value}`;
    if (controls.learner.value === "net") parts[0] += ` of ${controls.width.value}, ${controls.epochs.value} epochs`;
    if (controls.prior.value !== "none") parts.push(`prior: ${controls.prior.selectedOptions[0].textContent}`);
    return parts.join(", ");
  };

  const history = new Map(); // problem -> learner -> its look, and n -> error

  const remember = (place, error) => {
    const learners = history.get(place.problem) ?? history.set(place.problem, new Map()).get(place.problem);
    if (!learners.has(place.learner)) learners.set(place.learner, { look: place.look, errors: new Map() });
    learners.get(place.learner).errors.set(place.n, error);
  };

  const place = () => ({
    problem: `${controls.turns.value} ${controls.flip_probability.value}`,
    learner: learner(),
    look: `${controls.learner.value}-${controls.prior.value}`,
    n: Number(controls.n_samples.value),
  });

  const element = (name, attributes, parent, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };

  const x = (n) => LEFT + ((Math.log10(n) - 1) / 4) * (RIGHT - LEFT);
  const y = (error) => TOP + (-Math.log10(Math.max(error, 1e-4)) / 4) * (FOOT - TOP);

  const drawHistory = (now) => {
    const svg = document.querySelector(".history svg");
    svg.replaceChildren();
    const axes = element("g", { class: "axes" }, svg);
    for (const n of [10, 100, 1000, 10_000, 100_000]) {
      element("path", { d: `M${x(n)} ${TOP}V${FOOT}` }, axes);
      element("text", { class: "x", x: x(n), y: FOOT + 12 }, axes, n < 1000 ? n : `${n / 1000}k`);
    }
    for (const error of [1, 0.1, 0.01, 0.001, 0.0001]) {
      element("path", { d: `M${LEFT} ${y(error)}H${RIGHT}` }, axes);
      element("text", { class: "y", x: LEFT - 4, y: y(error) }, axes, percent(error).replace(" ", ""));
    }
    element("text", { class: "x", x: (LEFT + RIGHT) / 2, y: FOOT + 24 }, axes, "training points n");
    const learners = [...history.get(now.problem)].sort(([name]) => (name === now.learner ? 1 : -1));
    for (const [name, { look, errors }] of learners) {
      const present = name === now.learner;
      const group = element("g", { class: `learner ${look}${present ? " present" : ""}` }, svg);
      element("title", {}, group, name);
      const points = [...errors].sort(([a], [b]) => a - b);
      const line = points.map(([n, error]) => `${x(n).toFixed(1)} ${y(error).toFixed(1)}`).join("L");
      element("path", { class: "line", d: `M${line}` }, group);
      for (const [n, error] of points)
        element("circle", { cx: x(n), cy: y(error), r: 2.5, class: present && n === now.n ? "now" : "" }, group);
      if (present) {
        const values = points.map(([n, error]) => `${percent(error)} at n = ${count(n)}`).join(", ");
        svg.setAttribute("aria-label", `Error against training points, ${name}: ${values}`);
      }
    }
  };

  const show = (scene, now) => {
    at("background").setAttribute("href", scene.background);
    at("region").setAttribute("href", scene.region);
    at("points").setAttribute("d", scene.points);
    for (const id of ["flipped", "cores"]) at(id).setAttribute("d", scene.flipped);
    at("flips").hidden = !scene.flipped;
    at("shown").textContent = scene.n_shown < now.n ? `; the first ${count(scene.n_shown)} points are shown` : "";
    for (const share of ["error", "error_uniform", "error_train"]) at(share).textContent = percent(scene[share]);
    at("fit_seconds").textContent = seconds(scene.fit_seconds);
    const label = `Decision region of ${now.learner}, n = ${count(now.n)}: ${percent(scene.error)} of predictions wrong`;
    document.querySelector(".region").setAttribute("aria-label", label);
    remember(now, scene.error);
    drawHistory(now);
  };

  const showRefusal = (message) => {
    at("refused").textContent = message ?? "";
    at("refused").hidden = !message;
  };

  const answer = async (search) => {
    try {
      const response = await fetch(`/scene?${search}`);
      return await response.json();
    } catch {
      return { refused: "No answer: is toymanifold explore still running?" };
    }
  };

  let wanted = null; // the newest request that is not sent yet
  let busy = false;

  // One request is under way at a time, so no scene overtakes another; of those that wait, the newest is sent next.
  const request = async (newest) => {
    wanted = newest;
    if (busy) return;
    busy = true;
    const figure = document.querySelector(".scene figure");
    figure.setAttribute("aria-busy", "true");
    while (wanted) {
      const { search, now, since } = wanted;
      wanted = null;
      const scene = await answer(search);
      showRefusal(scene.refused);
      if (!scene.refused) show(scene, now);
      if (wanted) continue;
      window.history.replaceState(null, "", `?${search}`);
      const taken = seconds((performance.now() - since) / 1000);
      at("status").textContent = scene.refused
        ? ""
        : `${now.learner}, n = ${count(now.n)}: ${percent(scene.error)} of predictions wrong. Redrawn in ${taken}.`;
    }
    busy = false;
    figure.setAttribute("aria-busy", "false");
  };

  const requestOf = (search) => ({ search, now: place(), since: performance.now() });

  const changed = (event) => {
    if (event.target === size) takeSize();
    fit();
    showValues();
    request(requestOf(query()));
  };

  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  at("again").addEventListener("click", (event) => {
    controls.seed.value = Number(controls.seed.value) + 1;
    changed(event);
  });
  put(location.search);
  request(requestOf(location.search.slice(1) || query()));
})();
