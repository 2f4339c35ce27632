// What leaves now, against what is normal.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, s, segment } from "./dom.js";
import { t } from "./i18n.js";
import { curve } from "./chart.js";
import { WorldMap } from "./map.js";
import { findings, overall } from "./health.js";
import { against, assetLink, bar, choices, countryLink, empty, figure, mark, recipient, section,
  severity, since, standing, state, table } from "./parts.js";

const SPANS = [1, 24, 168, 720];
const CURVE_HOURS = 72;
const ROWS = 10;
const NEWEST = 5;

function span(ctx) {
  const wanted = Number(ctx.query.get("hours"));
  return SPANS.includes(wanted) ? wanted : 24;
}

/** All of it is asked for without a look at the clock, so that it may be asked for ahead
 * (prefer.js). */
async function load(ctx) {
  const [places, open, hours] = await Promise.all([
    api.jurisdictions(span(ctx), ctx.signal),
    api.incidents({ state: "open", limit: NEWEST }, ctx.signal),
    api.hours({ count: CURVE_HOURS }, ctx.signal)]);
  return { rows: places.jurisdictions, incidents: open.incidents, hours: hours.hours };
}

/** The sensor's health in one line: a word, and what is behind it. */
function healthLine(health) {
  const kind = overall(health);
  const told = findings(health).slice(0, kind === "good" ? 3 : 2);
  return h("p", { class: "health" }, h("a", { href: "#/sensor", "data-key": "health" },
    state(kind, t(`health.${kind}`))), told.map(([, text]) => h("span", {}, text)));
}

function figures(rows, ctx) {
  const { totals } = ctx.status;
  const seen = rows.reduce((sum, row) => sum + row.bytes, 0);
  const expected = rows.reduce((sum, row) => sum + (row.expected_bytes ?? 0), 0);
  const levels = ["critical", "high", "medium", "low"].filter((level) => totals.alerts[level] > 0);
  return h("dl", { class: "figures" },
    figure(t("overview.exported"), f.bytes(seen), expected > 0 ? t("overview.expected", {
      bytes: f.bytes(expected), change: f.signed(seen / expected - 1) }) : t("overview.unknown")),
    figure(t("overview.open"), h("a", { href: "#/incidents", "data-key": "open" },
      f.count(totals.incidents_open)), levels.length ? t("overview.alerts", {
      list: levels.map((level) => t(`overview.${level}`, { n: totals.alerts[level],
        shown: { n: f.count(totals.alerts[level]) } })).join(t("list.and")) }) : null),
    figure(t("overview.countries"), f.count(rows.filter((row) => row.bytes > 0).length),
      t("overview.beyond", { n: rows.filter((row) =>
        ["far", "extreme"].includes(standing(row.bytes, row.expected_bytes,
          row.incidents_open))).length })),
    figure(t("overview.assets"), f.brief(totals.assets),
      t("overview.cells", { n: totals.cells, shown: { n: f.brief(totals.cells) } })),
    figure(t("overview.total"), h("span", { "data-live": "total" }, f.bytes(totals.export_bytes)),
      t("overview.since", { time: f.day(ctx.status.history_since ?? ctx.status.started) })));
}

function legend() {
  return h("ul", { class: "legend" }, ["normal", "above", "far", "extreme"].map((kind) =>
    h("li", {}, mark(kind), t(`standing.${kind}`))), h("li", { class: "pulse-key" },
    t("map.pulse")));
}

function places(rows, ctx) {
  const most = Math.max(...rows.map((row) => row.bytes), 1);
  const shown = ctx.memory.all ? rows : rows.slice(0, ROWS);
  return [table({ caption: t("overview.table"), rows: shown, key: (row) => row.country,
    kind: "places", href: (row) => `#/jurisdictions/${segment(row.country)}`, columns: [
      { key: "country", label: t("jurisdiction"), cell: (row) => countryLink(row.country) },
      { key: "bytes", label: t("sent"), is: "number", cell: (row) => [f.bytes(row.bytes),
        bar(row.bytes / most, standing(row.bytes, row.expected_bytes, row.incidents_open))] },
      { key: "expected", label: t("expected"), is: "number",
        cell: (row) => f.bytes(row.expected_bytes) },
      { key: "against", label: t("against"), cell: (row) => against(row.bytes,
        row.expected_bytes, row.incidents_open) },
      { key: "open", label: t("open"), is: "number", cell: (row) => (row.incidents_open
        ? h("a", { href: `#/incidents?country=${row.country}`, "data-key": `in/${row.country}` },
          f.count(row.incidents_open)) : h("span", { class: "quiet" }, "0")) }] }),
  rows.length > ROWS ? h("button", { type: "button", class: "more", "data-key": "all", on: {
    click: () => {
      ctx.memory.all = !ctx.memory.all;
      ctx.redraw();
    } } }, ctx.memory.all ? t("less") : t("all", { n: rows.length })) : null];
}

