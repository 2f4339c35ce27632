// One jurisdiction: its hours, its incidents, and how what went there was protected.

import * as api from "./api.js";
import * as f from "./format.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { curve } from "./chart.js";
import { incidentTable } from "./incidents.js";
import { against, empty, figure, section, stack } from "./parts.js";

const HISTORY_HOURS = 168;
const PROTECTIONS = ["clear", "weak", "standard", "strong", "post_quantum", "national", "opaque",
  "unseen"];
const CONFIDENCES = ["confirmed", "plausible", "disputed", "refuted", "unknown"];

const parts = (order, values) => order.map((key) => [key, values?.[key] ?? 0]);

async function load(ctx) {
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

function draw({ row, hours, incidents }, ctx) {
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

export default { title: (ctx) => f.country(ctx.argument), load, draw, every: 20 };
