// Numbers, bytes and times as the reader writes them.

import { t, tag } from "./i18n.js";

let zone = "UTC";
const made = new Map();

/** Formats are dear to make, so each is kept. */
function formatter(kind, options) {
  const key = `${kind.name}/${tag()}/${zone}/${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new kind(tag(), options));
  return made.get(key);
}

const number = (value, options) => formatter(Intl.NumberFormat, options).format(value);
const date = (value, options) => {
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return "\u2013";
  return formatter(Intl.DateTimeFormat, { hourCycle: "h23", timeZone: zone, ...options })
    .format(time);
};

/** Makes a first format, which takes longer than all others, while nobody waits for it. */
export function warm() {
  bytes(1000);
  date(0, { hour: "2-digit", minute: "2-digit" });
}

/** Times are those of the site; a zone that the browser does not know becomes UTC. */
export function useZone(name) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    zone = name;
  } catch {
    zone = "UTC";
  }
}

export const zoneName = () => zone;

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** Bytes in SI units, three digits. */
export function bytes(value) {
  if (value === null || value === undefined) return "\u2013";
  let rest = Number(value);
  let unit = 0;
  while (rest >= 999.5 && unit + 1 < UNITS.length) {
    rest /= 1000;
    unit += 1;
  }
  return `${number(rest, { maximumSignificantDigits: 3 })}\u00a0${UNITS[unit]}`;
}

export const count = (value) => (value === null || value === undefined ? "\u2013"
  : number(value, { maximumFractionDigits: 0 }));

/** A count in words where it is long: 184 billion. */
export const brief = (value) => (value < 100000 ? count(value)
  : number(value, { notation: "compact", maximumSignificantDigits: 3 }));

/** A share; one that is too small to be shown says so. */
export function percent(share) {
  if (share > 0 && share < 0.0005) return `<${number(0.001, { style: "percent",
    maximumFractionDigits: 1 })}`;
  return number(share, { style: "percent", maximumFractionDigits: share < 0.1 ? 1 : 0 });
}

export const decimal = (value) => number(value, { maximumSignificantDigits: 2 });

export const signed = (share) => number(share, {
  style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 });

/** How much of what was expected was seen, as `×3.2`; null where nothing was expected. */
export function times(seen, expected) {
  if (!expected) return null;
  const ratio = seen / expected;
  const shown = number(Math.min(ratio, 9999), ratio < 10
    ? { minimumFractionDigits: 1, maximumFractionDigits: 1 } : { maximumFractionDigits: 0 });
  return `\u00d7${ratio > 9999 ? ">" : ""}${shown}`;
}

/** Day and time, with the year where it is not `near`'s. */
export function moment(value, near = null) {
  const isFar = near !== null && String(near).slice(0, 4) !== String(value).slice(0, 4);
  return date(value, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    ...(isFar ? { year: "numeric" } : {}) });
}

export const clock = (value) => date(value, { hour: "2-digit", minute: "2-digit",
  second: "2-digit" });
export const hourOf = (value) => date(value, { hour: "2-digit", minute: "2-digit" });
export const day = (value) => date(value, { month: "short", day: "numeric" });
export const weekday = (value) => date(value, { weekday: "short", day: "numeric" });
export const fullDay = (value) => date(value, { dateStyle: "medium" });
export const full = (value) => date(value, { year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

/** A date without a time, which has no zone. */
export function calendarDay(value) {
  const time = new Date(`${value}T00:00:00Z`);
  return Number.isNaN(time.getTime()) ? "\u2013"
    : formatter(Intl.DateTimeFormat, { dateStyle: "medium", timeZone: "UTC" }).format(time);
}

/** The hour of the site's day, 0 to 23. */
export function localHour(value) {
  return Number(new Intl.DateTimeFormat("en-GB", { hour: "2-digit", hourCycle: "h23",
    timeZone: zone }).format(new Date(value)));
}

/** Seconds in the largest unit that fits: 40 s, 3 min, 5 h, 12 days. */
export function duration(seconds) {
  const rest = Math.max(0, Math.round(seconds));
  const [value, unit] = rest < 90 ? [rest, "second"] : rest < 5400
    ? [rest / 60, "minute"] : rest < 129600 ? [rest / 3600, "hour"] : [rest / 86400, "day"];
  return number(Math.round(value), { style: "unit", unit, unitDisplay: "short" });
}

export const secondsBetween = (from, to) => (new Date(to) - new Date(from)) / 1000;

/** The time since, in packet time. */
export function ago(value, now) {
  const seconds = secondsBetween(value, now);
  return seconds < 10 ? t("time.now") : t("time.ago", { time: duration(seconds) });
}

/** A country by its name in the reader's language. */
export function country(code) {
  if (code === "ZZ" || !/^[A-Z]{2}$/.test(code)) return t("country.unknown");
  const key = `names/${tag()}`;
  if (!made.has(key)) {
    made.set(key, new Intl.DisplayNames([tag()], { type: "region", fallback: "code" }));
  }
  return made.get(key).of(code);
}

/** The chance of a day as people say it: once in 88 days. */
export function rarity(p) {
  if (!(p > 0)) return t("rarity.never");
  const days = 1 / p;
  if (days < 2) return t("rarity.daily");
  return days < 730 ? t("rarity.days", { n: brief(Math.round(days)) })
    : t("rarity.years", { n: brief(Math.round(days / 365)) });
}
