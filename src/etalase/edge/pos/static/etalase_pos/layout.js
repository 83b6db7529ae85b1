// Where tiles stand: the rows close to the screen, the tile that a key leads to, and the rendition that is sharp on a tile. Pure.

/** Returns the range of products whose rows are at least partly between `top` and `bottom`, in pixels from the first row. */
export function between(top, bottom, { total, columns, rowHeight }) {
  const rows = Math.ceil(total / columns);
  const first = Math.min(Math.max(0, Math.floor(top / rowHeight)), Math.max(0, rows - 1));
  const last = Math.min(rows, Math.max(first + 1, Math.ceil(bottom / rowHeight)));
  return { first: first * columns, end: Math.min(total, last * columns) };
}

/** Returns the index of the tile that `key` leads to from `index`, or null for another key. */
export function reached(key, index, { total, columns, rowsOnScreen }) {
  const page = columns * Math.max(1, rowsOnScreen);
  const lastRow = Math.floor((total - 1) / columns);
  // Below the last row there is nothing; from the row before it, a gap leads to the last tile.
  const down = (by) => Math.min(index + by, Math.floor(index / columns) < lastRow ? total - 1 : index);
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, index - 1);
    case "ArrowRight":
      return Math.min(total - 1, index + 1);
    case "ArrowUp":
      return index < columns ? index : index - columns;
    case "ArrowDown":
      return down(columns);
    case "PageUp":
      return index < page ? index % columns : index - page;
    case "PageDown":
      return down(page);
    case "Home":
      return 0;
    case "End":
      return total - 1;
    default:
      return null;
  }
}

/** Returns the addresses of a product's picture on a tile of `pixels` of the screen, the best first: a rendition, the photo. */
export function sources({ renditions = [], has_photo, image_url }, pixels) {
  const sharp = renditions.find((rendition) => rendition.width >= pixels) ?? renditions.at(-1);
  if (sharp === undefined) return [image_url];
  return has_photo ? [sharp.image_url, image_url] : [sharp.image_url];
}

/** Returns the products of `now`, and those of `before` that it lacks, each behind its predecessor. */
export function merged(before, now) {
  const listed = new Set(now.map((product) => product.id));
  const missingAfter = new Map();
  let predecessor = null;
  for (const product of before) {
    if (listed.has(product.id)) predecessor = product.id;
    else if (missingAfter.has(predecessor)) missingAfter.get(predecessor).push(product);
    else missingAfter.set(predecessor, [product]);
  }
  if (missingAfter.size === 0) return now;
  return [...(missingAfter.get(null) ?? []), ...now.flatMap((product) => [product, ...(missingAfter.get(product.id) ?? [])])];
}
