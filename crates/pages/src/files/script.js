// What makes the hand faster. Every page can be read without it.
"use strict";

// A list that renews itself: the part of the page that is marked as live is replaced by that of a new answer.
const live = document.querySelector("[data-live]");
const follow = document.querySelector("input[data-follow]");
if (live && follow) {
  follow.closest("label").hidden = false;
  const renew = async () => {
    if (!follow.checked) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok || answer.redirected) {
        follow.checked = false;
        const told = document.createElement("p");
        told.className = "wrong";
        told.setAttribute("role", "alert");
        told.textContent = "The list is not renewed any more: the service refused it. Load the page again.";
        live.prepend(told);
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-live]");
      if (fresh) live.replaceChildren(...fresh.childNodes);
    } finally {
      if (follow.checked) setTimeout(renew, 2000);
    }
  };
  follow.addEventListener("change", renew);
}

// A key for what has one, unless something is being typed.
document.addEventListener("keydown", (event) => {
  // A key that is held down means one prediction, not all that follow.
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const chosen = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!chosen) return;
  event.preventDefault();
  chosen.click();
});

// A prediction is labelled once, however often a key is pressed; who comes back to the page may label it again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form.labels")) delete form.dataset.sent;
});
for (const form of document.querySelectorAll("form.labels")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}

// A table that is wider than the screen is moved by keyboard, too.
for (const [place, table] of document.querySelectorAll(".table").entries()) {
  if (table.scrollWidth <= table.clientWidth) continue;
  table.tabIndex = 0;
  table.setAttribute("role", "region");
  table.setAttribute("aria-label", `${table.querySelector("caption")?.textContent || "Table"} (${place + 1})`);
}
