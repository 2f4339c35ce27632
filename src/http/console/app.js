// The frame around the views: what is open, the header, and when things are looked up again.

import * as api from "./api.js";
import * as i18n from "./i18n.js";
import * as f from "./format.js";
import * as live from "./live.js";
import * as times from "./times.js";
import { h, clean, isBusy, replace } from "./dom.js";
import { pieces, t } from "./i18n.js";
import { empty, state } from "./parts.js";

/** The views by the first part of the address, alone and with a second part. Each is loaded when it
 * is first opened, or when there is nothing else to do. */
const ROUTES = {
  "": [() => import("./overview.js")],
  incidents: [() => import("./incidents.js"), () => import("./incident.js")],
  assets: [() => import("./assets.js"), () => import("./asset.js")],
  jurisdictions: [() => import("./jurisdictions.js"), () => import("./jurisdiction.js")],
  approvals: [() => import("./approvals.js")],
  sensor: [() => import("./sensor.js")],
};
const THEMES = ["system", "light", "dark"];
const LOADING_MILLISECONDS = 250;
/** The frame waits so long for the first view, so that both are laid out once. */
const FRAME_MILLISECONDS = 150;
const REST_MILLISECONDS = 2000;
const MEMORIES_MAX = 40;

const memories = new Map();
let status = null;
let context = null;
let serial = 0;
const part = {};

/** What the address names: a view, its second part, and what stands after `?`. */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [first, second] = path.split("/");
  const views = ROUTES[first];
  let argument = null;
  try {
    argument = second === undefined || second === "" ? null : decodeURIComponent(second);
  } catch {
    return { path, first, loader: null };
  }
  return { path, first, argument, query: new URLSearchParams(query),
    loader: views?.[argument === null ? 0 : 1] ?? null };
}

function memoryOf(hash) {
  const memory = memories.get(hash) ?? {};
  memories.delete(hash);
  memories.set(hash, memory);
  if (memories.size > MEMORIES_MAX) memories.delete(memories.keys().next().value);
  return memory;
}

/** Opens what the address names. */
function open() {
  const to = route();
  const isSamePage = context?.path === to.path;
  const isBack = history.state?.serial !== undefined;
  if (context) {
    context.memory.scroll = context.scroll;
    context.abort.abort();
  }
  if (!isBack) {
    serial += 1;
    history.replaceState({ serial }, "");
  }
  const abort = new AbortController();
  context = { ...to, abort, signal: abort.signal, memory: memoryOf(location.hash), status,
    scroll: 0, loadedAt: null, data: undefined, redraw: () => draw(), reload: () => load(),
    now: () => live.state.now ?? status.now };
  context.arrival = isSamePage ? "stay" : isBack ? "back" : "new";
  if (part.isFramed) drawNavigation();
  context.opener = document.activeElement;
  if (!to.loader) {
    show([heading(t("error.page")), empty(t("error.page"), h("a", { href: "#/" },
      t("error.home")))]);
    return;
  }
  const mine = context;
  setTimeout(() => {
    if (mine === context && mine.data === undefined && !mine.failed) {
      part.main.setAttribute("aria-busy", "true");
      if (!isSamePage) part.main.replaceChildren(h("p", { class: "loading" }, t("loading")));
    }
  }, LOADING_MILLISECONDS);
  load();
}

/** Looks the data of the view up, and draws it. */
async function load() {
  const mine = context;
  if (!mine?.loader || mine.isLoading) return;
  mine.isLoading = true;
  const asked = live.state.now;
  try {
    mine.view ??= (await mine.loader().catch(() => { throw new api.Failure(0, ""); })).default;
    const data = await mine.view.load(mine);
    if (mine !== context) return;
    api.forgetAhead();
    mine.data = data;
    mine.loadedAt = performance.now();
    mine.asOf = asked;
    mine.failed = null;
    part.problem.hidden = true;
    draw();
  } catch (error) {
    if (mine.signal.aborted) return;
    if (!(error instanceof api.Failure)) console.error(error);
    mine.failed = error;
    fail(error, mine);
  } finally {
    mine.isLoading = false;
  }
}

