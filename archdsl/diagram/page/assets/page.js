// The page works without this script, as a table and a picture. What it adds: each part of the
// network is linked to every place that shows it, and the picture zooms and moves. It asks for
// nothing, stores nothing, and makes no markup from text.
{
const links = JSON.parse(document.getElementById("links").textContent);
const root = document.documentElement;
const detail = document.getElementById("detail");
const narrow = matchMedia("(max-width: 999px)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

root.classList.add("scripted");

// --- which places show a part -----------------------------------------------------------------

// Maps, since a part may be called `constructor`.
const drawnAs = new Map(Object.entries(links.drawn));  // path -> paths that the picture has for it
const written = new Map(Object.entries(links.lines));  // path -> ids of lines
const places = new Map();  // path -> elements
const graph = new Map();   // path -> those of them in the picture
const rows = new Map();    // path -> its row in the table of layers
const parts = new Map();   // id of a line -> paths of the parts that it writes

const add = (map, key, value) => map.get(key)?.push(value) ?? map.set(key, [value]);

for (const place of all("[data-part]")) {
  const path = place.dataset.part;
  add(places, path, place);
  if (place.closest("#graph")) add(graph, path, place);
  if (place.closest("table.layers")) rows.set(path, place);
}
for (const [path, lines] of written) {
  if (rows.get(path)?.classList.contains("stage")) continue;  // written where its parts are
  for (const line of lines) add(parts, line, path);
}

const drawn = (path) => (drawnAs.get(path) ?? [path]).flatMap((owner) => graph.get(owner) ?? []);
const lines = (path) =>
  (written.get(path) ?? []).map((id) => document.getElementById(id)).filter(Boolean);
const everywhere = (path) => [...(places.get(path) ?? []), ...drawn(path), ...lines(path)];

/** The paths of the parts that something in the page stands for; in their order, maybe none. */
function pathsOf(target) {
  const place = target.closest?.("[data-part]");
  if (place) return [place.dataset.part];
  const line = target.closest?.(".listing li");
  return (line && parts.get(line.id)) ?? [];
}

function mark(paths, name) {
  for (const place of all(`.${name}`)) place.classList.remove(name);
  for (const path of paths) for (const place of everywhere(path)) place.classList.add(name);
}

// --- what is looked at, and what is chosen ----------------------------------------------------

const shown = detail?.querySelector(".shown");
const close = detail?.querySelector(".close");
let chosen = null;
let origin = null;  // what had the focus when it was chosen
let under = null;   // what the pointer was moved over, where that is what is looked at
let spot = "";      // where the pointer is on the screen

function show(path) {
  if (!shown) return;
  const facts = rows.get(path)?.nextElementSibling?.querySelector(".facts").cloneNode(true);
  facts?.removeAttribute("id");
  shown.replaceChildren(...(facts ? [facts] : []));
  detail.classList.toggle("empty", !facts);
  detail.classList.toggle("open", Boolean(chosen));
  close.hidden = !chosen;
}

function look(paths, target = null) {
  under = target;
  mark(paths, "hot");
  show(paths[0] ?? chosen);
}

function choose(path, from) {
  chosen = path === chosen ? null : path;
  origin = chosen ? from : null;
  for (const button of all("[aria-pressed=true]:not(#theme)")) press(button, false);
  mark(chosen ? [chosen] : [], "chosen");
  show(chosen);
  remember();
  if (!chosen) return;
  reveal(chosen);
  for (const place of [...(places.get(chosen) ?? []), ...drawn(chosen)]) press(place, true);
  if (!from?.closest("#graph")) viewer?.bring(drawn(chosen)[0]);
  else if (!narrow.matches) bring(rows.get(chosen));
}

function press(place, pressed) {
  const button = place.matches("[aria-pressed]") ? place : place.querySelector("button.choose");
  button?.setAttribute("aria-pressed", String(pressed));
}

function bring(place, block = "nearest") {
  place?.scrollIntoView({ block, behavior: calm.matches ? "auto" : "smooth" });
}

function dismiss() {
  const back = detail?.contains(document.activeElement) ? origin : null;
  if (chosen) choose(chosen);
  look([]);
  back?.focus({ preventScroll: true });
}

// Moved, not only over something: what scrolls under a resting pointer was not pointed at.
document.addEventListener("pointermove", (event) => {
  const before = spot;
  spot = `${event.screenX} ${event.screenY}`;
  if (event.pointerType === "touch" || spot === before || event.target === under) return;
  if (!detail?.contains(event.target)) look(pathsOf(event.target), event.target);
});
document.addEventListener("focusin", (event) => {
  if (detail?.contains(event.target)) return;
  look(pathsOf(event.target));
  // What a pointer presses must stay where it is.
  if (event.target.matches("#graph :focus-visible")) viewer?.bring(event.target);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link) return follow(event, link);
  if (event.target.closest(".fold")) return;
  const selects = !event.target.closest("#graph, button") && String(getSelection());
  if (selects) return;  // who marks text to copy it chooses nothing
  const [path] = pathsOf(event.target);
  if (path) choose(path, event.target.closest("[data-part], .choose"));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") dismiss();
  const part = event.target.closest?.("#graph [data-part]");
  if (part && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    choose(part.dataset.part, part);
  }
});
close?.addEventListener("click", dismiss);

/** Go to a place in the page without giving up what the address says. */
function follow(event, link) {
  const target = document.getElementById(link.hash.slice(1));
  if (!target) return;
  event.preventDefault();
  if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
  bring(target, target.matches("section") ? "start" : "center");
}

// --- rows that open ---------------------------------------------------------------------------

/** The rows around a row, from the inside out. */
function* around(path) {
  for (let end = path.lastIndexOf("."); end > 0; end = path.lastIndexOf(".", end - 1)) {
    const row = rows.get(path.slice(0, end));
    if (row) yield row;
  }
}

const fold = (row) => row.querySelector(".fold");
const isOpen = (row) => fold(row)?.getAttribute("aria-expanded") !== "false";

function refold() {
  for (const [path, row] of rows) row.hidden = ![...around(path)].every(isOpen);
}

function reveal(path) {
  for (const row of around(path)) fold(row)?.setAttribute("aria-expanded", "true");
  refold();
}

for (const button of all(".fold")) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-expanded", String(!isOpen(button.closest("tr"))));
    refold();
  });
}
refold();

