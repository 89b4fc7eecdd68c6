// Turns a folder of files into C, so that the binary contains the page:
//
//   node tools/embed.mjs web/dist page.c
//
// writes `const struct web_asset web_assets[]` and `const size_t web_asset_count` (src/http/web.h). The same files give
// the same output. Bytes are written as string literals, which compilers read far quicker than lists of numbers.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const types = {
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp3': 'audio/mpeg',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

function filesOf(folder, path = '') {
  return readdirSync(join(folder, path), { withFileTypes: true }).flatMap((entry) => {
    const name = `${path}/${entry.name}`;
    if (entry.isDirectory()) return filesOf(folder, name);
    return entry.name.endsWith('.map') ? [] : [name];
  });
}

function compressed(data) {
  const gzip = gzipSync(data, { level: 9 });
  gzip[9] = 255; // the operating system that compressed it: unknown, everywhere
  return gzip.length < data.length ? gzip : null;
}

// Octal escapes end after three digits, so that no escape swallows the character behind it.
const escapes = Array.from({ length: 256 }, (_, byte) => {
  const plain = byte >= 0x20 && byte < 0x7f && !'"\\?'.includes(String.fromCharCode(byte));
  return plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
});

function literal(data) {
  const lines = [];
  for (let at = 0; at < data.length; at += 64) {
    let line = '';
    for (const byte of data.subarray(at, at + 64)) line += escapes[byte];
    lines.push(`    "${line}"`);
  }
  return lines.length ? lines.join('\n') : '    ""';
}

const quoted = (text) => `"${[...Buffer.from(text)].map((byte) => escapes[byte]).join('')}"`;

// Vite puts the hash of a file's content into its name: index-DiwrgTda.js
const isHashed = (path) => /^\/assets\/.*-[\w-]{8}\.\w+$/.test(path);

function asset(folder, path, number) {
  const data = readFileSync(join(folder, path));
  const gzip = compressed(data);
  const etag = `W/"${createHash('sha256').update(data).digest('hex').slice(0, 32)}"`; // weak: one for both encodings
  const type = types[extname(path).toLowerCase()] ?? 'application/octet-stream';
  const bytes = [`static const uint8_t data_${number}[] =\n${literal(data)};`];
  if (gzip) bytes.push(`static const uint8_t gzip_${number}[] =\n${literal(gzip)};`);
  const row = [
    quoted(path),
    quoted(type),
    quoted(etag),
    `data_${number}`,
    gzip ? `gzip_${number}` : 'NULL',
    data.length,
    gzip ? gzip.length : 0,
    isHashed(path),
  ];
  return { bytes: bytes.join('\n'), row: `    {${row.join(', ')}},` };
}

const [folder, output] = process.argv.slice(2);
if (!output) {
  console.error('usage: node tools/embed.mjs FOLDER OUTPUT.c');
  process.exit(2);
}
const paths = filesOf(folder).sort();
if (!paths.includes('/index.html')) {
  console.error(`${folder} has no index.html: build the page first`);
  process.exit(1);
}
const assets = paths.map((path, number) => asset(folder, path, number));
writeFileSync(
  output,
  `/* Made by tools/embed.mjs. */
#pragma GCC diagnostic ignored "-Woverlength-strings"
#include "http/web.h"

${assets.map(({ bytes }) => bytes).join('\n')}

const struct web_asset web_assets[] = {
${assets.map(({ row }) => row).join('\n')}
};
const size_t web_asset_count = sizeof web_assets / sizeof *web_assets;
`,
);
