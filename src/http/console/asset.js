// One asset: what is normal for it, what it did, and where its data went.

import * as api from "./api.js";
import * as f from "./format.js";
import { h, s, code, name } from "./dom.js";
import { t, word } from "./i18n.js";
import { curve } from "./chart.js";
import { incidentTable } from "./incidents.js";
import { maturity } from "./assets.js";
import { against, bar, countryLink, empty, facts, figure, section, table } from "./parts.js";

const load = (ctx) => api.asset(ctx.argument, ctx.signal);

/** The mean of what is expected by the hour of the site's day. */
function normalDay(hours) {
  const sums = Array.from({ length: 24 }, () => ({ expected: 0, seen: 0, n: 0, known: 0 }));
  for (const row of hours) {
    const one = sums[f.localHour(row.hour)];
    one.seen += row.bytes;
    one.n += 1;
    if (row.expected_bytes === null) continue;
    one.expected += row.expected_bytes;
    one.known += 1;
  }
  return sums.map((one) => ({ expected: one.known ? one.expected / one.known : null,
    seen: one.n ? one.seen / one.n : 0 }));
}

function dayChart(hours) {
  const day = normalDay(hours);
  if (day.every((one) => one.expected === null)) {
    return empty(t("asset.unlearned"), t("asset.unlearned.advice"));
  }
  const most = Math.max(...day.map((one) => one.expected ?? 0), 1);
  const rows = day.map(({ expected }, hour) => {
    const tall = (expected ?? 0) / most * 80;
    return [s("rect", { x: hour * 20 + 1, y: 88 - tall, width: 18, height: tall },
      s("title", {}, `${hour}:00 ${f.bytes(expected)}`)),
    hour % 6 === 0 ? s("text", { x: hour * 20, y: 104 }, `${String(hour).padStart(2, "0")}:00`)
      : null];
  });
  const busiest = day.reduce((best, one, hour) => ((one.expected ?? 0) > (day[best].expected ?? 0)
    ? hour : best), 0);
  const words = t("asset.day", { bytes: f.bytes(day.reduce((sum, one) =>
    sum + (one.expected ?? 0), 0)), hour: `${busiest}:00`, most: f.bytes(most) });
  return h("figure", { class: "day" }, s("svg", { viewBox: "0 0 480 108", role: "img",
    "aria-label": words }, s("path", { class: "base", d: "M0 88h480" }), rows),
  h("figcaption", {}, words));
}

function countries(data) {
  const most = Math.max(...data.countries.map((row) => row.bytes_30d), 1);
  return table({ caption: t("asset.countries"), rows: data.countries, key: (row) => row.country,
    columns: [
      { key: "country", label: t("jurisdiction"), is: "wide",
        cell: (row) => countryLink(row.country) },
      { key: "day", label: t("sent.day"), is: "number", cell: (row) => f.bytes(row.bytes_24h) },
      { key: "expected", label: t("expected"), is: "number",
        cell: (row) => f.bytes(row.expected_bytes_24h) },
      { key: "against", label: t("against"), cell: (row) => against(row.bytes_24h,
        row.expected_bytes_24h) },
      { key: "month", label: t("sent.month"), is: "number", cell: (row) => [
        f.bytes(row.bytes_30d), bar(row.bytes_30d / most)] },
      { key: "first", label: t("first"), cell: (row) => (row.first_export
        ? f.fullDay(row.first_export) : "\u2013") }] });
}

function networks(data) {
  return table({ caption: t("asset.networks"), rows: data.networks,
    key: (row) => `${row.country}/${row.asn}/${row.service}`, columns: [
      { key: "network", label: t("network"), is: "wide", cell: (row) => [row.organisation
        ? name(row.organisation) : t("unknown"), " ", row.asn ? h("span", { class: "quiet" },
        `AS${row.asn}`) : null] },
      { key: "country", label: t("jurisdiction"), cell: (row) => countryLink(row.country) },
      { key: "service", label: t("service"), cell: (row) => word("service", row.service ?? "") },
      { key: "day", label: t("sent.day"), is: "number", cell: (row) => f.bytes(row.bytes_24h) },
      { key: "month", label: t("sent.month"), is: "number",
        cell: (row) => f.bytes(row.bytes_30d) }] });
}

function about(data) {
  const list = (values, one) => (values?.length ? values.slice(0, 20).map((value, i) =>
    [i ? ", " : "", one(value)]) : "\u2013");
  return facts([
    [t("addresses"), list(data.addresses, code)],
    [t("organisation"), data.organisation ? name(data.organisation) : "\u2013"],
    [t("sector"), data.sector ? name(data.sector) : "\u2013"],
    [t("grade"), data.grade ? word("grade", data.grade) : "\u2013"],
    [t("categories"), list(data.categories, (value) => word("category", value))],
    [t("role"), data.role ? word("role", data.role) : "\u2013"],
    [t("maturity"), maturity(data.maturity)],
    [t("first"), data.first_export ? f.fullDay(data.first_export) : "\u2013"],
    [t("last"), data.last ? f.moment(data.last) : "\u2013"]]);
}

function draw(data, ctx) {
  const total = (key) => data.countries.reduce((sum, row) => sum + (row[key] ?? 0), 0);
  const seen = total("bytes_24h");
  const expected = total("expected_bytes_24h");
  return [
    h("p", { class: "back" }, h("a", { href: "#/assets", "data-key": "back" },
      `\u2190 ${t("nav.assets")}`)),
    h("div", { class: "head" }, h("h1", { tabindex: -1 }, name(data.asset))),
    h("dl", { class: "figures" },
      figure(t("sent.day"), f.bytes(seen), h("span", {}, t("expected"), " ", f.bytes(expected))),
      figure(t("against"), against(seen, expected)),
      figure(t("sent.month"), f.bytes(total("bytes_30d"))),
      figure(t("jurisdictions"), f.count(data.countries.length)),
      figure(t("overview.open"), f.count(data.incidents.filter((one) => one.state === "open")
        .length))),
    h("div", { class: "split" },
      h("div", {},
        section(t("asset.week"), data.hours.length ? curve({ hours: data.hours, height: 240,
          label: t("asset.week"), memory: ctx.memory.curve ??= {} })
          : empty(t("hours.none"), t("hours.none.advice"))),
        section(t("asset.countries"), data.countries.length ? countries(data)
          : empty(t("asset.nowhere"), null)),
        section(t("asset.networks"), data.networks.length ? networks(data)
          : h("p", { class: "quiet" }, t("none"))),
        section(t("nav.incidents"), data.incidents.length
          ? incidentTable(data.incidents, ctx, false)
          : h("p", { class: "quiet" }, t("asset.quiet")))),
      h("aside", { class: "side", "aria-label": t("asset.about") },
        section(t("asset.normal"), dayChart(data.hours)),
        section(t("asset.about"), about(data))))];
}

export default { title: (ctx) => ctx.data.asset, load, draw, every: 20 };
