// The lobby before the app. Whoever opens an invitation reads, types and clicks while the module still loads; when the app's
// own lobby takes the place of this one, what was done here is done again there.
{
  const app = document.getElementById("app");
  const all = (selector) => [...app.querySelectorAll(selector)];
  const stored = (() => {
    try {
      return JSON.parse(localStorage.getItem("klatch.preferences")) ?? {};
    } catch {
      return {};
    }
  })();
  if (["light", "dark"].includes(stored.theme)) document.documentElement.dataset.theme = stored.theme;

  // The icons of rooms come with the styles that the lobby does without.
  const sprite = document.querySelector(".sprite");
  const addIcons = () => {
    const icons = getComputedStyle(sprite).getPropertyValue("--icons").trim();
    if (!icons || sprite.isWhole) return;
    sprite.isWhole = true;
    sprite.insertAdjacentHTML("beforeend", icons.slice(1, -1));
  };
  addIcons();
  document.addEventListener("load", addIcons, true);

  // What a source's switch says elsewhere on the page, off and on.
  const words = {
    "#i-mic": [".heard", "Your microphone is off. You can listen, write and watch.", "Asking for the microphone…"],
    "#i-camera": [".preview__words", "Your camera is off", "Starting the camera…"],
  };
  const turn = (button, on) => {
    button.ariaChecked = on;
    const use = button.querySelector("use");
    if (!use) return;
    const glyph = use.getAttribute("href").replace("-off", "");
    use.setAttribute("href", on ? glyph : glyph + "-off");
    for (const name of ["tool--on", "tool--busy"]) button.classList.toggle(name, on);
    button.ariaBusy = on || null;
    const [where, ...said] = words[glyph];
    app.querySelector(where).textContent = said[Number(on)];
  };

  const showLobby = () => {
    app.replaceChildren(document.getElementById("threshold").content);
    const [microphone, camera, , relayOnly] = all("[role=switch]");
    turn(microphone, stored.join_with_microphone !== false);
    turn(camera, stored.join_with_camera === true);
    turn(relayOnly, stored.relay_only === true);
    if (stored.theme) app.querySelector("#theme").value = stored.theme;
    if (typeof stored.name === "string" && stored.name) {
      app.querySelector("#your-name").value = stored.name;
      app.querySelector(".avatar").textContent = [...stored.name][0];
    }
    const [page, buttons, fields] = [app.firstElementChild, all("button"), all("input, select")];
    const before = fields.map(({ value }) => value);
    const clicked = new Set();
    let [held, focused] = [-1, null];

    page.addEventListener("submit", (event) => {
      event.preventDefault();
      const join = buttons.at(-1);
      clicked.add(join);
      join.disabled = true;
      join.ariaBusy = "true";
    });
    page.addEventListener("click", ({ target }) => {
      const button = target.closest("[role=switch]");
      if (!button) return;
      turn(button, button.ariaChecked !== "true");
      if (!clicked.delete(button)) clicked.add(button);
    });
    page.addEventListener("pointerdown", ({ target }) => (held = buttons.indexOf(target.closest("button"))));
    page.addEventListener("focusin", ({ target }) => (focused = target));
    // Some browsers take what is removed for left.
    page.addEventListener("focusout", ({ target }) =>
      setTimeout(() => page.isConnected && focused === target && (focused = null)));

    const takeOver = new MutationObserver(() => {
      // Emptied, but not yet filled again.
      if (page.isConnected || !app.firstElementChild) return;
      takeOver.disconnect();
      // Something else than the lobby has come: in the room already, or why that can't be.
      if (!app.querySelector(".lobby")) return;
      const fresh = all("button");
      fields.forEach((field, index) => {
        const own = document.getElementById(field.id);
        if (field.value !== before[index] && own) {
          own.value = field.value;
          own.dispatchEvent(new Event(own.matches("select") ? "change" : "input", { bubbles: true }));
        }
        if (field === focused && own) {
          own.focus();
          own.setSelectionRange?.(field.selectionStart, field.selectionEnd);
        }
      });
      // Only once the app has taken in what was typed.
      setTimeout(() => buttons.forEach((button, index) => clicked.has(button) && fresh[index]?.click()));
      // Pressed here and released there is no click to the browser.
      const pressed = fresh[held];
      if (!pressed) return;
      const release = ({ target }) => pressed.contains(target) && pressed.click();
      document.addEventListener("pointerup", release, { capture: true, once: true });
    });
    takeOver.observe(app, { childList: true });
    document.addEventListener("pointerup", () => (held = -1), true);
  };

  // What the home page needs besides; elsewhere the app asks for it.
  if (location.pathname === "/")
    document.querySelectorAll("[data-rel]").forEach((link) => {
      link.rel = link.dataset.rel;
      delete link.dataset.rel;
    });

  // Only where the app will, unless a browser can't make calls.
  const invited = /^\/r\/[-0-9a-f]{36}$/.test(location.pathname) && /^#[-\w]{43}\.[-\w]{22}$/.test(location.hash);
  if (invited && isSecureContext && window.RTCPeerConnection) showLobby();

  // The app broke down: what is heard goes on, and nothing that is clicked.
  addEventListener("error", ({ error }) => {
    if (!(error instanceof WebAssembly.RuntimeError)) return;
    const words = document.createElement("p");
    words.className = "notice notice--error notice__text";
    words.textContent = "This page has stopped working. Load it again: your seat is kept.";
    document.getElementById("notices").replaceChildren(words);
  });

  // The script or the module did not come, or broke before it could say so itself.
  const failed = () => {
    const place = app.querySelector("#join-error, .loading__words");
    if (place) place.textContent = "This page did not load whole. Check your connection, then load it again.";
  };
  const failures = ["error", "unhandledrejection"];
  failures.forEach((failure) => addEventListener(failure, failed, true));
  addEventListener("TrunkApplicationStarted", () => failures.forEach((failure) => removeEventListener(failure, failed, true)));
}
