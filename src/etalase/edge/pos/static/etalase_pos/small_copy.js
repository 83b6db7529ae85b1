// Small copies of pictures that are too large to be kept. One is made at a time, because each takes its whole size in memory.

const waiting = [];
let isCopying = false;

/** Returns a canvas with a small copy of a large picture, or null if it is not large. The wait for others is not limited. */
export async function shrunk(image, place, mostPixels, limit) {
  const scale = mostPixels / Math.max(image.naturalWidth, image.naturalHeight);
  if (scale >= 1) return null;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  limit.end();
  await turn(place);
  try {
    if (!limit.signal.aborted) {
      limit.begin();
      await copy(image, canvas, limit.signal);
    }
  } finally {
    isCopying = false;
    nextTurn();
  }
  return canvas;
}

/** Waits until no other picture is copied. */
function turn(place) {
  return new Promise((resolve) => {
    waiting.push({ place, resolve });
    nextTurn();
  });
}

/** The viewer is first, then the tiles on the screen, then those around it. */
function nextTurn() {
  if (isCopying || waiting.length === 0) return;
  const ranks = waiting.map(({ place }) => rank(place));
  const [first] = waiting.splice(ranks.indexOf(Math.min(...ranks)), 1);
  isCopying = true;
  first.resolve();
}

function rank(place) {
  if (place.closest("dialog") !== null) return 0;
  const { top, bottom } = place.getBoundingClientRect();
  return bottom > 0 && top < innerHeight ? 1 : 2;
}

async function copy(image, canvas, signal) {
  try {
    // Decoded beside the page's thread, and let go at once: an <img> keeps all its pixels for long. The file is in the
    // browser's cache; not every bucket tells the browser that a page may read it.
    const response = await fetch(image.src, { mode: "cors", credentials: "omit", signal });
    const size = { resizeWidth: canvas.width, resizeHeight: canvas.height, resizeQuality: "high" };
    const bitmap = await createImageBitmap(await response.blob(), size);
    canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
    return;
  } catch {
    if (signal.aborted) return;
  }
  const context = canvas.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
}
