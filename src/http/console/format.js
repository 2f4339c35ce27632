// Numbers, bytes, times and places as the reader writes them.

import { current, t } from "./i18n.js";
import { shortened, written } from "./numbers.js";
import { PLACES } from "./places.js";
import { calendar, local } from "./times.js";

/** What stands for a value that is not there. */
const NONE = "\u2013";
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** Bytes in SI units, three digits. */
export function bytes(value) {
  if (value === null || value === undefined) return NONE;
  let rest = Number(value);
  let unit = 0;
  while (rest >= 999.5 && unit + 1 < UNITS.length) {
    rest /= 1000;
    unit += 1;
  }
  return `${written(rest, { significant: 3 })}\u00a0${UNITS[unit]}`;
}

export const count = (value) => (value === null || value === undefined ? NONE : written(value));

/** Powers of ten that have a word, the largest first. */
const powers = () => t("number.powers").split(" ").map((one) =>
  [parseInt(one, 10), one.replace(/\d+/, "")]);

/** A count that is long in three digits: 184bn. */
export const brief = (value) => (value < 100000 ? count(value) : shortened(value, powers()));

/** A share; one that is too small to be shown says so. */
export function percent(share) {
  if (share > 0 && share < 0.0005) return "<0.1%";
  return `${written(share, { shift: 2, fraction: share < 0.1 ? 1 : 0 })}%`;
}

export const decimal = (value) => written(value, { significant: 2 });

export const signed = (share) => `${written(share, { shift: 2, sign: true })}%`;

/** How much of what was expected was seen, as `×3.2`; null where nothing was expected. */
export function times(seen, expected) {
  if (!expected) return null;
  const ratio = seen / expected;
  const shown = written(Math.min(ratio, 9999), ratio < 10 ? { fraction: 1, least: 1 } : {});
  return `\u00d7${ratio > 9999 ? ">" : ""}${shown}`;
}

const two = (value) => String(value).padStart(2, "0");
const minutes = ({ hour, minute }) => `${two(hour)}:${two(minute)}`;
const seconds = (at) => `${minutes(at)}:${two(at.second)}`;

/** A text of dates with the parts of a moment in it. */
function dated(key, at, more = {}) {
  return t(key, { year: String(at.year), month: t("date.months").split(" ")[at.month],
    day: String(at.day), ...more });
}

/** What `write` makes of a moment of the site's zone. */
function inZone(value, write) {
  const at = local(value);
  return at ? write(at) : NONE;
}

/** How far the zone is from UTC: GMT+8, GMT-3:30. */
function zoneOf({ offset }) {
  if (offset === 0) return "UTC";
  const far = Math.round(Math.abs(offset) / 60);
  const rest = far % 60 ? `:${two(far % 60)}` : "";
  return `GMT${offset < 0 ? "-" : "+"}${Math.floor(far / 60)}${rest}`;
}

/** Day and time, with the year where it is not `near`'s. */
export function moment(value, near = null) {
  const isFar = near !== null && String(near).slice(0, 4) !== String(value).slice(0, 4);
  return inZone(value, (at) => dated(isFar ? "date.year.time" : "date.day.time", at,
    { time: minutes(at) }));
}

export const clock = (value) => inZone(value, seconds);
export const hourOf = (value) => inZone(value, minutes);
export const day = (value) => inZone(value, (at) => dated("date.day", at));
export const weekday = (value) => inZone(value, (at) => t("date.weekday", {
  weekday: t("date.weekdays").split(" ")[at.weekday], day: String(at.day) }));
export const fullDay = (value) => inZone(value, (at) => dated("date.year", at));
export const full = (value) => inZone(value, (at) => dated("date.full", at,
  { time: seconds(at), zone: zoneOf(at) }));

/** A date without a time, which has no zone. */
export function calendarDay(value) {
  const at = calendar(value);
  return at ? dated("date.year", at) : NONE;
}

/** The hour of the site's day, 0 to 23. */
export const localHour = (value) => local(value)?.hour ?? NaN;

/** Seconds in the largest unit that fits: 40 secs, 3 mins, 5 hrs, 12 days. */
export function duration(length) {
  const rest = Math.max(0, Math.round(length));
  const [value, unit] = rest < 90 ? [rest, "second"] : rest < 5400
    ? [rest / 60, "minute"] : rest < 129600 ? [rest / 3600, "hour"] : [rest / 86400, "day"];
  return t(`duration.${unit}`, { n: Math.round(value) });
}

export const secondsBetween = (from, to) => (new Date(to) - new Date(from)) / 1000;

/** The time since, in packet time. */
export function ago(value, now) {
  const length = secondsBetween(value, now);
  return length < 10 ? t("time.now") : t("time.ago", { time: duration(length) });
}

/** Names by code and language, once one is asked for. */
let names = null;

/** A country by its name in the reader's language, else its code. */
export function country(code) {
  if (code === "ZZ" || !/^[A-Z]{2}$/.test(code)) return t("country.unknown");
  names ??= new Map(PLACES.trim().split("\n").map((line) => {
    const [key, en, zh] = line.split("|");
    return [key, { en, zh }];
  }));
  return names.get(code)?.[current()] ?? code;
}

/** The chance of a day as people say it: once in 88 days. */
export function rarity(p) {
  if (!(p > 0)) return t("rarity.never");
  const days = 1 / p;
  if (days < 2) return t("rarity.daily");
  return days < 730 ? t("rarity.days", { n: brief(Math.round(days)) })
    : t("rarity.years", { n: brief(Math.round(days / 365)) });
}
