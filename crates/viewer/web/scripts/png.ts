/** Makes pictures of pages small: a PNG with a palette of the colors that are most frequent. */
import { crc32, deflateSync } from "node:zlib";
import type { Page } from "playwright-core";

interface Indexed {
  readonly width: number;
  readonly height: number;
  /** Three bytes for each color. */
  readonly palette: readonly number[];
  /** A byte for each pixel. */
  readonly base64: string;
}

/** Runs in a page, which can decode pictures. */
async function index([png, most]: [string, number]): Promise<Indexed> {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map<number, number>();
  for (const pixel of pixels) {
    counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  }
  const away = (a: number, b: number) => Math.abs((a & 255) - (b & 255)) + Math.abs(((a >> 8) & 255) - ((b >> 8) & 255)) + Math.abs(((a >> 16) & 255) - ((b >> 16) & 255));
  const colors: number[] = [];
  // The most frequent colors first, but none that looks like one that is there, as long as there are others.
  for (const apart of [16, 6, 1]) {
    for (const [color] of [...counts].sort((a, b) => b[1] - a[1])) {
      if (colors.length < most && colors.every((other) => away(color, other) >= apart)) {
        colors.push(color);
      }
    }
  }
  const nearest = new Map<number, number>();
  for (const color of counts.keys()) {
    let best = 0;
    for (let at = 1; at < colors.length; at += 1) {
      if (away(color, colors[at]!) < away(color, colors[best]!)) {
        best = at;
      }
    }
    nearest.set(color, best);
  }
  let text = "";
  for (const pixel of pixels) {
    text += String.fromCharCode(nearest.get(pixel)!);
  }
  return { width, height, palette: colors.flatMap((color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255]), base64: btoa(text) };
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** The picture with at most `most` colors, of which there may be 256. */
export async function smallPng(page: Page, png: Buffer, most = 160): Promise<Buffer> {
  const { width, height, palette, base64 } = await page.evaluate(index, [png.toString("base64"), most] as [string, number]);
  const pixels = Buffer.from(base64, "base64");
  const rows = Buffer.alloc(height * (width + 1));
  for (let row = 0; row < height; row += 1) {
    // Each row begins with its filter: none.
    pixels.copy(rows, row * (width + 1) + 1, row * width, (row + 1) * width);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head), chunk("PLTE", Uint8Array.from(palette)), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", new Uint8Array()),
  ]);
}
