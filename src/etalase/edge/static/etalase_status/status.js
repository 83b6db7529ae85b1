// The page renews itself. What the server said last stays while it is silent, marked as old, since a time that nobody reads again
// would look fresh for ever. And it tries whether this very screen can load a photo from where tills load them.

const TIMEOUT_MS = 25_000;
const RETRY_MS = 5_000;
const TRY_TIMEOUT_MS = 15_000;
// A photo that could be loaded is not asked for again with each renewal.
const TRY_AGAIN_MS = 300_000;

const element = (id) => document.getElementById(id);
let timer = 0;
let tried = { url: "", could: null, until: 0 };

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
  asking.open("GET", element("status").dataset.url);
  asking.send();
}

function show(page, renewed) {
  for (const open of document.querySelectorAll("details[open]")) {
    const again = page.getElementById(open.id);
    if (again !== null) again.open = true;
  }
  const focused = document.activeElement?.id ?? "";
  element("status").replaceWith(document.adoptNode(renewed));
  if (focused !== "") element(focused)?.focus({ preventScroll: true });
  document.title = page.title;
  document.body.classList.remove("is-old");
  element("silent").hidden = true;
  tryScreen();
}

function fellSilent() {
  const notice = element("silent");
  notice.textContent = notice.dataset.text.replace("{time}", element("status").dataset.now);
  notice.hidden = false;
  document.body.classList.add("is-old");
}

function tryScreen() {
  const url = element("screen")?.dataset.url ?? "";
  if (url === "") return;
  if (tried.url === url && Date.now() < tried.until) {
    tellScreen();
    return;
  }
  for (const text of element("screen").querySelectorAll(".scripted")) text.hidden = false;
  const image = new Image();
  const finish = (could) => {
    clearTimeout(timeout);
    image.onload = image.onerror = null;
    image.removeAttribute("src");
    tried = { url, could, until: Date.now() + (could ? TRY_AGAIN_MS : 0) };
    tellScreen();
  };
  const timeout = setTimeout(() => finish(false), TRY_TIMEOUT_MS);
  image.onload = () => finish(image.naturalWidth > 0);
  image.onerror = () => finish(false);
  // What the browser kept from before proves nothing.
  image.src = `${url}${url.includes("?") ? "&" : "?"}screen=${Date.now()}`;
}

function tellScreen() {
  const place = element("screen");
  if (place === null || tried.could === null || place.dataset.url !== tried.url) return;
  place.textContent = tried.could ? place.dataset.can : place.dataset.cannot;
  place.classList.toggle("screen-can", tried.could);
  place.classList.toggle("screen-cannot", !tried.could);
}

timer = setTimeout(ask, waitMs());
tryScreen();
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) ask();
});
