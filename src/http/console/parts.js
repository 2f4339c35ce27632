// Pieces that several views share.

import { h, s, name, segment } from "./dom.js";
import { t, word } from "./i18n.js";
import * as f from "./format.js";

export const SEVERITIES = ["critical", "high", "medium", "low"];

/** From which multiple of what was expected on bytes are above, far above, extreme. */
const STEPS = [[1.25, "normal"], [2, "above"], [5, "far"], [Infinity, "extreme"]];

/**
 * How bytes stand to what was expected: a class, which has a colour, a word and a shape. Where
 * nothing is known to be normal an open incident says that it is not (`alarms`).
 */
export function standing(seen, expected, alarms = 0) {
  if (!seen) return "none";
  if (expected === null || expected === undefined) return alarms ? "extreme" : "unlearned";
  if (expected === 0) return "extreme";
  return STEPS.find(([limit]) => seen / expected < limit)[1];
}

const MARKS = { none: "M2 6h8", unlearned: "M2 6h8", normal: "M6 3.200a2.800 2.800 0 1 0 .01 0z",
  above: "M6 2.500L10 9.500H2z", far: "M6 1.200L10.800 6 6 10.800 1.200 6z",
  extreme: "M2 2h8v8H2z" };

/** The mark of a standing: its shape says what its colour says. */
export function mark(kind) {
  return s("svg", { class: `mark is-${kind}`, viewBox: "0 0 12 12", "aria-hidden": "true" },
    s("path", { d: MARKS[kind] }));
}

/** Bytes against what was expected: a mark, and `×3.2` or `new`. */
export function against(seen, expected, alarms = 0) {
  const kind = standing(seen, expected, alarms);
  const text = kind === "none" ? "\u2013" : kind === "unlearned" ? t("standing.unlearned")
    : f.times(seen, expected) ?? t("standing.new");
  return h("span", { class: `against is-${kind}`, title: t(`standing.${kind}`) }, mark(kind),
    h("span", {}, text), h("span", { class: "sr" }, ` (${t(`standing.${kind}`)})`));
}

/** A severity: one to four bars, and the word. */
export function severity(level) {
  const bars = SEVERITIES.length - SEVERITIES.indexOf(level);
  return h("span", { class: `severity is-${SEVERITIES.includes(level) ? level : "low"}` },
    s("svg", { viewBox: "0 0 16 12", "aria-hidden": "true" }, [0, 1, 2, 3].map((i) =>
      s("rect", { x: i * 4, y: 8 - i * 2.4, width: 3, height: 4 + i * 2.4,
        class: i < bars ? "on" : "off" }))),
    word("severity", level));
}

const VERDICT_KINDS = { approved: "good", over_quota: "bad", outside_scope: "bad",
  unapproved: "bad", prohibited_destination: "bad", observed_exceeded: "bad",
  declared_estimate_exceeded: "warn", not_determinable: "quiet" };

/** What a pack of law says, with a mark. */
export function verdict(value) {
  return state(VERDICT_KINDS[value] ?? "quiet", word("verdict", value));
}

const STATES = { good: "M2.500 6.500l2.500 2.500 4.700-6", warn: "M6 1.500v5.500M6 9.200v1.600",
  bad: "M2.500 2.500l7 7M9.500 2.500l-7 7", quiet: "M2.500 6h7" };

/** Words with a mark that says good, warn, bad or quiet. */
export function state(kind, text) {
  return h("span", { class: `state is-${kind}` },
    s("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, s("path", { d: STATES[kind] })),
    h("span", {}, text));
}

/** A part of a whole as a bar; `limit` is a line across it. */
export function bar(share, kind = "plain", limit = null) {
  const width = Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0)) * 100;
  return s("svg", { class: `bar is-${kind}`, viewBox: "0 0 100 8", preserveAspectRatio: "none",
    "aria-hidden": "true" },
  s("rect", { class: "all", width: 100, height: 8 }),
  s("rect", { class: "part", width, height: 8 }),
  limit === null ? null : s("path", { d: `M${limit * 100} 0v8`, class: "limit" }));
}

