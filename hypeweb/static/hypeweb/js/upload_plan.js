// What to send of the files somebody chose: arithmetic and bytes, no page.

const ARCHIVES = [".zip", ".tar", ".tar.gz", ".tgz", ".npz", ".npy", ".parquet"];
const BLOCK = 512;
const NAME_BYTES = 100;
const LONGEST_WAIT_MS = 30000;

const encoder = new TextEncoder();

export function isArchive(name) {
  return ARCHIVES.some((suffix) => name.toLowerCase().endsWith(suffix));
}

// The same files, chosen again after a reload, have the same fingerprint.
export function fingerprint(files) {
  let hash = 0x811c9dc5;
  const text = files.map((file) => `${file.name}|${file.size}|${file.lastModified}`).join("\n");
  for (const byte of encoder.encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return `${files.length}-${bytes}-${hash.toString(16)}-${files[0].name}`.slice(0, 200);
}

function octal(value, width) {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

function header(name, size, type) {
  const block = new Uint8Array(BLOCK);
  const put = (offset, text) => block.set(encoder.encode(text), offset);
  block.set(encoder.encode(name).slice(0, NAME_BYTES), 0);
  put(100, octal(0o644, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(0, 12));
  put(148, "        ");
  put(156, type);
  put(257, "ustar\x0000");
  put(148, `${octal(block.reduce((sum, byte) => sum + byte, 0), 7)} `);
  return block;
}

// A record of a pax header counts its own length, digits and all.
function paxRecord(key, value) {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) {
    length = rest + String(length).length;
  }
  return encoder.encode(`${length} ${key}=${value}\n`);
}

function padding(size) {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

// The head of one file in a tar; names too long or not ASCII get a pax header.
export function tarHead(name, size) {
  const plain = /^[\x20-\x7e]*$/.test(name) && name.length <= NAME_BYTES;
  if (plain) {
    return [header(name, size, "0")];
  }
  const record = paxRecord("path", name);
  return [
    header("pax", record.length, "x"),
    record,
    padding(record.length),
    header("image", size, "0"),
  ];
}

// The pieces of a tar of files; a Blob of them reads each file only when it is sent.
export function tarPieces(files) {
  return [
    ...files.flatMap((file) => [...tarHead(file.name, file.size), file, padding(file.size)]),
    new Uint8Array(2 * BLOCK),
  ];
}

// One upload for each archive, and one for all images together.
export function bundles(files) {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const images = sorted.filter((file) => !isArchive(file.name));
  const archives = sorted.filter((file) => isArchive(file.name));
  return [
    ...archives.map((file) => ({ name: file.name, files: [file], isTar: false })),
    ...(images.length === 1 ? [{ name: images[0].name, files: images, isTar: false }] : []),
    ...(images.length > 1 ? [{ name: "images.tar", files: images, isTar: true }] : []),
  ];
}

export function nextPart({ received, size, part }) {
  return { start: received, end: Math.min(received + part, size) };
}

// Doubling from one second; the server may be restarting.
export function waitMs(nFailures) {
  return Math.min(1000 * 2 ** (nFailures - 1), LONGEST_WAIT_MS);
}

export function percent(received, size) {
  return size === 0 ? 0 : Math.floor((100 * received) / size);
}
