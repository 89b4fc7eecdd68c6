/** The layout of tiles in a rectangle. */
export interface GridShape {
  columns: number;
  width: number;
  height: number;
}

/** Limit for cropping a camera picture: cropping is better than a small picture, up to this point. */
const WIDEST = 16 / 9;
const NARROWEST_UPRIGHT = 3 / 4;
const NARROWEST_LYING = 4 / 3;

/**
 * The columns for which `count` tiles with `gap` px between them are largest in `width` x `height` px.
 * `whole`: pictures are not cut, so that a tile has their shape.
 */
export function gridShape(width: number, height: number, count: number, gap: number, whole = false): GridShape {
  const cut = Math.min(NARROWEST_LYING, Math.max(NARROWEST_UPRIGHT, width / Math.max(1, height)));
  const narrowest = whole ? WIDEST : cut;
  let best: GridShape = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const cellWidth = Math.max(0, (width - gap * (columns - 1)) / columns);
    const cellHeight = Math.max(0, (height - gap * (rows - 1)) / rows);
    const tileWidth = Math.min(cellWidth, cellHeight * WIDEST);
    const tileHeight = Math.min(cellHeight, tileWidth / narrowest);
    if (tileWidth * tileHeight > best.width * best.height) best = { columns, width: tileWidth, height: tileHeight };
  }
  return { columns: best.columns, width: Math.floor(best.width), height: Math.floor(best.height) };
}
