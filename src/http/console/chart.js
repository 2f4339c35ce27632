// The curve of hours: what was seen as bars, what was expected as a stepped area, a limit.

import { h, s } from "./dom.js";
import { t } from "./i18n.js";
import * as f from "./format.js";

const MARGIN = { top: 12, right: 12, bottom: 34, left: 58 };

/** Round steps for an axis of bytes that ends at `most`. */
function ticks(most, count) {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const values = [];
  for (let value = 0; value <= most * 1.0001; value += step) values.push(value);
  return values;
}

/** The hours that get a name below the axis, and those that begin a day. */
function marks(hours, width) {
  const every = [3, 6, 12, 24].find((one) => hours.length / one * 46 < width) ?? 24;
  const isDaysOnly = hours.length / every * 46 >= width;
  const found = [];
  hours.forEach((row, i) => {
    const hour = f.localHour(row.hour);
    if (hour === 0) found.push({ i, day: f.weekday(row.hour) });
    else if (!isDaysOnly && hour % every === 0) found.push({ i, text: f.hourOf(row.hour) });
  });
  const days = found.filter((one) => one.day);
  const skip = Math.ceil(days.length * 54 / width);
  days.forEach((one, i) => {
    const isCut = one.i / hours.length * width > width - 44;
    if (i % skip || isCut) one.day = "";
  });
  return found;
}

function describe(row) {
  const end = new Date(new Date(row.hour).getTime() + 3600000).toISOString();
  return h("span", {}, h("b", {}, `${f.day(row.hour)} ${f.hourOf(row.hour)}\u2013${f.hourOf(end)}`),
    ` \u00b7 ${t("chart.seen")} `, h("b", {}, f.bytes(row.bytes)),
    ` \u00b7 ${t("chart.expected")} `, h("b", {}, row.expected_bytes === null ? t("unknown")
      : f.bytes(row.expected_bytes)));
}

/** What is drawn within a width; `at` is the hour that is pointed at. */
function drawing(hours, limit, width, height, at) {
  const plot = { width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom };
  const most = Math.max(...hours.map((row) => Math.max(row.bytes, row.expected_bytes ?? 0)),
    limit ? limit.bytes : 0, 1) * 1.06;
  const x = (i) => i / hours.length * plot.width;
  const y = (value) => plot.height - value / most * plot.height;
  const step = plot.width / hours.length;
  const gap = step > 4 ? 1 : step > 2 ? 0.5 : 0;

  const grid = ticks(most, height > 180 ? 4 : 3).map((value) => [
    s("path", { class: "grid", d: `M0 ${y(value)}h${plot.width}` }),
    s("text", { class: "tick tick-y", x: -8, y: y(value) + 4 }, f.bytes(value))]);
  const axis = marks(hours, plot.width).map(({ i, text, day }) => [
    s("path", { class: day === undefined ? "notch" : "midnight", d: `M${x(i)} ${
      day === undefined ? plot.height : 0}V${plot.height + 5}` }),
    s("text", { class: day === undefined ? "tick" : "tick day", x: x(i) + (day ? 3 : 0),
      y: plot.height + (day === undefined ? 16 : 28) }, day ?? text)]);
  const bars = hours.map((row, i) => {
    const within = row.expected_bytes === null ? row.bytes
      : Math.min(row.bytes, row.expected_bytes);
    const bar = (from, to, kind) => (to <= from ? null : s("rect", { class: kind,
      x: x(i) + gap / 2, width: Math.max(step - gap, 0.6), y: y(to), height: y(from) - y(to) }));
    const allowed = limit && i >= limit.from ? Math.max(within, limit.bytes) : Infinity;
    const mark = i === at ? " at" : "";
    return [bar(0, within, `within${mark}`),
      bar(within, Math.min(row.bytes, allowed), `beyond${mark}`),
      bar(allowed, row.bytes, `over${mark}`)];
  });
  let line = "";
  let isDown = true;
  hours.forEach((row, i) => {
    if (row.expected_bytes === null) {
      isDown = true;
      return;
    }
    line += `${isDown ? "M" : "L"}${x(i)} ${y(row.expected_bytes)}H${x(i + 1)}`;
    isDown = false;
  });
  const area = hours.filter((row) => row.expected_bytes !== null).length === hours.length
    ? s("path", { class: "normal-area", d: `${line}V${plot.height}H0z` }) : null;
  // It was worked out for the hour in which the incident opened; before that it is a hint.
  const limitLine = limit && [s("path", { class: "limit before", d: `M0 ${y(limit.bytes)}H${
    plot.width}` }), s("path", { class: "limit", d: `M${x(Math.max(limit.from, 0))} ${
    y(limit.bytes)}H${plot.width}` })];
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "curve-svg",
    "aria-hidden": "true" },
  s("g", { transform: `translate(${MARGIN.left} ${MARGIN.top})` }, grid, area, axis, bars,
    s("path", { class: "normal-line", d: line }), ...(limitLine ?? []),
    s("path", { class: "base", d: `M0 ${plot.height}h${plot.width}` })));
}

