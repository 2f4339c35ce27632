// What the sensor is asked.

import { segment } from "./dom.js";

/** An answer that is none: `status` is 0 where the sensor was not reached. */
export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** A request is given up after this time. */
const TIMEOUT_MILLISECONDS = 15000;

/** What was asked for at the head of the page (prefer.js), if it was and nobody has had it. */
function takeAhead(path) {
  const answer = window.ahead?.get(path);
  window.ahead?.delete(path);
  return answer;
}

/** Forgets what was asked for ahead and not used: it grows old. */
export function forgetAhead() {
  window.ahead?.clear();
}

async function ask(path, { signal, ...options } = {}) {
  const limit = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  let answer;
  try {
    answer = await (takeAhead(path) ?? fetch(`api/v1/${path}`, { ...options,
      signal: signal ? AbortSignal.any([signal, limit]) : limit }));
    if (answer.ok) return await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(0, "");
  }
  const body = await answer.json().catch(() => ({}));
  throw new Failure(answer.status, typeof body.error === "string" ? body.error : "");
}

/** `path?a=b`, without what is not set. */
function query(path, values) {
  const set = Object.entries(values).filter(([, value]) => value !== null && value !== undefined
    && value !== "");
  return set.length ? `${path}?${new URLSearchParams(set)}` : path;
}

export const status = (signal) => ask("status", { signal });
export const jurisdictions = (hours, signal) => ask(query("jurisdictions", { hours }), { signal });
export const hours = (values, signal) => ask(query("hours", values), { signal });
export const incidents = (values, signal) => ask(query("incidents", values), { signal });
export const incident = (name, signal) => ask(`incidents/${segment(name)}`, { signal });
export const assets = (values, signal) => ask(query("assets", values), { signal });
export const asset = (name, signal) => ask(`assets/${segment(name)}`, { signal });
export const corridors = (values, signal) => ask(query("corridors", values), { signal });
export const meters = (signal) => ask("meters", { signal });

/** Says what an incident was. The token goes nowhere else, and is not kept here. */
export function giveFeedback(name, verdict, token) {
  return ask(`incidents/${segment(name)}/feedback`, { method: "POST",
    headers: { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ verdict }) });
}

/** The map; it never changes while a page is open. Where it is out of reach it is asked for again
 * the next time. */
let world = null;
export function worldMap() {
  // The sensor says under which name it is kept for good; the name alone serves as well.
  world ??= fetch(document.documentElement.dataset.map ?? "console/world.json")
    .then((answer) => answer.json());
  world.catch(() => { world = null; });
  return world;
}
