/* The stops page's selection, kept in the URL, and what is taken back. */
(() => {
  const EMPTY = {where: "", order: "money", period: "14d"};

  function url(chosen) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(chosen)) {
      if (value && value !== EMPTY[name]) query.set(name, value);
    }
    const text = query.toString();
    return window.location.pathname + (text ? `?${text}` : "");
  }

  function choose(where, order, period, before) {
    const after = {where: where || null, order, period};
    if (JSON.stringify(after) === JSON.stringify(before)) return window.dash_clientside.no_update;
    window.history.pushState(null, "", url(after));
    return after;
  }

  function open() {
    window.takt.follow();
    return "yes";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-undo]");
    if (!button) return;
    const asked = {name: button.dataset.undo, at: Date.now()};
    window.dash_clientside.set_props("stops-undo", {data: asked});
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {stops: {open, choose}});
})();
