// Keeps the live part of a page honest: says whether it is live, asks only for what has changed, leaves open what was opened.
(() => {
  "use strict";
  const shown = { url: "", etag: "" }; // what the live part shows now
  let lostAt = null;

  const clock = (at) => at.toLocaleTimeString("en-GB");
  const say = (state, text) => {
    const place = document.getElementById("live-state");
    if (!place || place.textContent === text) return;
    place.dataset.state = state;
    place.textContent = text;
  };
  const alive = () => {
    lostAt = null;
    say("on", "Live");
  };
  const lost = (words) => {
    lostAt ??= new Date();
    say("lost", `${words} since ${clock(lostAt)}`);
  };

  // no-store, so that htmx itself sees the 304 and swaps nothing.
  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    request.cache = "no-store";
  });
  document.addEventListener("htmx:before:request", (event) => {
    const { request } = event.detail.ctx;
    if (request.action === shown.url && shown.etag) request.headers["If-None-Match"] = shown.etag;
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { request, response } = event.detail.ctx;
    if (response.status === 200) {
      shown.url = request.action;
      shown.etag = response.headers.get("etag") ?? "";
    } else if (response.status === 304 && request.action === shown.url) {
      shown.etag = response.headers.get("etag") ?? shown.etag; // the same content, looked at later
    }
    if (response.status < 400) alive();
    else if (response.status === 401 || response.status === 403) lost("Signed out: open a new link. Not live");
    else if (response.status === 404) lost("Not here any more. Not live");
    else lost("Connection lost");
  });
  document.addEventListener("htmx:error", () => lost("Connection lost"));
  window.addEventListener("offline", () => lost("Connection lost"));

  // A morph would close what a person has opened.
  htmx.registerExtension("keep-open", {
    htmx_before_morph_attr: (element, detail) => !(element.tagName === "DETAILS" && detail.attrName === "open"),
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select")) return;
    const search = document.getElementById("q");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  });
  alive();
})();
