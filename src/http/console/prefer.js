// Runs before the first paint, so that a page never flashes in the wrong theme, and before anything
// else is there, so that what the overview asks for is on its way.
"use strict";
try {
  const theme = localStorage.getItem("borderflow.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's preference stands.
}
if (/^(#\/?)?$/.test(location.hash)) {
  for (const path of ["jurisdictions?hours=24", "incidents?state=open&limit=5",
    "hours?count=72"]) {
    const link = document.createElement("link");
    Object.assign(link, { rel: "preload", as: "fetch", crossOrigin: "anonymous",
      href: `api/v1/${path}` });
    document.head.append(link);
  }
}
