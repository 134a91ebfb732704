// Asks for the scene that the controls describe, one question at a time, and shows each answer as it comes.
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

  const spoken = {
    turns: (value) => value,
    size: () => count(controls.n_samples.value),
    flip_probability: (value) => `${Math.round(100 * value)} %`,
    n_neighbors: (value) => value,
    epochs: (value) => value,
    width: (value) => value,
  };

  const tell = () => {
    for (const output of form.querySelectorAll("output")) {
      const slider = at(output.htmlFor[0]);
      output.value = spoken[slider.id](slider.value);
      slider.setAttribute("aria-valuetext", output.value);
    }
  };

  const chosen = () => controls.learner.selectedOptions[0];

  // Shows the controls of the learner that is chosen, and keeps n within what it may have.
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
    tell();
  };

  const learner = () => {
    const told = [chosen().textContent];
    if (controls.learner.value === "knn") told[0] += `, k = ${controls.n_neighbors.value}`;
    if (controls.learner.value === "net") told[0] += ` of ${controls.width.value}, ${controls.epochs.value} epochs`;
    if (controls.prior.value !== "none") told.push(`prior: ${controls.prior.selectedOptions[0].textContent}`);
    return told.join(", ");
  };

  const seen = new Map(); // problem -> learner -> n -> error

  const remember = (place, error) => {
    const learners = seen.get(place.problem) ?? seen.set(place.problem, new Map()).get(place.problem);
    const errors = learners.get(place.learner) ?? learners.set(place.learner, new Map()).get(place.learner);
    errors.set(place.n, error);
  };

  const place = () => ({
    problem: `${controls.turns.value} ${controls.flip_probability.value}`,
    learner: learner(),
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

  const drawSeen = (now) => {
    const svg = document.querySelector(".seen svg");
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
    const learners = [...seen.get(now.problem)].sort(([name]) => (name === now.learner ? 1 : -1));
    for (const [name, errors] of learners) {
      const present = name === now.learner;
      const group = element("g", present ? { class: "present" } : {}, svg);
      element("title", {}, group, name);
      const points = [...errors].sort(([a], [b]) => a - b);
      const line = points.map(([n, error]) => `${x(n).toFixed(1)} ${y(error).toFixed(1)}`).join("L");
      element("path", { class: "line", d: `M${line}` }, group);
      for (const [n, error] of points)
        element("circle", { cx: x(n), cy: y(error), r: 2.5, class: present && n === now.n ? "now" : "" }, group);
      if (present) {
        const told = points.map(([n, error]) => `${percent(error)} at n = ${count(n)}`).join(", ");
        svg.setAttribute("aria-label", `Error against training points, ${name}: ${told}`);
      }
    }
  };

  const show = (scene, now) => {
    at("background").setAttribute("href", scene.background);
    at("region").setAttribute("href", scene.region);
    at("points").setAttribute("d", scene.points);
    at("flipped").setAttribute("d", scene.flipped);
    at("flips").hidden = !scene.flipped;
    at("shown").textContent = scene.n_shown < now.n ? `; the first ${count(scene.n_shown)} points are shown` : "";
    for (const share of ["error", "error_uniform", "error_train"]) at(share).textContent = percent(scene[share]);
    at("fit_seconds").textContent = seconds(scene.fit_seconds);
    const label = `Decision region of ${now.learner}, n = ${count(now.n)}: ${percent(scene.error)} of answers wrong`;
    document.querySelector(".region").setAttribute("aria-label", label);
    remember(now, scene.error);
    drawSeen(now);
  };

  const tellRefused = (message) => {
    at("refused").textContent = message ?? "";
    at("refused").hidden = !message;
  };

  const answer = async (asked) => {
    try {
      const response = await fetch(`/scene?${asked}`);
      return await response.json();
    } catch {
      return { refused: "No answer: is toymanifold explore still running?" };
    }
  };

  let wanted = null; // the newest question that is not asked yet
  let busy = false;

  // One question is under way at a time, so no answer overtakes another; of those that wait, the newest is asked next.
  const ask = async (question) => {
    wanted = question;
    if (busy) return;
    busy = true;
    const figure = document.querySelector(".picture figure");
    figure.setAttribute("aria-busy", "true");
    while (wanted) {
      const { asked, now, since } = wanted;
      wanted = null;
      const scene = await answer(asked);
      tellRefused(scene.refused);
      if (!scene.refused) show(scene, now);
      if (wanted) continue;
      history.replaceState(null, "", `?${asked}`);
      const taken = seconds((performance.now() - since) / 1000);
      at("told").textContent = scene.refused
        ? ""
        : `${now.learner}, n = ${count(now.n)}: ${percent(scene.error)} of answers wrong. Redrawn in ${taken}.`;
    }
    busy = false;
    figure.setAttribute("aria-busy", "false");
  };

  const question = (asked) => ({ asked, now: place(), since: performance.now() });

  const changed = (event) => {
    if (event.target === size) takeSize();
    fit();
    tell();
    ask(question(query()));
  };

  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  at("again").addEventListener("click", (event) => {
    controls.seed.value = Number(controls.seed.value) + 1;
    changed(event);
  });
  put(location.search);
  ask(question(location.search.slice(1) || query()));
})();