/** A bar of parts: `[name, bytes]`, in the order of the names. */
export function stack(set, parts) {
  const total = parts.reduce((sum, [, value]) => sum + value, 0);
  if (!total) return h("span", { class: "quiet" }, t("none"));
  let x = 0;
  const rects = parts.filter(([, value]) => value > 0).map(([key, value]) => {
    const width = value / total * 100;
    x += width;
    return s("rect", { x: x - width, width, height: 10, class: `${set}-${key}` });
  });
  const legend = parts.filter(([, value]) => value / total >= 0.0005).map(([key, value]) =>
    h("li", {}, h("i", { class: `swatch ${set}-${key}` }), word(set, key), " ",
      h("b", {}, f.percent(value / total))));
  return h("div", { class: "stack" },
    s("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, rects),
    h("ul", {}, legend));
}

export const assetLink = (asset) => h("a", { href: `#/assets/${segment(asset)}`,
  "data-key": `asset/${asset}` }, name(asset));
export const countryLink = (country) => h("a", { href: `#/jurisdictions/${segment(country)}`,
  "data-key": `country/${country}`, class: "country" },
h("span", { class: "iso" }, country), f.country(country));

/** A recipient as people look for it: its domain, else who holds its network. */
export function recipient(alert) {
  if (alert.recipient) return name(alert.recipient);
  if (alert.organisation) return name(alert.organisation);
  return alert.asn ? `AS${alert.asn}` : h("span", { class: "quiet" }, t("recipient.unknown"));
}

/** A time, with how long ago it was; the whole of it on hover. */
export function since(value, now) {
  return h("time", { datetime: value, title: f.full(value) },
    f.secondsBetween(value, now) < 86400 * 2 ? f.ago(value, now) : f.moment(value, now));
}

/**
 * A table. `columns`: `key`, `label`, `cell(row)`, `is` (`number`, `wide`). On a narrow page each
 * row stands alone, its cells named by their labels; roles keep it a table for a screen reader.
 */
export function table({ caption, columns, rows, key, href = null, kind = "" }) {
  const head = h("tr", { role: "row" }, columns.map((column) => h("th", { scope: "col",
    role: "columnheader", class: column.is }, column.label)));
  const body = rows.map((row) => {
    const target = href?.(row);
    return h("tr", { role: "row", class: target ? "goes" : null, "data-row": key(row),
      on: target ? { click: (event) => go(event, target) } : {} },
    columns.map((column) => h("td", { role: "cell", class: `${column.is ?? ""} c-${column.key}`,
      "data-label": column.label }, h("div", { class: "cell" }, column.cell(row)))));
  });
  return h("table", { class: `table ${kind}`, role: "table" },
    h("caption", { class: "sr" }, caption),
    h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, body));
}

/** A click beside the links of a row goes where its first link does. */
function go(event, target) {
  if (event.target.closest("a, button, input") || !document.getSelection().isCollapsed) return;
  location.hash = target;
}

/** What is shown where there is nothing: what that means, and what to do. */
export function empty(title, advice) {
  return h("div", { class: "empty" }, h("p", {}, h("strong", {}, title)),
    advice ? h("p", {}, typeof advice === "string" ? commands(advice) : advice) : null);
}

/** A text of ours, with what stands between backticks as code. */
export function commands(text) {
  return text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

/** Links of which one is chosen. */
export function choices(label, options, chosen) {
  return h("nav", { class: "choices", "aria-label": label }, options.map(([value, text, href]) =>
    h("a", { href, "aria-current": value === chosen ? "true" : null,
      "data-key": `choice/${label}/${value}` }, text)));
}

/** A figure with its name, and a remark. */
export function figure(label, value, remark = null) {
  return h("div", { class: "figure" }, h("dt", {}, label), h("dd", {}, value),
    remark ? h("dd", { class: "remark" }, remark) : null);
}

/** A part of a page with a heading. */
export function section(title, ...children) {
  const hasAside = Object.hasOwn(children[0] ?? {}, "aside");
  return h("section", { class: "section" },
    h("header", {}, h("h2", {}, title), hasAside ? children[0].aside : null),
    hasAside ? children.slice(1) : children);
}

/** Names and values. Values that are null are left out. */
export function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value !== null).map(
    ([label, ...value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

/** A button that asks for more of a list. */
export function more(view, next, load) {
  if (!next) return null;
  const button = h("button", { class: "more", "data-key": "more", type: "button", on: {
    click: async () => {
      button.disabled = true;
      await load();
      view.redraw();
    } } }, t("more"));
  return button;
}
