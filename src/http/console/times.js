// Times of the site's zone, taken apart. The sensor says how far the zone is from UTC, so that no
// format of the browser is needed for it (numbers.js says why).

const UTC = { name: "UTC", offsets: [[-Infinity, 0]], format: null };

let zone = UTC;

/** The browser's format that knows the zone, made when it is first needed. */
function formatOf(name) {
  return new Intl.DateTimeFormat("en-US", { timeZone: name, hourCycle: "h23", year: "numeric",
    month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
}

/**
 * Times are those of the site from now on. `offsets` are pairs of the second from which, and the
 * seconds east of UTC, in their order; the last holds for good. Where there are none, as with an
 * older sensor, the browser is asked, and a zone that it does not know becomes UTC.
 */
export function useZone(name, offsets) {
  zone = { name, offsets: offsets ?? [], format: null };
  if (zone.offsets.length > 0) return;
  try {
    zone.format = formatOf(name);
  } catch {
    zone = UTC;
  }
}

export const zoneName = () => zone.name;

/** Seconds east of UTC by what the browser knows: before the sensor's list begins. */
function askedOffset(seconds) {
  try {
    zone.format ??= formatOf(zone.name);
  } catch {
    return zone.offsets[0][1];
  }
  const at = Object.fromEntries(zone.format.formatToParts(seconds * 1000).map(({ type, value }) =>
    [type, Number(value)]));
  return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second) / 1000 - seconds;
}

/** A moment in UTC, taken apart. */
function parts(milliseconds) {
  const time = new Date(milliseconds);
  return { year: time.getUTCFullYear(), month: time.getUTCMonth(), day: time.getUTCDate(),
    weekday: time.getUTCDay(), hour: time.getUTCHours(), minute: time.getUTCMinutes(),
    second: time.getUTCSeconds() };
}

/** Year, month and weekday (from 0), day, hour, minute, second and offset of a moment in the
 * site's zone; null where it is none. */
export function local(value) {
  const milliseconds = value === null || value === undefined ? NaN : new Date(value).getTime();
  if (Number.isNaN(milliseconds)) return null;
  const seconds = Math.floor(milliseconds / 1000);
  const offset = zone.offsets.findLast(([from]) => from <= seconds)?.[1] ?? askedOffset(seconds);
  return { ...parts((seconds + offset) * 1000), offset };
}

/** The same of a date without a time, which has no zone. */
export function calendar(value) {
  const milliseconds = new Date(`${value}T00:00:00Z`).getTime();
  return Number.isNaN(milliseconds) ? null : parts(milliseconds);
}
