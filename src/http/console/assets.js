// The assets, those that send most first.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, name, segment } from "./dom.js";
import { t } from "./i18n.js";
import { against, assetLink, bar, empty, more, since, table } from "./parts.js";

const PAGE = 50;

async function load(ctx) {
  // As many as are shown are looked up again.
  const limit = Math.min(500, Math.max(PAGE, ctx.memory.shown ?? 0));
  const page = await api.assets({ q: ctx.query.get("q"), limit }, ctx.signal);
  return { rows: page.assets, next: page.next };
}

async function loadMore(data, ctx) {
  const page = await api.assets({ q: ctx.query.get("q"), limit: PAGE, after: data.next },
    ctx.signal);
  data.rows.push(...page.assets);
  data.next = page.next;
  ctx.memory.shown = data.rows.length;
}

function search(ctx) {
  let timer = null;
  const input = h("input", { type: "search", value: ctx.query.get("q") ?? "", "data-key": "q",
    placeholder: t("assets.search"), "aria-label": t("assets.search"), maxlength: 200, on: {
      input: () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          const q = input.value.trim();
          history.replaceState(history.state, "", q ? `#/assets?${new URLSearchParams({ q })}`
            : "#/assets");
          dispatchEvent(new HashChangeEvent("hashchange"));
        }, 200);
      } } });
  return h("div", { class: "filters", role: "search" }, input);
}

/** How far an asset has been learned, as a bar and a share. */
export function maturity(share) {
  return h("span", { class: "maturity" }, bar(share, "plain"), f.percent(share));
}

function draw(data, ctx) {
  const most = Math.max(...data.rows.map((row) => row.bytes_24h), 1);
  const isSearch = Boolean(ctx.query.get("q"));
  const list = data.rows.length === 0
    ? empty(isSearch ? t("assets.nomatch") : t("assets.none"),
      isSearch ? t("assets.nomatch.advice") : t("assets.none.advice"))
    : table({ caption: t("nav.assets"), rows: data.rows, key: (row) => row.asset,
      href: (row) => `#/assets/${segment(row.asset)}`, columns: [
        { key: "asset", label: t("asset"), is: "wide", cell: (row) => assetLink(row.asset) },
        { key: "organisation", label: t("organisation"), is: "wide", cell: (row) => (
          row.organisation ? name(row.organisation) : h("span", { class: "quiet" }, "\u2013")) },
        { key: "bytes", label: t("sent.day"), is: "number", cell: (row) => [
          f.bytes(row.bytes_24h), bar(Math.sqrt(row.bytes_24h / most), "plain")] },
        { key: "expected", label: t("expected"), is: "number",
          cell: (row) => f.bytes(row.expected_bytes_24h) },
        { key: "against", label: t("against"), cell: (row) => against(row.bytes_24h,
          row.expected_bytes_24h) },
        { key: "countries", label: t("jurisdictions"), is: "number",
          cell: (row) => f.count(row.countries) },
        { key: "open", label: t("open"), is: "number", cell: (row) => (row.incidents_open
          ? h("a", { href: `#/incidents?${new URLSearchParams({ asset: row.asset })}`,
            "data-key": `in/${row.asset}` }, f.count(row.incidents_open))
          : h("span", { class: "quiet" }, "0")) },
        { key: "maturity", label: t("maturity"), cell: (row) => maturity(row.maturity) },
        { key: "last", label: t("last"), cell: (row) => since(row.last, ctx.now()) }] });
  return [h("div", { class: "head" }, h("h1", { tabindex: -1 }, t("nav.assets")),
    h("p", { class: "quiet", role: "status" }, data.next || !isSearch
      ? t("assets.first", { n: data.rows.length, all: f.count(ctx.status.totals.assets) })
      : t("assets.count", { n: data.rows.length }))),
  search(ctx), list, more(ctx, data.next, () => loadMore(data, ctx))];
}

export default { title: () => t("nav.assets"), load, draw, every: 20 };
