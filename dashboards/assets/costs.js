/* The selection of the pages of costs: kept in the URL; a link changes it without leaving the page. */
(() => {
  // What another choice makes meaningless.
  const DROPS = {
    period: ["order", "loss", "at", "shown"],
    site: ["order", "loss", "at", "shown"],
    status: ["shown"],
    find: ["shown"],
    version: ["open"],
    item: ["open"],
  };
  const USUAL = {level: "rolled_up"};
  let awaited = null;

  function url(chosen) {
    const text = new URLSearchParams(chosen).toString();
    return window.location.pathname + (text ? `?${text}` : "");
  }

  /* A control gives its choice; the empty one is the usual. */
  function choose(...given) {
    const before = given.pop();
    const after = {...before};
    for (const {prop_id, value} of window.dash_clientside.callback_context.triggered) {
      const name = prop_id.split(".")[0].split("-")[1];
      if ((value || "") === (before[name] || USUAL[name] || "")) continue;
      for (const other of DROPS[name] || []) delete after[other];
      if (value && value !== USUAL[name]) after[name] = value;
      else delete after[name];
    }
    if (JSON.stringify(after) === JSON.stringify(before)) return window.dash_clientside.no_update;
    window.history.pushState(null, "", url(after));
    return after;
  }

  /* What controls offer; set here, since what they say decides about it. */
  function offer(offers) {
    for (const [id, props] of Object.entries(offers)) window.dash_clientside.set_props(id, props);
    return "yes";
  }

  function open() {
    window.takt.follow();
    return "yes";
  }

  function go(link) {
    const page = document.querySelector("main.costing").id.split("-")[0];
    const query = new URL(link.href).searchParams;
    awaited = link.dataset.then || null;
    window.history.pushState(null, "", link.href);
    window.dash_clientside.set_props(`${page}-chosen`, {data: Object.fromEntries(query)});
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.go[data-then]");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !isPlain || event.button !== 0) return;
    event.preventDefault();
    go(link);
  });

  /* Brings into view what was asked for, once it is there. */
  function reveal(content) {
    const {id} = window.dash_clientside.callback_context.outputs_list;
    if (awaited === id && content && content.length) {
      awaited = null;
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      window.requestAnimationFrame(() =>
        document.getElementById(id).scrollIntoView({
          behavior: calm ? "auto" : "smooth",
          block: "start",
        }),
      );
    }
    return content && content.length ? "yes" : "no";
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    costs: {open, choose, offer, reveal},
  });
})();
