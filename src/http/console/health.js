// What the health of the sensor means: findings, each good, warn or bad, in words.

import { t } from "./i18n.js";
import * as f from "./format.js";
import { clean } from "./dom.js";

/** Lost packets above this share of all make every figure doubtful. */
const LOST_BAD = 0.001;
/** Of what exporters send this share may be missing before figures are much too small. */
const RECORDS_LOST_BAD = 0.01;
const DATABASE_DAYS_WARN = 30;
const DATABASE_DAYS_BAD = 90;
const LATENCY_SECONDS_WARN = 1;
const LATENCY_SECONDS_BAD = 3;

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Packets that the sensor never saw, and their share. */
export function lost(health) {
  const gone = sum(health.interfaces.map((one) => one.kernel_dropped + one.interface_dropped));
  const seen = sum(health.interfaces.map((one) => one.received)) || health.frames;
  return { gone, share: gone + seen > 0 ? gone / (gone + seen) : 0 };
}

function ofLoss(health) {
  const { gone, share } = lost(health);
  // Flow records alone: there is no packet to lose.
  if (health.flow_input && health.frames === 0) return null;
  if (gone === 0) return ["good", t("health.lost.none")];
  const isBad = share >= LOST_BAD;
  return [isBad ? "bad" : "good", t(isBad ? "health.lost" : "health.lost.few", {
    share: f.percent(share), n: gone, shown: { n: f.brief(gone) } })];
}

function ofLatency({ tick_latency_p99_seconds: seconds }) {
  if (seconds === null || seconds === undefined) return null;
  const kind = seconds >= LATENCY_SECONDS_BAD ? "bad"
    : seconds >= LATENCY_SECONDS_WARN ? "warn" : "good";
  return [kind, t(kind === "good" ? "health.prompt" : "health.lag", {
    time: seconds < 1 ? `${f.decimal(seconds * 1000)}\u00a0ms` : `${f.decimal(seconds)}\u00a0s` })];
}

function ofDatabases({ databases }) {
  if (databases.length === 0) return null;
  const oldest = databases.reduce((a, b) => (b.age_days > a.age_days ? b : a));
  const kind = oldest.age_days > DATABASE_DAYS_BAD ? "bad"
    : oldest.age_days > DATABASE_DAYS_WARN ? "warn" : "good";
  return [kind, kind === "good" ? t("health.databases", { n: Math.round(oldest.age_days) })
    : t("health.databases.old", { name: clean(oldest.name, 60),
      n: Math.round(oldest.age_days) })];
}

function ofFailures(health) {
  const parts = [["save_failures", "health.saves"], ["ledger_failures", "health.ledger"],
    ["result_failures", "health.results"], ["history_failures", "health.history.failed"],
    ["history_dropped", "health.history"]];
  const told = parts.filter(([key]) => health[key] > 0).map(([key, text]) =>
    ["bad", t(text, { n: health[key] })]);
  // Why no history is kept, where one was asked for.
  if (health.history_error) {
    told.push(["bad", t("health.history.error", { why: clean(health.history_error, 200) })]);
  }
  return told;
}

function ofEvictions({ evictions }) {
  const flows = evictions.flows ?? 0;
  return flows > 0 ? ["warn", t("health.evicted", { n: flows, shown: { n: f.brief(flows) } })]
    : null;
}

/** Kinds of `rows` without traffic: a mirror port that sends nothing is found out here. */
function ofTraffic(health) {
  if (health.frames > 0) return null;
  const records = health.flow_input;
  if (!records) return ["warn", t("health.silent")];
  return sum(records.formats.map((one) => one.records)) > 0 ? null
    : ["warn", t("health.records.none")];
}

/** What exporters of flow records keep back, or the sensor from them. */
function ofRecords({ flow_input: records }) {
  if (!records) return [];
  const { gone, share } = lostRecords(records);
  const refused = sum(Object.values(records.refused));
  return [
    records.exporters.silent > 0 ? ["bad", t("health.records.silent", {
      n: records.exporters.silent })] : null,
    gone > 0 ? [share >= RECORDS_LOST_BAD ? "bad" : "warn", t("health.records.lost", {
      n: gone, share: f.percent(share), shown: { n: f.brief(gone) } })] : null,
    refused > 0 ? ["warn", t("health.records.refused", { n: refused,
      shown: { n: f.brief(refused) } })] : null];
}

/** Datagrams or records that never came, and the larger of their shares. */
export function lostRecords({ formats, lost: missing }) {
  const shares = ["datagrams", "records"].map((unit) => {
    const gone = sum(missing.map((one) => one[unit]));
    return gone > 0 ? gone / (gone + sum(formats.map((one) => one[unit]))) : 0;
  });
  return { gone: sum(missing.map((one) => one.datagrams + one.records)),
    share: Math.max(...shares) };
}

function ofLearning({ learning }) {
  return learning?.until ? ["warn", t("health.learning", { time: f.moment(learning.until) })]
    : null;
}

/** All findings, the worst first. */
export function findings(health) {
  const all = [ofTraffic(health), ofLoss(health), ...ofRecords(health), ...ofFailures(health),
    ofLatency(health), ofDatabases(health), ofEvictions(health), ofLearning(health)]
    .filter(Boolean);
  const rank = { bad: 0, warn: 1, good: 2 };
  return all.sort(([a], [b]) => rank[a] - rank[b]);
}

/** The whole in a word: good, warn or bad. */
export function overall(health) {
  return findings(health)[0]?.[0] ?? "good";
}