function reason(error) {
  if (error.status === 0) return t("error.away");
  if (error.status === 404) return t("error.unknown");
  return error.message ? `${t("error.answer")} ${clean(error.message, 300)}` : t("error.answer");
}

function fail(error, mine) {
  if (mine.data !== undefined) {
    // What was there stays, and is said to be old.
    part.problem.hidden = false;
    part.problem.replaceChildren(state("warn", t("error.refresh", { reason: reason(error) })));
    return;
  }
  const again = h("button", { type: "button", "data-key": "again", on: { click: load } },
    t("error.again"));
  show([heading(t("error.title")), empty(reason(error), again)]);
}

const heading = (text) => h("h1", { tabindex: -1 }, text);

function draw() {
  if (context.data === undefined) return;
  show(context.view.draw(context.data, context));
  document.title = `${clean(context.view.title(context), 60)} \u00b7 borderflow`;
}

function show(children) {
  part.main.removeAttribute("aria-busy");
  replace(part.main, ...children.flat(Infinity).filter(Boolean));
  frame();
  // The first view is at its top, and a look at where it is would lay it out.
  if (context.arrival !== "stay" && part.isStarted) {
    scrollTo(0, context.arrival === "back" ? context.memory.scroll ?? 0 : 0);
    // Who has moved on meanwhile is not called back.
    const focused = document.activeElement;
    if (focused === document.body || focused === context.opener) {
      part.main.querySelector("h1")?.focus({ preventScroll: true });
    }
  }
  context.arrival = "stay";
  part.isStarted = true;
}

/** Looks up again what has become old, unless somebody is reading off it. */
function refresh(isUrgent) {
  if (!context?.view?.every || context.loadedAt === null || document.hidden) return;
  const age = (performance.now() - context.loadedAt) / 1000;
  const isNews = live.state.now !== context.asOf;
  if ((!isUrgent && (age < context.view.every || !isNews)) || isBusy(part.main)) return;
  load();
}

function drawNavigation() {
  const openCount = status.totals.incidents_open;
  const links = Object.keys(ROUTES).map((key) => h("a", { href: `#/${key}`,
    "aria-current": context?.first === key ? "page" : null, "data-key": `nav/${key}` },
  t(`nav.${key || "overview"}`), key === "incidents" && openCount > 0
    ? h("span", { class: "badge" }, f.count(openCount), h("span", { class: "sr" },
      ` ${t("nav.open")}`)) : null));
  replace(part.navigation, ...links);
}

function drawLive() {
  const { is, now } = live.state;
  const kind = { live: "good", polling: "warn", connecting: "quiet", stale: "bad" }[is];
  const words = is === "live" && status.mode === "replay" ? t("live.replay") : t(`live.${is}`);
  if (part.liveState !== `${is}${i18n.current()}`) {
    part.liveState = `${is}${i18n.current()}`;
    part.clock = h("time", { class: "clock" });
    part.live.replaceChildren(state(kind, words), part.clock);
  }
  part.clock.textContent = f.clock(now ?? status.now);
  part.clock.title = f.full(now ?? status.now);
  document.body.classList.toggle("is-stale", is === "stale");
  part.stale.hidden = is !== "stale";
  if (is === "stale") {
    part.staleText.replaceChildren(state("bad", t("live.old", {
      age: f.duration(live.silence()), time: f.clock(now ?? status.now) })));
  }
}

function control(label, text, act, key) {
  return h("button", { type: "button", class: "control", "data-key": key, title: label, on: {
    click: act } }, h("span", { class: "sr" }, `${label}: `), text);
}

function themeNow() {
  return document.documentElement.dataset.theme ?? "system";
}

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(themeNow()) + 1) % THEMES.length];
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  i18n.keep("borderflow.theme", next);
  drawFrame();
}

function drawControls() {
  const other = i18n.LANGUAGES.find((language) => language !== i18n.current());
  replace(part.controls,
    control(t("language"), t(`language.${other}`), async () => {
      await i18n.choose(other);
      drawFrame();
      open();
    }, "language"),
    control(t("theme"), `\u25d0 ${t(`theme.${themeNow()}`)}`, nextTheme, "theme"));
  part.controls.firstChild.lang = other === "zh" ? "zh-Hans" : "en";
}