// --- the picture ------------------------------------------------------------------------------

const frame = document.querySelector(".viewport");
const viewer = frame && new Viewer(frame, document.getElementById("graph"), detail, narrow);

// --- light and dark, and what the address says ------------------------------------------------

const theme = document.getElementById("theme");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark";
const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
prefersDark.addEventListener("change", showTheme);
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
  remember();
});

/** Write what is chosen into the address, and nowhere else. */
function remember() {
  const said = new URLSearchParams();
  if (chosen) said.set("layer", chosen);
  if (root.dataset.theme) said.set("theme", root.dataset.theme);
  const hash = String(said);
  history.replaceState(history.state, "", hash ? `#${hash}` : location.pathname + location.search);
}

function recall() {
  const said = new URLSearchParams(location.hash.slice(1));
  if (["light", "dark"].includes(said.get("theme"))) root.dataset.theme = said.get("theme");
  showTheme();
  const path = said.get("layer");
  if (path !== chosen && rows.has(path)) choose(path);
}

addEventListener("hashchange", recall);
recall();

// A served page that is loaded anew, which live.js tells of, shows what it showed before.
const before = history.state?.view;
if (viewer && before) {
  Object.assign(viewer, before, { fitted: false });
  viewer.apply();
}
document.addEventListener("anew", () => {
  const view = viewer && !viewer.fitted ? { x: viewer.x, y: viewer.y, k: viewer.k } : null;
  history.replaceState({ view }, "");
});
}