function legend(limit) {
  const one = (kind, text) => h("li", {}, h("i", { class: `swatch ${kind}` }), text);
  return h("ul", { class: "legend" }, one("within", t("chart.within")),
    one("beyond", t("chart.beyond")), one("line", t("chart.normal")),
    limit ? [one("over", t("chart.over")), one("limit", t("chart.allowance", {
      bytes: f.bytes(limit.bytes) }))] : null);
}

/** The same numbers as a table, for those who want them or do not see the curve. */
function numbers(hours, memory) {
  const box = h("details", { class: "numbers", on: { toggle: () => {
    memory.open = box.open;
    if (box.open && box.children.length === 1) {
      box.append(h("div", { class: "scroll", tabindex: 0, role: "region",
        "aria-label": t("chart.table") }, h("table", { class: "table plain" },
        h("thead", {}, h("tr", {}, [t("chart.hour"), t("chart.seen"), t("chart.expected")].map(
          (label, i) => h("th", { scope: "col", class: i ? "number" : null }, label)))),
        h("tbody", {}, hours.toReversed().map((row) => h("tr", {},
          h("td", {}, f.moment(row.hour)), h("td", { class: "number" }, f.bytes(row.bytes)),
          h("td", { class: "number" }, f.bytes(row.expected_bytes))))))));
    }
  } } }, h("summary", { "data-key": "numbers" }, t("chart.table")));
  box.open = memory.open ?? false;
  return box;
}

/**
 * A curve of `hours` that fits its place. `limit` is `{ bytes, from }`: bytes of an hour, and the
 * first hour to which they apply. Arrow keys and the pointer read off single hours.
 */
export function curve({ hours, limit = null, label, height = 260, memory = {} }) {
  if (hours.length === 0) return null;
  const last = hours.length - 1;
  // What is pointed at; the last hour is read off where that is nothing.
  let at = null;
  let width = 0;
  let tall = height;
  const readout = h("p", { class: "readout", "aria-live": "polite" }, describe(hours[last]));
  const place = h("div", { class: "plot", tabindex: 0, role: "group", "data-key": `curve/${label}`,
    "aria-label": `${label}. ${t("chart.keys")}` });
  const draw = () => place.replaceChildren(drawing(hours, limit, width, tall, at));
  const point = (to) => {
    const next = to === null ? null : Math.max(0, Math.min(last, to));
    if (next === at) return;
    at = next;
    readout.replaceChildren(describe(hours[at ?? last]));
    draw();
  };
  place.addEventListener("pointermove", (event) => {
    place.dataset.busy = "";
    const inside = event.clientX - place.getBoundingClientRect().left - MARGIN.left;
    point(Math.floor(inside / (width - MARGIN.left - MARGIN.right) * hours.length));
  });
  place.addEventListener("pointerleave", () => {
    delete place.dataset.busy;
    point(null);
  });
  place.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity, PageUp: -24,
      PageDown: 24 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    point((at ?? last) + by);
  });
  new ResizeObserver(([entry]) => {
    const next = Math.floor(entry.contentRect.width);
    if (next === width || next < MARGIN.left + MARGIN.right + 20) return;
    width = next;
    tall = Math.round(entry.contentRect.height) || height;
    draw();
  }).observe(place);
  place.setAttribute("class", height > 180 ? "plot tall" : "plot");
  return h("figure", { class: "curve" }, readout, place,
    h("figcaption", {}, legend(limit), numbers(hours, memory)));
}
