/* Follows the server's feed: applies pushed parts, says when the connection is lost and comes
   back by itself, however long that takes. */
(() => {
  const QUIET_MS = 8000; // the server speaks once a second
  const LONGEST_WAIT_MS = 5000;
  let socket = null;
  let heardAt = 0;
  let waitMs = 250;
  let run = null;
  let version = null;
  let lostAt = null;

  /* By the site's clock, as every other time on the page. */
  function clock(at) {
    const form = {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"};
    const site = document.getElementById("frame-site");
    try {
      return at.toLocaleTimeString("en-GB", {...form, timeZone: site.dataset.zone || "UTC"});
    } catch (zoneIsUnknownHere) {
      return `${at.toLocaleTimeString("en-GB", {...form, timeZone: "UTC"})} UTC`;
    }
  }

  /* The id of a part begins with its page, or names it; other pages are not open. */
  function isShown(id) {
    const page = typeof id === "string" ? id.split("-")[0] : id.page;
    return page === "frame" || document.getElementById(`${page}-page`) !== null;
  }

  function tellLost() {
    lostAt = lostAt || new Date();
    const page = document.querySelector("main.page");
    if (page) page.classList.add("is-cut-off");
    window.dash_clientside.set_props("frame-link", {
      className: "notice notice-error",
      children:
        `No connection to Takt since ${clock(lostAt)}. ` +
        "What you see is from then; trying again, the page continues by itself.",
    });
  }

  function tellFound() {
    if (lostAt === null) return;
    lostAt = null;
    window.dash_clientside.set_props("frame-link", {className: "", children: null});
    const page = document.querySelector("main.page");
    if (page) page.classList.remove("is-cut-off");
  }

  function apply(message) {
    heardAt = Date.now();
    waitMs = 250;
    if (run !== null && run !== message.run) {
      // The server was restarted, perhaps with another version of this page.
      window.location.reload();
      return;
    }
    run = message.run;
    // To a page that comes back a server whose lake hangs says again what it said last.
    if (message.version !== version) tellFound();
    version = message.version;
    for (const [id, props] of message.parts) {
      if (isShown(id)) window.dash_clientside.set_props(id, props);
    }
  }

  function follow() {
    const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(`${scheme}//${window.location.host}/live`);
    socket = mine;
    heardAt = Date.now();
    mine.onmessage = (event) => {
      if (socket === mine) apply(JSON.parse(event.data));
    };
    mine.onclose = () => {
      if (socket !== mine) return;
      tellLost();
      socket = null;
      const jitter = 0.5 + Math.random() / 2;
      window.setTimeout(follow, waitMs * jitter);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    };
  }

  function restart() {
    const old = socket;
    socket = null;
    if (old) old.close();
    follow();
  }

  // A connection that looks alive and brings nothing is treated as lost.
  window.setInterval(() => {
    if (socket && Date.now() - heardAt > QUIET_MS) {
      tellLost();
      restart();
    }
  }, 1000);

  window.takt = Object.assign(window.takt || {}, {follow: restart});
})();
