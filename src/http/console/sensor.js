// How the sensor does: what it lost, how late it is, how old what it knows is.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, code } from "./dom.js";
import { t, word } from "./i18n.js";
import { findings, lost, overall } from "./health.js";
import { facts, figure, section, state, table } from "./parts.js";

async function load(ctx) {
  Object.assign(ctx.status, await api.status(ctx.signal));
  return ctx.status;
}

function interfaces(health) {
  return table({ caption: t("sensor.interfaces"), rows: health.interfaces, key: (row) => row.name,
    columns: [
      { key: "name", label: t("interface"), cell: (row) => code(row.name) },
      { key: "received", label: t("received"), is: "number", cell: (row) => f.count(row.received) },
      { key: "kernel", label: t("dropped.kernel"), is: "number",
        cell: (row) => f.count(row.kernel_dropped) },
      { key: "card", label: t("dropped.interface"), is: "number",
        cell: (row) => f.count(row.interface_dropped) },
      { key: "gaps", label: t("gaps"), is: "number", cell: (row) => f.count(row.gaps) }] });
}

/** Counts by a reason or a table, those that are not 0 first. */
function counts(label, values, set) {
  const rows = Object.entries(values).sort(([, a], [, b]) => b - a);
  if (rows.length === 0) return h("p", { class: "quiet" }, t("none"));
  return table({ caption: label, rows, key: ([key]) => key, kind: "narrow", columns: [
    { key: "what", label, cell: ([key]) => word(set, key) },
    { key: "count", label: t("count"), is: "number", cell: ([, value]) => f.count(value) }] });
}

function databases(health, ctx) {
  return table({ caption: t("sensor.databases"), rows: health.databases,
    key: (row) => `${row.kind}/${row.name}`, columns: [
      { key: "kind", label: t("database.kind"), cell: (row) => word("database", row.kind) },
      { key: "name", label: t("file"), is: "wide", cell: (row) => code(row.name) },
      { key: "built", label: t("database.built"), cell: (row) => (row.built
        ? f.fullDay(row.built, ctx.now()) : "\u2013") },
      { key: "age", label: t("age"), is: "number", cell: (row) => t("days", {
        n: Math.round(row.age_days) }) }] });
}

function draw(status, ctx) {
  const { health } = status;
  const { gone, share } = lost(health);
  const latency = health.tick_latency_p99_seconds;
  return [
    h("div", { class: "head" }, h("h1", { tabindex: -1 }, t("nav.sensor")),
      state(overall(health), t(`health.${overall(health)}`))),
    h("ul", { class: "findings" }, findings(health).map(([kind, text]) => h("li", {},
      state(kind, text)))),
    h("dl", { class: "figures" },
      figure(t("packets"), f.brief(health.packets), t("sensor.wire", {
        bytes: f.bytes(health.wire_bytes) })),
      figure(t("sensor.lost"), f.percent(share), t("sensor.lost.count", { n: gone,
        shown: { n: f.count(gone) } })),
      figure(t("sensor.lag"), latency === null || latency === undefined ? "\u2013"
        : latency < 1 ? `${f.decimal(latency * 1000)}\u00a0ms` : `${f.decimal(latency)}\u00a0s`,
      t("sensor.lag.means")),
      figure(t("sensor.learned"), t("hours", { n: health.learning.hours_learned,
        shown: { n: f.count(health.learning.hours_learned) } }), health.learning.until
        ? t("sensor.until", { time: f.moment(health.learning.until, ctx.now()) })
        : t("sensor.learned.done")),
      figure(t("sensor.started"), f.fullDay(status.started), f.ago(status.started, ctx.now()))),
    h("div", { class: "split" },
      h("div", {},
        section(t("sensor.interfaces"), health.interfaces.length ? interfaces(health)
          : h("p", { class: "quiet" }, t("sensor.replay"))),
        section(t("sensor.databases"), databases(health, ctx)),
        section(t("sensor.about"), facts([
          [t("version"), code(status.version)],
          [t("input"), status.input.map((one, i) => [i ? ", " : "", code(one)])],
          [t("site"), status.site.jurisdictions.map(f.country).join(t("list.and"))],
          [t("zone"), code(status.site.time_zone)],
          [t("history"), status.history_since ? t("history.since", {
            time: f.fullDay(status.history_since) }) : t("history.none")],
          [t("late"), f.count(health.late)],
          [t("jumps"), f.count(health.clock_jumps)],
          [t("failures"), t("failures.list", { saves: f.count(health.save_failures),
            ledger: f.count(health.ledger_failures),
            history: f.count(health.history_dropped) })]]))),
      h("aside", { class: "side" },
        section(t("sensor.dropped"), h("p", { class: "remark" }, t("sensor.dropped.means")),
          counts(t("reason"), health.dropped, "dropped")),
        section(t("sensor.evictions"), h("p", { class: "remark" }, t("sensor.evictions.means")),
          counts(t("sensor.table"), health.evictions, "table"))))];
}

export default { title: () => t("nav.sensor"), load, draw, every: 10 };
