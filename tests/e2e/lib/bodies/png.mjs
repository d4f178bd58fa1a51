// Images as large as photographs.
import zlib from 'node:zlib';

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(zlib.crc32(named), 4);
  return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
}

/** Grey, a byte each, of rows that are deflated already. */
export function greyPng(width, height, deflated) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 0], 8);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflated), chunk('IEND', Buffer.alloc(0))]);
}

/** A square PNG of about `bytes`, which no compression makes smaller; `shade` tells it from others. */
export function png(bytes, shade = 0) {
  const side = Math.round(Math.sqrt(bytes / 3));
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 2], 8); // RGB, a byte each
  const rows = Buffer.alloc(side * (side * 3 + 1));
  for (let y = 0; y < side; y += 1) rows.fill((y * 7 + shade) & 255, y * (side * 3 + 1) + 1, (y + 1) * (side * 3 + 1));
  const data = zlib.deflateSync(rows, { level: 0 });
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

/** As a part of a message. */
export const pngPart = (bytes, shade) => ({ type: 'file', mediaType: 'image/png', url: `data:image/png;base64,${png(bytes, shade).toString('base64')}` });
