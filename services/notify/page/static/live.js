// Keeps an open status page up to date. Without it, the page is complete as it was sent.
(() => {
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  const mark = document.getElementById("live-mark");
  if (!window.EventSource || !window.fetch) return;
  let last = Promise.resolve();
  let source;

  const refresh = async () => {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) return;
    live.dataset.events = fresh.dataset.events;
    if (fresh.innerHTML === live.innerHTML) return;
    const focused = live.contains(document.activeElement) && document.activeElement.id;
    live.innerHTML = fresh.innerHTML;
    document.title = page.title;
    if (focused) document.getElementById(focused)?.focus();
    const now = document.getElementById("now").textContent;
    news.textContent = news.dataset.changed + " " + now;
  };

  const open = () => {
    source = new EventSource(live.dataset.events);
    source.onopen = () => { mark.hidden = false; };
    source.onerror = () => {
      mark.hidden = true;
      // A refusal ends it for good; the browser tries everything else again by itself.
      if (source.readyState === 2) setTimeout(open, 30000);
    };
    source.addEventListener("changed", () => {
      last = last.then(refresh).catch(() => { mark.hidden = true; });
    });
  };
  open();
})();
