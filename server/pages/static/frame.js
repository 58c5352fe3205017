// The theme: as the system has it until somebody chooses; the choice is a cookie, so that the server sends the page in it.
(() => {
  "use strict";
  const NEXT = { "": "light", light: "dark", dark: "" };
  const SAYS = { "": "as the system", light: "light", dark: "dark" };
  const button = document.getElementById("theme");
  const root = document.documentElement;
  if (!button) return;
  const label = () => {
    const text = `Theme: ${SAYS[root.dataset.theme ?? ""]}. Change to ${SAYS[NEXT[root.dataset.theme ?? ""]]}`;
    button.setAttribute("aria-label", text);
    button.title = text;
    button.hidden = false;
  };
  button.addEventListener("click", () => {
    const next = NEXT[root.dataset.theme ?? ""];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `lineside_theme=${next}; path=/; max-age=${next ? 31536000 : 0}; samesite=lax${secure}`;
    label();
    document.dispatchEvent(new CustomEvent("lineside:theme")); // for what is drawn, not styled
  });
  label();
})();