/** Fills header and footer, again where the language has changed. */
function drawFrame() {
  part.skip.textContent = t("skip");
  part.navigation.setAttribute("aria-label", t("nav.label"));
  part.live.setAttribute("aria-label", t("live.label"));
  drawControls();
  drawNavigation();
  drawLive();
  const source = (status.input ?? []).map((one) => clean(one, 60)).join(", ");
  part.footer.replaceChildren(
    h("p", {}, t("footer.version", { version: clean(status.version, 20), source,
      zone: times.zoneName() })),
    h("p", {}, t("footer.bytes")),
    h("p", {}, t("footer.map"), " ", pieces("footer.places", {
      link: h("a", { href: "https://db-ip.com", rel: "noreferrer noopener" },
        "IP Geolocation by DB-IP") })));
}

function build() {
  part.skip = h("a", { href: "#main", class: "skip", on: { click: (event) => {
    event.preventDefault();
    (part.main.querySelector("h1") ?? part.main).focus();
  } } });
  part.navigation = h("nav", { class: "pages" });
  part.live = h("div", { class: "live", role: "group" });
  part.controls = h("div", { class: "controls" });
  part.staleText = h("span", {});
  part.stale = h("div", { class: "banner", role: "alert", hidden: true }, part.staleText);
  part.problem = h("div", { class: "banner", role: "alert", hidden: true });
  part.news = h("div", { class: "sr", role: "status" });
  part.main = h("main", { id: "main", tabindex: -1 });
  part.footer = h("footer", {});
  part.top = h("header", { class: "top" }, h("a", { href: "#/", class: "brand" }, "borderflow"),
    part.navigation, part.live, part.controls);
}

/** Puts the frame into the page, if it is not there. */
function frame() {
  if (part.isFramed) return;
  part.isFramed = true;
  drawFrame();
  document.body.replaceChildren(part.skip, part.top, part.stale, part.problem, part.main,
    part.footer, part.news);
  // The stream waits for what the first view asks for, which it would hold up.
  setTimeout(live.connect, 0);
}

function listen() {
  addEventListener("hashchange", open);
  addEventListener("scroll", () => { if (context) context.scroll = scrollY; }, { passive: true });
  document.addEventListener("visibilitychange", () => refresh(false));
  live.on("tick", (tick) => {
    if (tick.incidents_open !== status.totals.incidents_open) {
      status.totals.incidents_open = tick.incidents_open;
      drawNavigation();
    }
    status.totals.export_bytes = tick.export_bytes;
    context.view?.tick?.(tick, context);
  });
  live.on("health", (health) => {
    status.health = health;
    context.view?.health?.(health, context);
  });
  live.on("status", (next) => { Object.assign(status, next); });
  live.on("alert", (alert) => {
    const key = alert.event === "open" ? "news.open" : "news.more";
    part.news.textContent = t(key, { asset: clean(alert.asset, 60),
      country: f.country(alert.jurisdiction) });
    refresh(true);
  });
  live.on("again", () => refresh(true));
  live.on("state", drawLive);
  live.on("second", () => {
    drawLive();
    refresh(false);
  });
}

async function start() {
  try {
    [status] = await Promise.all([api.status(), i18n.begin()]);
  } catch (error) {
    api.forgetAhead();
    document.body.replaceChildren(h("main", {}, h("h1", {}, "borderflow"),
      empty(reason(error), t("error.retrying"))));
    setTimeout(start, 5000);
    return;
  }
  history.scrollRestoration = "manual";
  live.hear(status.now);
  times.useZone(status.site.time_zone, status.site.time_zone_offsets);
  build();
  open();
  setTimeout(frame, FRAME_MILLISECONDS);
  listen();
  live.watch();
  // What is not needed yet is fetched before the sensor might be out of reach.
  setTimeout(() => Object.values(ROUTES).flat().forEach((loader) => loader().catch(() => null)),
    REST_MILLISECONDS);
}

start();
