// What approvals allow and law asks: quotas, meters, and the verdicts of each day.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, code, name } from "./dom.js";
import { t, word } from "./i18n.js";
import { assetLink, bar, countryLink, empty, more, section, state, table,
  verdict } from "./parts.js";

/** From this share of a quota on it is said to be nearly used up. */
const NEARLY = 0.8;

async function load(ctx) {
  const [corridors, meters] = await Promise.all([
    api.corridors({ limit: Math.min(500, Math.max(100, ctx.memory.shown ?? 0)) }, ctx.signal),
    api.meters(ctx.signal)]);
  return { rows: corridors.corridors, next: corridors.next, meters: meters.meters };
}

/** Used and allowed as a bar, with words. */
function quota(used, allowed, show) {
  const share = used / allowed;
  const kind = share > 1 ? "bad" : share >= NEARLY ? "warn" : "good";
  const words = share > 1 ? t("quota.over", { share: f.percent(share - 1) })
    : t("quota.used", { share: f.percent(share) });
  const scale = Math.max(1, share);
  return h("div", { class: "quota" }, bar(share / scale, kind, share > 1 ? 1 / scale : null),
    h("div", {}, h("span", {}, `${show(used)} / ${show(allowed)}`), state(kind, words)));
}

/** The newest line of each approval. */
function quotas(rows) {
  const newest = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.approval, row.asset, row.recipient, row.country]);
    if (row.quota_bytes && row.used_bytes !== null && !newest.has(key)) newest.set(key, row);
  }
  return [...newest.values()].sort((a, b) => b.used_bytes / b.quota_bytes
    - a.used_bytes / a.quota_bytes);
}

function quotaTable(rows) {
  return table({ caption: t("approvals.quotas"), rows,
    key: (row) => `${row.approval}/${row.asset}/${row.recipient}/${row.country}`, columns: [
      { key: "approval", label: t("approval"), cell: (row) => (row.approval ? code(row.approval)
        : "\u2013") },
      { key: "asset", label: t("asset"), is: "wide", cell: (row) => assetLink(row.asset) },
      { key: "to", label: t("recipient"), is: "wide", cell: (row) => [row.recipient
        ? name(row.recipient) : t("recipient.unknown")] },
      { key: "country", label: t("jurisdiction"), cell: (row) => countryLink(row.country) },
      { key: "used", label: t("quota"), is: "wide",
        cell: (row) => quota(row.used_bytes, row.quota_bytes, f.bytes) }] });
}

function meterTable(meters) {
  return table({ caption: t("approvals.meters"), rows: meters,
    key: (row) => `${row.entity}/${row.category}/${row.window}`, columns: [
      { key: "entity", label: t("organisation"), is: "wide", cell: (row) => name(row.entity) },
      { key: "category", label: t("category"), cell: (row) => word("category", row.category) },
      { key: "window", label: t("window"), cell: (row) => word("window", row.window) },
      { key: "subjects", label: t("subjects"), is: "wide", cell: (row) => (row.threshold
        ? quota(row.subjects, row.threshold, f.count)
        : [f.count(row.subjects), h("p", { class: "remark" }, t("threshold.none"))]) },
      { key: "records", label: t("meter.records"), is: "number",
        cell: (row) => f.count(row.records) },
      { key: "bytes", label: t("sent"), is: "number", cell: (row) => f.bytes(row.bytes) },
      { key: "unseen", label: t("unseen"), is: "number", cell: (row) => f.bytes(
        row.unseen_bytes) },
      { key: "rule", label: t("rule"), cell: (row) => (row.rule ? code(row.rule) : "\u2013") }] });
}

function verdictTable(rows) {
  return table({ caption: t("approvals.verdicts"), rows,
    key: (row) => `${row.day}/${row.asset}/${row.recipient}/${row.country}/${row.pack}`, columns: [
      { key: "day", label: t("day"), cell: (row) => f.calendarDay(row.day) },
      { key: "verdict", label: t("verdict"), cell: (row) => verdict(row.verdict) },
      { key: "asset", label: t("asset"), is: "wide", cell: (row) => assetLink(row.asset) },
      { key: "to", label: t("recipient"), is: "wide", cell: (row) => (row.recipient
        ? name(row.recipient) : h("span", { class: "quiet" }, t("recipient.unknown"))) },
      { key: "country", label: t("jurisdiction"), cell: (row) => countryLink(row.country) },
      { key: "rule", label: t("rule"), cell: (row) => [row.rule ? code(row.rule) : row.approval
        ? code(row.approval) : "\u2013", row.article ? h("p", { class: "remark" },
        name(row.article)) : null] },
      { key: "pack", label: t("pack"), cell: (row) => (row.pack ? code(row.pack) : "\u2013") },
      { key: "bytes", label: t("sent"), is: "number", cell: (row) => f.bytes(row.bytes) }] });
}

function draw(data, ctx) {
  const limits = quotas(data.rows);
  return [h("div", { class: "head" }, h("h1", { tabindex: -1 }, t("nav.approvals"))),
    h("p", { class: "lede" }, t("approvals.lede")),
    section(t("approvals.quotas"), limits.length ? quotaTable(limits)
      : empty(t("quotas.none"), t("quotas.none.advice"))),
    section(t("approvals.meters"), data.meters.length ? meterTable(data.meters)
      : empty(t("meters.none"), t("meters.none.advice"))),
    section(t("approvals.verdicts"), data.rows.length ? verdictTable(data.rows)
      : empty(t("verdicts.none"), t("verdicts.none.advice")),
    more(ctx, data.next, async () => {
      const page = await api.corridors({ limit: 100, after: data.next }, ctx.signal);
      data.rows.push(...page.corridors);
      data.next = page.next;
      ctx.memory.shown = data.rows.length;
    }))];
}

export default { title: () => t("nav.approvals"), load, draw, every: 60 };
