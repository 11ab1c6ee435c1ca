/* The overview's selection: kept in the URL, applied without a round trip where possible. */
(() => {
  const EMPTY = {period: "today", line: null, unit: null, reason: null};

  function url(chosen) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(chosen)) {
      if (value && value !== EMPTY[name]) query.set(name, value);
    }
    const text = query.toString();
    return window.location.pathname + (text ? `?${text}` : "");
  }

  function point(clicked) {
    return clicked && clicked.points && clicked.points[0];
  }

  function changed(trigger, values, before) {
    const [period, line, loss, shift, pick] = values;
    switch (trigger) {
      case "overview-period.value":
        return {period};
      case "overview-line.value":
        return (line || null) === before.line ? {} : {line: line || null, unit: null};
      case "overview-losses.clickData": {
        const reason = point(loss) && point(loss).y;
        return {reason: reason === before.reason ? null : reason};
      }
      case "overview-shifts.clickData": {
        const [equipment, startedAt] = point(shift).customdata;
        return {line: equipment, period: startedAt.replace(" ", "T"), unit: null};
      }
      case "overview-pick.data":
        return "period" in pick && !pick.period ? {period: EMPTY.period} : pick;
      default:
        return {};
    }
  }

  function choose(...given) {
    const before = given.pop();
    const triggered = window.dash_clientside.callback_context.triggered;
    const after = Object.assign({}, before);
    for (const {prop_id} of triggered) Object.assign(after, changed(prop_id, given, before));
    if (JSON.stringify(after) === JSON.stringify(before)) return window.dash_clientside.no_update;
    window.history.pushState(null, "", url(after));
    return after;
  }

  function showLine(chosen) {
    let rule = document.getElementById("overview-line-rule");
    if (!rule) {
      rule = document.createElement("style");
      rule.id = "overview-line-rule";
      document.head.append(rule);
    }
    rule.textContent = chosen.line
      ? `.line:not([data-line="${CSS.escape(chosen.line)}"]) { display: none; }`
      : "";
    // A selection made in a chart or a card shows in the controls.
    window.dash_clientside.set_props("overview-line", {value: chosen.line || ""});
    window.dash_clientside.set_props("overview-period", {value: chosen.period});
    return chosen.line || "";
  }

  function open() {
    window.takt.follow();
    return "yes";
  }

  function refreshStops() {
    const [{prop_id}] = window.dash_clientside.callback_context.triggered;
    window.dash_ag_grid.getApiAsync("overview-stops").then((api) => {
      if (prop_id === "overview-publication.data") api.refreshInfiniteCache();
      else api.purgeInfiniteCache();
    });
  }

  document.addEventListener("click", (event) => {
    const picked = event.target.closest("[data-pick]");
    if (!picked) return;
    window.dash_clientside.set_props("overview-pick", {data: JSON.parse(picked.dataset.pick)});
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    overview: {open, choose, showLine, refreshStops},
    frame: {
      switchScheme: (clicks) => {
        const root = document.documentElement;
        const preferred = window.matchMedia("(prefers-color-scheme: dark)").matches;
        let scheme = root.dataset.scheme || (preferred ? "dark" : "light");
        if (clicks) {
          scheme = scheme === "dark" ? "light" : "dark";
          root.dataset.scheme = scheme;
          window.localStorage.setItem("takt-scheme", scheme);
        }
        return scheme;
      },
    },
  });
})();
