// Light or dark. A small blocking script, so that the first paint has the right colours. The system decides until
// the visitor does; choosing what the system shows anyway forgets the choice.
(() => {
  const KEY = "loraland.theme";
  const root = document.documentElement;
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      const value = window.localStorage.getItem(KEY);
      return value === "dark" || value === "light" ? value : null;
    } catch {
      return null; // storage is switched off
    }
  }

  function store(value) {
    try {
      if (value) window.localStorage.setItem(KEY, value);
      else window.localStorage.removeItem(KEY);
    } catch {
      // the choice holds for this page
    }
  }

  const system = () => (systemDark.matches ? "dark" : "light");
  const shown = () => root.dataset.theme ?? system();

  function show(choice) {
    if (choice) root.dataset.theme = choice;
    else delete root.dataset.theme;
    root.dataset.shownTheme = shown();
  }

  show(stored());
  systemDark.addEventListener("change", () => show(stored()));
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) show(stored());
  });
  document.addEventListener("DOMContentLoaded", () => {
    const toggle = document.getElementById("theme-toggle");
    if (!toggle) return;
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const next = shown() === "dark" ? "light" : "dark";
      const choice = next === system() ? null : next;
      store(choice);
      show(choice);
    });
  });
})();
