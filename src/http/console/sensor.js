// How the sensor does: what it lost, how late it is, how old what it knows is.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, clean, code } from "./dom.js";
import { t, word } from "./i18n.js";
import { findings, lost, lostRecords, overall } from "./health.js";
import { facts, figure, section, state, table } from "./parts.js";

/** What formats of flow records are called, in any language. */
const FORMATS = { netflow_v5: "NetFlow v5", netflow_v9: "NetFlow v9", ipfix: "IPFIX",
  sflow: "sFlow", conn_log: "conn.log" };

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

/** What comes as flow records: by format, by exporter what is missing, and what was not taken. */
function records(input) {
  const { gone, share } = lostRecords(input);
  const formats = table({ caption: t("records"), rows: input.formats, key: (row) => row.format,
    columns: [
      { key: "format", label: t("records.format"),
        cell: (row) => FORMATS[row.format] ?? clean(row.format) },
      { key: "datagrams", label: t("records.datagrams"), is: "number",
        cell: (row) => f.count(row.datagrams) },
      { key: "records", label: t("records.records"), is: "number",
        cell: (row) => f.count(row.records) }] });
  const missing = table({ caption: t("records.lost"), rows: input.lost,
    key: (row) => row.exporter, columns: [
      { key: "exporter", label: `${t("records.lost")}: ${t("records.exporter")}`,
        cell: (row) => code(row.exporter) },
      { key: "datagrams", label: t("records.datagrams"), is: "number",
        cell: (row) => f.count(row.datagrams) },
      { key: "records", label: t("records.records"), is: "number",
        cell: (row) => f.count(row.records) }] });
  const list = (set, values) => Object.entries(values).sort(([, a], [, b]) => b - a)
    .map(([key, count]) => `${word(set, key)} ${f.count(count)}`)
    .join(t("list.and")) || t("none");
  const { heard, silent } = input.exporters;
  return section(t("records"), h("p", { class: "remark" }, t("records.means")),
    input.formats.length ? formats : h("p", { class: "quiet" }, t("none")),
    facts([
      [t("records.exporters"), state(silent ? "bad" : heard ? "good" : "quiet",
        t("records.heard", { heard: f.count(heard), silent: f.count(silent) }))],
      [t("records.lost"), state(gone ? "warn" : "good", gone ? `${f.count(gone)} (${
        f.percent(share)})` : t("none"))],
      [t("records.refused"), list("refused", input.refused)],
      [t("records.passed"), list("passed", input.passed_over)],
      [t("records.late"), list("delayed", input.late)],
      [t("records.sampling"), input.sampling_max > 1 ? t("records.sampled", {
        n: f.count(input.sampling_max) }) : t("none")],
      [t("records.exported"), f.bytes(input.export_bytes)]]),
    input.lost.length ? missing : null);
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
          : h("p", { class: "quiet" }, t(health.flow_input ? "none" : "sensor.replay"))),
        health.flow_input ? records(health.flow_input) : null,
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
