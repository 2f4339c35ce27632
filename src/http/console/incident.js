// One incident: what was seen, why it was told, and what a person says of it.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, s, code, name, sentence } from "./dom.js";
import { current, t, pieces, word } from "./i18n.js";
import { curve } from "./chart.js";
import { feedback } from "./feedback.js";
import { assetLink, countryLink, facts, figure, recipient, section, severity, stack, state, table,
  verdict } from "./parts.js";

const PROTOCOLS = { 1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 58: "ICMPv6",
  132: "SCTP" };
/** Rarities are drawn on a scale that ends at one day in a million. */
const RARITY_DECADES = 6;

const load = (ctx) => api.incident(ctx.argument, ctx.signal);

/** The hours of the chart: those of the history, else the 24 of the line itself. */
function hoursOf(data, alert) {
  if (data.hours?.length) return data.hours;
  const last = new Date(`${alert.time.slice(0, 13)}:00:00Z`).getTime();
  return alert.seen_hours.map((bytes, i) => ({ bytes, expected_bytes: alert.expected_hours[i],
    hour: new Date(last - (alert.seen_hours.length - 1 - i) * 3600000).toISOString() }));
}

function chart(data, alert, first, ctx) {
  const hours = hoursOf(data, alert);
  const opened = `${first.time.slice(0, 13)}`;
  const from = hours.findIndex((row) => row.hour.slice(0, 13) === opened);
  return curve({ hours, label: t("incident.curve"), height: 280,
    limit: { bytes: alert.allowance_bytes, from }, memory: ctx.memory.curve ??= {} });
}

/** What the sensor says, in the reader's language where it has said it so. */
function told(of, key) {
  const chinese = current() === "zh" ? of[`${key}_zh`] : null;
  return chinese ? sentence(chinese, "zh-Hans") : sentence(of[key]);
}

function rarity(p) {
  const share = p > 0 ? Math.min(1, -Math.log10(p) / RARITY_DECADES) : 1;
  return s("svg", { class: "rarity", viewBox: "0 0 60 8", "aria-hidden": "true" },
    s("path", { class: "scale", d: "M0 4h60M0.500 1v6M10 2.500v3M20 2.500v3M30 2.500v3M40 2.500v3"
      + "M50 2.500v3M59.500 1v6" }), s("circle", { cx: 3 + share * 54, cy: 4, r: 3 }));
}

function detectors(alert) {
  return h("ol", { class: "detectors" }, alert.detectors.toSorted((a, b) => a.p - b.p).map((one) =>
    h("li", {}, h("h3", {}, word("detector", one.name)),
      h("p", { class: "rare" }, rarity(one.p), h("span", { title: `p = ${one.p}` },
        f.rarity(one.p))), h("p", {}, told(one, "sentence")))));
}

function flows(alert) {
  const end = (address, port) => code(address.includes(":") ? `[${address}]:${port}`
    : `${address}:${port}`);
  return table({ caption: t("incident.flows"), rows: alert.flows, kind: "flows",
    key: (row) => `${row.src_port}/${row.dst}/${row.dst_port}`, columns: [
      { key: "dst", label: t("flow.to"), is: "wide", cell: (row) => [row.name ? h("div", {},
        name(row.name)) : null, end(row.dst, row.dst_port)] },
      { key: "src", label: t("flow.from"), cell: (row) => end(row.src, row.src_port) },
      { key: "app", label: t("flow.app"), cell: (row) => [row.app ? name(row.app) : t("unknown"),
        " ", h("span", { class: "quiet" }, PROTOCOLS[row.proto] ?? `IP ${row.proto}`)] },
      { key: "protection", label: t("protection"),
        cell: (row) => [protection(row.protection), (row.certificate?.flaws ?? []).map((flaw) =>
          h("div", { class: "remark" }, word("flaw", flaw)))] },
      { key: "bytes", label: t("sent"), is: "number", cell: (row) => f.bytes(row.bytes) }] });
}

const PROTECTION_KINDS = { clear: "bad", weak: "bad", standard: "good", strong: "good",
  post_quantum: "good", national: "good", opaque: "warn", unseen: "quiet" };
const protection = (kind) => state(PROTECTION_KINDS[kind] ?? "quiet", word("protection", kind));

function protections(alert) {
  const sums = {};
  for (const flow of alert.flows) {
    sums[flow.protection] = (sums[flow.protection] ?? 0) + flow.bytes;
  }
  return stack("protection", Object.keys(PROTECTION_KINDS).map((kind) => [kind, sums[kind] ?? 0]));
}

const CONFIDENCE_KINDS = { confirmed: "good", plausible: "good", disputed: "warn",
  refuted: "warn", unknown: "quiet" };