/** The map is kept from one look to the next, so that zoom and motion go on. Words and numbers
 * do not wait for it: until its shapes are there its place is kept. */
function theMap(data, ctx) {
  const language = document.documentElement.lang;
  if (ctx.memory.language !== language) ctx.memory.map = null;
  ctx.memory.language = language;
  if (ctx.memory.map) return shown(ctx.memory.map, data, ctx);
  const place = h("div", { class: "map" }, s("svg", { class: "map-svg" }));
  api.worldMap().then((world) => {
    if (!place.isConnected) return;
    ctx.memory.map = new WorldMap(world, ctx.status.site);
    place.replaceWith(shown(ctx.memory.map, data, ctx));
  }, () => null);
  return place;
}

function shown(map, data, ctx) {
  map.onPoint = (code) => {
    for (const row of document.querySelectorAll(".places tr[data-row]")) {
      row.classList.toggle("is-pointed", row.dataset.row === code);
    }
  };
  map.show(data.rows, span(ctx));
  return map.element;
}

function newest(list, ctx) {
  if (list.length === 0) return empty(t("incidents.none"), t("incidents.none.advice"));
  return h("ol", { class: "newest" }, list.map((one) => h("li", {},
    h("a", { href: `#/incidents/${segment(one.incident)}`, class: "line",
      "data-key": `incident/${one.incident}` },
    severity(one.alert.severity), h("b", {}, h("span", { class: "sr" }, t("excess")),
      `+${f.bytes(one.alert.excess_bytes)}`), since(one.opened, ctx.now())),
    h("span", { class: "where" }, assetLink(one.alert.asset), h("span", { class: "to" },
      "\u2192"), countryLink(one.alert.jurisdiction)),
    h("span", { class: "who" }, recipient(one.alert)))));
}

function draw(data, ctx) {
  const hours = span(ctx);
  const options = SPANS.map((value) => [value, t(`span.${value}`), `#/?hours=${value}`]);
  const home = ctx.status.site.jurisdictions.map(f.country).join(t("list.and"));
  const isEmpty = data.rows.length === 0;
  return [
    h("div", { class: "head" }, h("h1", { tabindex: -1 }, t("overview.title", { home })),
      choices(t("span"), options, hours)),
    healthLine(ctx.status.health),
    figures(data.rows, ctx),
    h("div", { class: "split wide-side" },
      h("div", {},
        h("section", { class: "section", "aria-label": t("map.title") }, theMap(data, ctx),
          legend()),
        section(t("overview.curve"), data.hours.length ? curve({ hours: data.hours, height: 240,
          label: t("overview.curve"), memory: ctx.memory.curve ??= {} })
          : empty(t("hours.none"), t("hours.none.advice")))),
      h("div", {},
        h("section", { class: "section", "aria-label": t("overview.table") }, isEmpty
          ? empty(t("overview.empty"), t("overview.empty.advice")) : places(data.rows, ctx)),
        section(t("overview.newest"), { aside: data.incidents.length ? h("a", {
          href: "#/incidents", "data-key": "all-incidents" }, t("overview.all")) : null },
        newest(data.incidents, ctx))))];
}

/** The line of health and the total change without a look at the rest. */
function tick(value) {
  const total = document.querySelector("[data-live=total]");
  if (total) total.textContent = f.bytes(value.export_bytes);
}

function health(value) {
  const line = document.querySelector(".health");
  if (line && !line.contains(document.activeElement)) line.replaceWith(healthLine(value));
}

export default { title: () => t("nav.overview"), load, draw, tick, health, every: 10 };
