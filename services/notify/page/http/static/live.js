// Keeps an open status page up to date. Without it, the page is complete as it was sent.
(() => {
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  const mark = document.getElementById("live-mark");
  if (!window.EventSource || !window.fetch) return;
  let last = Promise.resolve();
  let source;
  let timer;

  const refresh = async () => {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!answer.ok || !fresh) throw new Error("no page");
    live.dataset.events = fresh.dataset.events;
    if (fresh.innerHTML === live.innerHTML) return;
    const focused = live.contains(document.activeElement) && document.activeElement.id;
    live.innerHTML = fresh.innerHTML;
    document.title = page.title;
    if (focused) document.getElementById(focused)?.focus();
    const now = document.getElementById("now").textContent;
    news.textContent = news.dataset.changed + " " + now;
  };

  // What is shown is not kept up to date now. The version that the page shows stands in the address:
  // a change that it has missed is told again.
  const later = (seconds) => {
    mark.hidden = true;
    source.close();
    clearTimeout(timer);
    timer = setTimeout(open, seconds * 1000);
  };

  const open = () => {
    source = new EventSource(live.dataset.events);
    source.onopen = () => { mark.hidden = false; };
    source.onerror = () => {
      mark.hidden = true;
      // A refusal ends it for good; the browser tries everything else again by itself. After a
      // restart all are refused at once.
      if (source.readyState === 2) later(20 + 20 * Math.random());
    };
    source.addEventListener("changed", () => {
      // Not all pages at once: whoever did not answer may have had too many of them.
      last = last.then(refresh).catch(() => later(3 + 4 * Math.random()));
    });
  };
  open();
})();
