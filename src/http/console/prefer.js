// Runs before anything else is there, so that what the first view asks for is on its way while the
// rest of the page is read, and so that a page never flashes in the wrong theme.
"use strict";
{
  // The same as the views ask for (a test holds it: tests/console/test_speed.py).
  const FIRST = {
    "": ["jurisdictions?hours=24", "incidents?state=open&limit=5", "hours?count=72"],
    incidents: ["incidents?state=open&limit=50"],
    assets: ["assets?limit=50"],
    jurisdictions: ["jurisdictions?hours=24"],
  };
  const view = location.hash.replace(/^#\/?/, "");
  const paths = ["status", ...(Object.hasOwn(FIRST, view) ? FIRST[view] : [])];
  /** An answer whose body is read as soon as it is there, and not first when somebody takes it. */
  const ask = async (path) => {
    const answer = await fetch(`api/v1/${path}`, { signal: AbortSignal.timeout(15000) });
    const body = answer.json();
    body.catch(() => null);
    return { ok: answer.ok, status: answer.status, json: () => body };
  };
  /** Answers that are on their way, by their paths; each is taken once (api.js). */
  window.ahead = new Map(paths.map((path) => [path, ask(path)]));
  // Who takes one is told what went wrong.
  for (const answer of window.ahead.values()) answer.catch(() => null);
  try {
    const theme = localStorage.getItem("borderflow.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's preference stands.
  }
}