function place(alert) {
  return facts([
    [t("jurisdiction"), countryLink(alert.jurisdiction)],
    [t("confidence"), state(CONFIDENCE_KINDS[alert.geo_confidence] ?? "quiet",
      word("confidence", alert.geo_confidence)),
    h("p", { class: "remark" }, word("because", alert.geo_confidence))],
    [t("network"), alert.asn ? [`AS${alert.asn} `, alert.organisation ? name(alert.organisation)
      : null] : t("unknown")],
    [t("recipient"), recipient(alert)],
    [t("incident.known"), alert.is_new ? state("warn", t("incident.new")) : alert.first_seen
      ? t("incident.first", { time: f.fullDay(alert.first_seen) }) : t("unknown")],
    [t("prevalence"), t("prevalence.country", { n: alert.prevalence.country,
      all: f.count(alert.prevalence.assets) }), h("p", { class: "remark" },
      t("prevalence.network", { n: alert.prevalence.network }))]]);
}

function law(alert) {
  const { policy } = alert;
  return facts([
    [t("verdict"), verdict(alert.verdict)],
    [t("rule"), policy?.rule ? code(policy.rule) : h("span", { class: "quiet" },
      policy ? t("rule.register") : t("rule.none")), policy?.cite
      ? h("p", { class: "remark" }, name(policy.cite)) : null],
    [t("pack"), policy ? code(policy.pack) : "\u2013"],
    [t("approval"), policy?.approval ? name(policy.approval) : t("approval.none")]]);
}

function history(alerts) {
  return h("ol", { class: "events" }, alerts.toReversed().map((one) => h("li", {},
    h("time", { datetime: one.time }, f.moment(one.time)),
    h("b", {}, word("event", one.event)), severity(one.severity),
    h("span", {}, t("incident.step", { bytes: f.bytes(one.bytes), score: one.score })))));
}

function draw(data, ctx) {
  const { alerts } = data;
  const alert = alerts.at(-1);
  const first = alerts[0];
  const isOpen = data.state === "open";
  return [
    h("p", { class: "back" }, h("a", { href: "#/incidents", "data-key": "back" },
      `\u2190 ${t("nav.incidents")}`)),
    h("div", { class: "head" }, h("h1", { tabindex: -1 }, pieces("incident.title", {
      excess: h("span", { class: "figure-in" }, f.bytes(alert.excess_bytes)),
      asset: assetLink(alert.asset), country: countryLink(alert.jurisdiction) })),
    h("p", { class: "marks" }, severity(alert.severity), state(isOpen ? "warn" : "quiet",
      isOpen ? t("state.running") : t("state.over")),
    alert.campaign ? state("warn", t("campaign")) : null)),
    h("p", { class: "lede" }, told(alert, "explanation")),
    h("dl", { class: "figures" },
      figure(t("sent"), f.bytes(alert.bytes), t("incident.window", {
        time: f.duration(alert.window_seconds) })),
      figure(t("expected"), f.bytes(alert.expected_bytes), f.times(alert.bytes,
        alert.expected_bytes) ?? t("standing.new")),
      figure(t("allowance"), f.bytes(alert.allowance_bytes), t("allowance.means")),
      figure(t("score"), f.count(alert.score), t("score.means")),
      figure(t("incident.began"), f.moment(alert.window_start, ctx.now()),
        f.ago(alert.window_start, ctx.now()))),
    h("div", { class: "split" },
      h("div", {},
        section(t("incident.curve"), chart(data, alert, first, ctx)),
        section(t("incident.why"), detectors(alert)),
        section(t("incident.flows"), alert.flows.length ? flows(alert)
          : h("p", { class: "quiet" }, t("none")))),
      h("aside", { class: "side", "aria-label": t("incident.about") },
        section(t("feedback"), feedback(data, ctx)),
        section(t("incident.place"), place(alert)),
        section(t("protection"), protections(alert)),
        section(t("incident.law"), law(alert)),
        section(t("incident.learned"), facts([
          [t("asset"), assetLink(alert.asset), " ", code(alert.asset_ip)],
          [t("maturity"), t("maturity.share", { share: f.percent(alert.maturity) })],
          alert.campaign ? [t("campaign"), name(alert.campaign)] : [t("campaign"), null]].filter(
          ([, value]) => value !== null))),
        section(t("incident.history"), history(alerts))))];
}

export default { title: (ctx) => {
  const alert = ctx.data.alerts.at(-1);
  return `${alert.asset} \u2192 ${f.country(alert.jurisdiction)}`;
}, load, draw, every: 15 };
