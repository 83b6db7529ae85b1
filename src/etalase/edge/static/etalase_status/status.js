// The page renews itself. What the server said last stays while it is silent, marked as old, since an age that no longer grows
// would look fresh for ever.

const TIMEOUT_MS = 25_000;
const RETRY_MS = 5_000;

const element = (id) => document.getElementById(id);
let readAt = new Date();
let timer = 0;

const waitMs = () => Number(element("status").dataset.refreshSeconds) * 1000;

function ask() {
  clearTimeout(timer);
  const asking = new XMLHttpRequest();
  asking.responseType = "document";
  asking.timeout = TIMEOUT_MS;
  asking.onloadend = () => {
    const renewed = asking.response?.getElementById("status") ?? null;
    if (renewed === null) fellSilent();
    else show(asking.response, renewed);
    timer = setTimeout(ask, renewed === null ? RETRY_MS : waitMs());
  };
  asking.open("GET", location.href);
  asking.send();
}

function show(page, renewed) {
  for (const open of document.querySelectorAll("details[open]")) {
    const again = page.getElementById(open.id);
    if (again !== null) again.open = true;
  }
  element("status").replaceWith(document.adoptNode(renewed));
  document.title = page.title;
  document.body.classList.remove("is-old");
  element("silent").hidden = true;
  readAt = new Date();
}

function fellSilent() {
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }).format(readAt);
  const notice = element("silent");
  notice.textContent = notice.dataset.text.replace("{time}", time);
  notice.hidden = false;
  document.body.classList.add("is-old");
}

timer = setTimeout(ask, waitMs());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) ask();
});
