// Where exports go: all jurisdictions.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, segment } from "./dom.js";
import { t } from "./i18n.js";
import { against, bar, choices, countryLink, empty, standing, table } from "./parts.js";

const SPANS = [24, 168, 720, 8784];

function span(ctx) {
  const wanted = Number(ctx.query.get("hours"));
  return SPANS.includes(wanted) ? wanted : 24;
}

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
          bar(row.bytes / most, standing(row.bytes, row.expected_bytes, row.incidents_open))] },
        { key: "expected", label: t("expected"), is: "number",
          cell: (row) => f.bytes(row.expected_bytes) },
        { key: "against", label: t("against"), cell: (row) => against(row.bytes,
          row.expected_bytes, row.incidents_open) },
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

export default { title: () => t("nav.jurisdictions"), load, draw, every: 20 };
