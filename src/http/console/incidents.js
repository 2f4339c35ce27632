// The queue of incidents.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, segment } from "./dom.js";
import { t, word } from "./i18n.js";
import { SEVERITIES, assetLink, bar, choices, countryLink, empty, more, recipient, severity,
  since, state, table } from "./parts.js";

const PAGE = 50;
/** Of a filter that the sensor does not know, so many incidents are looked through at a time. */
const LOOKED_THROUGH_MAX = 5000;

function filters(ctx) {
  const { query } = ctx;
  return { state: query.get("state") === "all" ? "all" : "open",
    severity: SEVERITIES.includes(query.get("severity")) ? query.get("severity") : "",
    country: query.get("country") ?? "", asset: query.get("asset") ?? "",
    q: query.get("q") ?? "" };
}

/** The address of this view with other filters. */
function address(current, changed) {
  const set = Object.entries({ ...current, ...changed }).filter(([key, value]) => value
    && !(key === "state" && value === "open"));
  return `#/incidents${set.length ? `?${new URLSearchParams(set)}` : ""}`;
}

function matches(one, { severity: level, q }) {
  const { alert } = one;
  if (level && alert.severity !== level) return false;
  const wanted = q.toLowerCase();
  return !wanted || [alert.asset, alert.asset_ip, alert.recipient, alert.organisation,
    f.country(alert.jurisdiction)].some((text) => text?.toLowerCase().includes(wanted));
}

/** Incidents from `after` on until there is a page of those that match. */
async function gather(ctx, after) {
  const wanted = filters(ctx);
  const isLocal = Boolean(wanted.severity || wanted.q);
  const found = [];
  let looked = 0;
  let next = after;
  do {
    const page = await api.incidents({ state: wanted.state, country: wanted.country,
      asset: wanted.asset, limit: isLocal ? 500 : PAGE, after: next }, ctx.signal);
    looked += page.incidents.length;
    found.push(...page.incidents.filter((one) => matches(one, wanted)));
    next = page.next;
  } while (next && found.length < PAGE && looked < LOOKED_THROUGH_MAX);
  return { rows: found, next };
}

async function load(ctx) {
  // What was added by hand stays; the newest are looked up again.
  const first = await gather(ctx, null);
  const before = ctx.memory.pages ?? null;
  if (!before || ctx.memory.isWhole !== true) return { ...first };
  const seen = new Set(first.rows.map((one) => one.incident));
  return { rows: [...first.rows, ...before.rows.filter((one) => !seen.has(one.incident))],
    next: before.next };
}

async function loadMore(data, ctx) {
  const page = await gather(ctx, data.next);
  data.rows.push(...page.rows);
  data.next = page.next;
  ctx.memory.pages = data;
  ctx.memory.isWhole = true;
}

function form(current) {
  let timer = null;
  const go = (changed) => history.replaceState(history.state, "", address(current, changed));
  const input = h("input", { type: "search", value: current.q, "data-key": "q",
    placeholder: t("incidents.search"), "aria-label": t("incidents.search"), maxlength: 200, on: {
      input: () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          go({ q: input.value.trim() });
          dispatchEvent(new HashChangeEvent("hashchange"));
        }, 250);
      } } });
  const countries = h("select", { "aria-label": t("jurisdiction"), "data-key": "country", on: {
    change: () => { location.hash = address(current, { country: countries.value }); } } },
  h("option", { value: "" }, t("incidents.everywhere")),
  known(current.country).map((value) => h("option", { value,
    selected: value === current.country }, `${value}  ${f.country(value)}`)));
  return h("div", { class: "filters", role: "search" },
    choices(t("state"), [["open", t("state.open"), address(current, { state: "open" })],
      ["all", t("state.all"), address(current, { state: "all" })]], current.state),
    choices(t("severity"), [["", t("severity.any"), address(current, { severity: "" })],
      ...SEVERITIES.map((level) => [level, word("severity", level),
        address(current, { severity: level })])], current.severity),
    countries, input, current.asset ? h("a", { class: "chip", "data-key": "asset",
      href: address(current, { asset: "" }) }, t("incidents.of", { asset: "" }),
    h("bdi", {}, current.asset.slice(0, 60)), " \u00d7") : null);
}

const places = new Set();
function known(chosen) {
  return [...new Set([...places, chosen].filter(Boolean))].sort();
}

/** Whether it goes on, by the last line of it. */
export function running(one) {
  return one.state === "open" ? state("warn", t("state.running")) : state("quiet",
    one.alert.feedback ? word("feedback", one.alert.feedback) : t("state.over"));
}

/** The columns of a list of incidents; an asset's page leaves out the asset. */
export function incidentTable(rows, ctx, withAsset = true) {
  const most = Math.max(...rows.map((one) => Math.sqrt(one.alert.excess_bytes)), 1);
  const columns = [
    { key: "severity", label: t("severity"), cell: (one) => h("a", { class: "line",
      href: `#/incidents/${segment(one.incident)}`, "data-key": `incident/${one.incident}` },
    severity(one.alert.severity), h("span", { class: "sr" }, ` ${t("incident.open")}`)) },
    withAsset ? { key: "asset", label: t("asset"), is: "wide",
      cell: (one) => assetLink(one.alert.asset) } : null,
    { key: "country", label: t("jurisdiction"), cell: (one) => countryLink(
      one.alert.jurisdiction) },
    { key: "recipient", label: t("recipient"), is: "wide", cell: (one) => recipient(one.alert) },
    { key: "excess", label: t("excess"), is: "number", cell: (one) => [
      `+${f.bytes(one.alert.excess_bytes)}`,
      bar(Math.sqrt(one.alert.excess_bytes) / most, one.alert.severity)] },
    { key: "sent", label: t("sent"), is: "number", cell: (one) => f.bytes(one.alert.bytes) },
    { key: "score", label: t("score"), is: "number", cell: (one) => f.count(one.alert.score) },
    { key: "opened", label: t("incident.began"), cell: (one) => since(one.opened, ctx.now()) },
    { key: "last", label: t("incident.last"), cell: (one) => since(one.last, ctx.now()) },
    { key: "state", label: t("state"), cell: running }];
  return table({ caption: t("nav.incidents"), rows, key: (one) => one.incident, kind: "queue",
    href: (one) => `#/incidents/${segment(one.incident)}`, columns: columns.filter(Boolean) });
}

/** Arrows go from incident to incident. */
function walk(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || !event.target.matches(".queue a.line")) return;
  const links = [...event.currentTarget.querySelectorAll(".queue a.line")];
  event.preventDefault();
  links[links.indexOf(event.target) + by]?.focus();
}

function draw(data, ctx) {
  const current = filters(ctx);
  data.rows.forEach((one) => places.add(one.alert.jurisdiction));
  const isFiltered = current.severity || current.q || current.country || current.asset;
  const list = data.rows.length === 0
    ? empty(isFiltered ? t("incidents.nomatch") : t("incidents.none"), isFiltered
      ? h("a", { href: "#/incidents?state=all" }, t("incidents.clear"))
      : t("incidents.none.advice"))
    : h("div", { on: { keydown: walk } }, incidentTable(data.rows, ctx));
  const shown = data.next ? t("incidents.first", { n: data.rows.length })
    : t("incidents.count", { n: data.rows.length });
  return [h("div", { class: "head" }, h("h1", { tabindex: -1 }, t("nav.incidents")),
    h("p", { class: "quiet", role: "status" }, shown)), form(current), list,
  more(ctx, data.next, () => loadMore(data, ctx))];
}

export default { title: () => t("nav.incidents"), load, draw, every: 10 };
