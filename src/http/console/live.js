// The stream of events, and how old what is shown has become.

import * as api from "./api.js";

/** Without a word of the sensor for so long, what is shown is old. A tick comes each second of
 * traffic, and the health every 10. */
const SILENCE_SECONDS = 25;
const RETRY_SECONDS_MAX = 30;
const POLL_SECONDS = 10;

const listeners = new Map();
let source = null;
let retrySeconds = 1;
let heard = performance.now();
let polling = null;

/** What the stream is doing: `connecting`, `live`, `polling` or `stale`. */
export const state = { is: "connecting", now: null };

export function on(event, listener) {
  if (!listeners.has(event)) listeners.set(event, new Set());
  listeners.get(event).add(listener);
}

function tell(event, value) {
  for (const listener of listeners.get(event) ?? []) listener(value);
}

function become(is) {
  if (state.is === is) return;
  state.is = is;
  tell("state", is);
}

/** Seconds since the sensor last said anything. */
export const silence = () => (performance.now() - heard) / 1000;

/** Notes that the sensor answered, by whatever way. */
export function hear(now) {
  heard = performance.now();
  if (now) state.now = now;
}

function receive(event, use) {
  source.addEventListener(event, (message) => {
    let value;
    try {
      value = JSON.parse(message.data);
    } catch {
      return;
    }
    hear(value.now);
    retrySeconds = 1;
    become("live");
    use(value);
  });
}

/** Opens the stream, and again whenever it ends. */
export function connect() {
  source?.close();
  source = new EventSource("api/v1/events");
  receive("tick", (tick) => tell("tick", tick));
  receive("alert", (alert) => tell("alert", alert));
  receive("health", (health) => tell("health", health));
  source.onopen = () => {
    clearInterval(polling);
    polling = null;
    if (state.is !== "connecting") tell("again");
  };
  source.onerror = () => {
    source.close();
    setTimeout(connect, retrySeconds * 1000 * (0.75 + Math.random() / 2));
    retrySeconds = Math.min(retrySeconds * 2, RETRY_SECONDS_MAX);
    polling ??= setInterval(poll, POLL_SECONDS * 1000);
    if (state.is === "connecting") poll();
  };
}

/** Where no stream is to be had, as when others have them all, the sensor is asked. */
async function poll() {
  try {
    const status = await api.status();
    if (state.is === "live" && silence() < SILENCE_SECONDS) return;
    hear(status.now);
    become("polling");
    tell("status", status);
  } catch {
    // The watch below says how old things are.
  }
}

/** Says once a second how things are; `stale` as soon as nothing has been heard for long. */
export function watch() {
  setInterval(() => {
    if (silence() > SILENCE_SECONDS) {
      become("stale");
      // A stream can hang without an error, as behind a proxy that lost its other side.
      if (source.readyState === EventSource.OPEN && silence() > 2 * SILENCE_SECONDS) {
        source.onerror();
      }
    }
    tell("second");
  }, 1000);
}
