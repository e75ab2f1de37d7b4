// What a page does better with a script; everything works without it.
"use strict";

(() => {
  document.documentElement.classList.add("scripted");

  // Times in the viewer's zone; UTC stays in the title.
  const zoned = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
    timeZoneName: "short",
  });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = zoned.format(at);
  }

  // A second click on a button that sends has no second effect.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  addEventListener("pageshow", (event) => {
    // A page of the console that one comes back to is looked at anew.
    if (event.persisted && document.querySelector(".who")) location.reload();
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // A field that was left is looked at; what is wrong with it goes with it. Not
  // before a press has become a click: what is pressed, a button or a link,
  // would move away from under the finger.
  let pressing = false;
  const left = new Set();
  const settle = () => {
    pressing = false;
    setTimeout(() => {
      if (pressing) return;
      for (const look of left) look();
      left.clear();
    });
  };
  document.addEventListener("pointerdown", () => { pressing = true; }, true);
  for (const kind of ["click", "pointercancel", "keydown"]) document.addEventListener(kind, settle, true);
  for (const field of document.querySelectorAll("input[data-pattern]")) {
    const pattern = new RegExp(field.dataset.pattern, "i");
    const look = () => {
      const id = `${field.id}-error`;
      const good = field.value.trim() === "" || pattern.test(field.value.trim());
      document.getElementById(id)?.remove();
      const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((one) => one && one !== id);
      if (good) {
        field.removeAttribute("aria-invalid");
      } else {
        const error = document.createElement("p");
        error.className = "error";
        error.id = id;
        error.setAttribute("role", "alert");
        error.textContent = field.dataset.wrong;
        field.closest(".field").append(error);
        field.setAttribute("aria-invalid", "true");
        described.unshift(id);
      }
      field.setAttribute("aria-describedby", described.join(" "));
    };
    field.addEventListener("change", () => {
      if (pressing) left.add(look);
      else look();
    });
  }

  // Keys: j and k walk the rows, a and r open what the page offers.
  const rows = [...document.querySelectorAll("a.row-link")];
  const walk = (step) => {
    if (rows.length === 0) return;
    const here = rows.indexOf(document.activeElement);
    const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + step, 0), rows.length - 1);
    rows[next].focus();
  };
  const follow = (key) => {
    const row = document.activeElement?.closest?.("tr");
    const link = row?.querySelector(`a[data-key="${key}"]`) ?? document.querySelector(`main a[data-key="${key}"]`);
    if (link && (row || rows.length === 0)) link.click();
  };
  let keys = true;
  try { keys = localStorage.getItem("keys") !== "off"; } catch { /* Nothing is kept: they are on. */ }
  const say = (button) => {
    document.documentElement.classList.toggle("keys-off", !keys);
    button.textContent = `Switch single-key shortcuts ${keys ? "off" : "on"}`;
  };
  for (const button of document.querySelectorAll("button[data-keys]")) {
    say(button);
    button.addEventListener("click", () => {
      keys = !keys;
      try { localStorage.setItem("keys", keys ? "on" : "off"); } catch { /* For this page only, then. */ }
      say(button);
    });
  }
  document.addEventListener("keydown", (event) => {
    if (!keys || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
    else if (event.key === "a" || event.key === "r") follow(event.key);
    else return;
    event.preventDefault();
  });

  // Copyable codes.
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const said = button.firstChild;
      said.textContent = "Copied";
      setTimeout(() => { said.textContent = "Copy"; }, 2000);
    });
  }
})();
