// Paints a ThumbHash (https://evanw.github.io/thumbhash/): the colours of a picture in at most 40 bytes, before its file arrives.

// The browser smooths it to the size of the tile; the hash has no finer detail.
const WIDTH = 16;
const HEIGHT = 12;
const COSINES_ACROSS = cosines(WIDTH);
const COSINES_DOWN = cosines(HEIGHT);

/** Returns `canvas`, or a new one, with the picture of the hash, in base64, or null if there is none. Transparency is ignored. */
export function painted(base64, canvas = null) {
  const pixels = base64 ? decoded(base64) : null;
  if (pixels === null) return null;
  canvas ??= blank();
  canvas.getContext("2d").putImageData(new ImageData(pixels, WIDTH, HEIGHT), 0, 0);
  return canvas;
}

/** Returns the mean colour of the hash's picture for CSS; null if the text is not a hash. */
export function mean(base64) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob((base64 ?? "").slice(0, 4)), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
  if (bytes.length < 3) return null;
  const first = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const channels = colour((first & 63) / 63, ((first >> 6) & 63) / 31.5 - 1, ((first >> 12) & 63) / 31.5 - 1);
  return `rgb(${channels.map((channel) => Math.round(255 * Math.min(1, Math.max(0, channel)))).join(" ")})`;
}

function colour(lightness, yellowness, redness) {
  const blue = lightness - (2 / 3) * yellowness;
  const red = (3 * lightness - blue + redness) / 2;
  return [red, red - redness, blue];
}

function blank() {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  canvas.className = "hash";
  canvas.ariaHidden = "true";
  canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  return canvas;
}

/** Returns red, green, blue and alpha of each pixel; null if the text is not a hash. */
export function decoded(base64) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
  if (bytes.length < 5) return null;
  const first = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const second = bytes[3] | (bytes[4] << 8);
  const isTransparent = first >> 23;
  const isLandscape = second >> 15;
  const longSide = isTransparent ? 5 : 7;
  const columns = Math.max(3, isLandscape ? longSide : second & 7);
  const rows = Math.max(3, isLandscape ? second & 7 : longSide);
  let nibble = isTransparent ? 12 : 10;
  // A channel is its mean and cosine waves of few frequencies, each a nibble.
  const channel = (mean, across, down, scale) => {
    const values = new Float32Array(WIDTH * HEIGHT).fill(mean);
    for (let v = 0; v < down; v += 1) {
      for (let u = v ? 0 : 1; u * down < across * (down - v); u += 1, nibble += 1) {
        const amplitude = (((bytes[nibble >> 1] >> ((nibble & 1) << 2)) & 15) / 7.5 - 1) * scale * 2;
        for (let y = 0, at = 0; y < HEIGHT; y += 1) {
          const line = amplitude * COSINES_DOWN[v][y];
          for (let x = 0; x < WIDTH; x += 1, at += 1) values[at] += line * COSINES_ACROSS[u][x];
        }
      }
    }
    return values;
  };
  // Saturation is raised by a quarter, as in the reference, against the loss by quantization.
  const lightness = channel((first & 63) / 63, columns, rows, ((first >> 18) & 31) / 31);
  const yellowness = channel(((first >> 6) & 63) / 31.5 - 1, 3, 3, (((second >> 3) & 63) / 63) * 1.25);
  const redness = channel(((first >> 12) & 63) / 31.5 - 1, 3, 3, (((second >> 9) & 63) / 63) * 1.25);
  const pixels = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  for (let at = 0; at < lightness.length; at += 1) {
    const [red, green, blue] = colour(lightness[at], yellowness[at], redness[at]);
    pixels.set([255 * red, 255 * green, 255 * blue, 255], at * 4);
  }
  return pixels;
}

function cosines(length) {
  return Array.from({ length: 7 }, (_, wave) =>
    Array.from({ length }, (_, place) => Math.cos((Math.PI / length) * (place + 0.5) * wave)),
  );
}
