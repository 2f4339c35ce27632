// Where exports go: all jurisdictions, and one of them with its history.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, segment } from "./dom.js";
import { t } from "./i18n.js";
import { curve } from "./chart.js";
import { incidentTable } from "./incidents.js";
import { against, bar, choices, countryLink, empty, figure, section, stack, standing,
  table } from "./parts.js";

const SPANS = [24, 168, 720, 8784];
const HISTORY_HOURS = 168;
const PROTECTIONS = ["clear", "weak", "standard", "strong", "post_quantum", "national", "opaque",
  "unseen"];
const CONFIDENCES = ["confirmed", "plausible", "disputed", "refuted", "unknown"];

function span(ctx) {
  const wanted = Number(ctx.query.get("hours"));
  return SPANS.includes(wanted) ? wanted : 24;
}

const parts = (order, values) => order.map((key) => [key, values?.[key] ?? 0]);
const weak = (row) => (row.protection?.clear ?? 0) + (row.protection?.weak ?? 0);

async function load(ctx) {
  const { jurisdictions: rows } = await api.jurisdictions(span(ctx), ctx.signal);
  return { rows };
}

function draw({ rows }, ctx) {
  const hours = span(ctx);
  const most = Math.max(...rows.map((row) => row.bytes), 1);
  const options = SPANS.map((value) => [value, t(`span.${value}`),
    `#/jurisdictions?hours=${value}`]);
  return [h("div", { class: "head" }, h("h1", { tabindex: -1 }, t("nav.jurisdictions")),
    choices(t("span"), options, hours)),
  rows.length === 0 ? empty(t("overview.empty"), t("overview.empty.advice"))
    : table({ caption: t("nav.jurisdictions"), rows, key: (row) => row.country,
      kind: "places", href: (row) => `#/jurisdictions/${segment(row.country)}`, columns: [
        { key: "country", label: t("jurisdiction"), is: "wide",
          cell: (row) => countryLink(row.country) },
        { key: "bytes", label: t("sent"), is: "number", cell: (row) => [f.bytes(row.bytes),
          bar(row.bytes / most, standing(row.bytes, row.expected_bytes))] },
        { key: "expected", label: t("expected"), is: "number",
          cell: (row) => f.bytes(row.expected_bytes) },
        { key: "against", label: t("against"), cell: (row) => against(row.bytes,
          row.expected_bytes) },
        { key: "assets", label: t("nav.assets"), is: "number", cell: (row) => f.count(
          row.assets) },
        { key: "open", label: t("open"), is: "number", cell: (row) => (row.incidents_open
          ? h("a", { href: `#/incidents?country=${row.country}`,
            "data-key": `in/${row.country}` }, f.count(row.incidents_open))
          : h("span", { class: "quiet" }, "0")) },
        { key: "weak", label: t("unprotected"), is: "number", cell: (row) => f.percent(
          row.bytes ? weak(row) / row.bytes : 0) },
        { key: "sure", label: t("sure"), is: "number", cell: (row) => f.percent(row.bytes
          ? ((row.confidence?.confirmed ?? 0) + (row.confidence?.plausible ?? 0)) / row.bytes
          : 0) }] })];
}

async function loadOne(ctx) {
  const country = ctx.argument;
  const now = ctx.now();
  const from = new Date(new Date(now).getTime() - (HISTORY_HOURS - 1) * 3600000).toISOString();
  const [places, hours, list] = await Promise.all([
    api.jurisdictions(720, ctx.signal),
    api.hours({ country, from: `${from.slice(0, 13)}:00:00Z`, to: `${now.slice(0, 13)}:00:00Z` },
      ctx.signal),
    api.incidents({ state: "all", country, limit: 20 }, ctx.signal)]);
  return { row: places.jurisdictions.find((one) => one.country === country) ?? null,
    hours: hours.hours, incidents: list.incidents };
}

function drawOne({ row, hours, incidents }, ctx) {
  const country = ctx.argument;
  const day = hours.slice(-24);
  const seen = day.reduce((sum, one) => sum + one.bytes, 0);
  const expected = day.reduce((sum, one) => sum + (one.expected_bytes ?? 0), 0);
  const isHome = ctx.status.site.jurisdictions.includes(country);
  const head = [h("p", { class: "back" }, h("a", { href: "#/jurisdictions", "data-key": "back" },
    `\u2190 ${t("nav.jurisdictions")}`)),
  h("div", { class: "head" }, h("h1", { tabindex: -1 }, h("span", { class: "iso" }, country), " ",
    f.country(country)))];
  if (!row && incidents.length === 0) {
    return [head, empty(isHome ? t("jurisdiction.home") : t("jurisdiction.none"),
      isHome ? null : t("jurisdiction.none.advice"))];
  }
  return [head,
    h("dl", { class: "figures" },
      figure(t("sent.day"), f.bytes(seen), h("span", {}, t("expected"), " ", f.bytes(expected))),
      figure(t("against"), against(seen, expected)),
      figure(t("sent.month"), f.bytes(row?.bytes ?? 0)),
      figure(t("nav.assets"), f.count(row?.assets ?? 0)),
      figure(t("overview.open"), f.count(row?.incidents_open ?? 0))),
    h("div", { class: "split" },
      h("div", {}, section(t("asset.week"), hours.length ? curve({ hours, height: 260,
        label: t("asset.week"), memory: ctx.memory.curve ??= {} })
        : empty(t("hours.none"), t("hours.none.advice"))),
      section(t("nav.incidents"), incidents.length ? incidentTable(incidents, ctx)
        : h("p", { class: "quiet" }, t("jurisdiction.quiet")))),
      h("aside", { class: "side" },
        section(t("protection.month"), stack("protection", parts(PROTECTIONS, row?.protection))),
        section(t("confidence.month"), stack("confidence", parts(CONFIDENCES,
          row?.confidence)))))];
}

export default { title: () => t("nav.jurisdictions"), load, draw, every: 20 };
export const jurisdiction = { title: (ctx) => f.country(ctx.argument), load: loadOne,
  draw: drawOne, every: 20 };
